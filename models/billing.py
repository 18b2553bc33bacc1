"""Billing runs: one a 25th, with its work list of accounts."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigInt, EnumText, UtcDateTime, is_one_of


class RunState(StrEnum):
    """実行中, 完了, 一部保留."""

    RUNNING = "running"
    DONE = "done"
    PARTLY_PARKED = "partly_parked"


class ItemState(StrEnum):
    """Whether an account's fee is still due, posted, or put aside with a reason."""

    DUE = "due"
    DONE = "done"
    PARKED = "parked"


class BillingRun(Base):
    """The run of one 25th: written when its work list is, finished when no item is due."""

    __tablename__ = "billing_runs"
    __table_args__ = (is_one_of("state", RunState), UniqueConstraint("billing_date"))

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    billing_date: Mapped[dt.date] = mapped_column(Date)
    state: Mapped[RunState] = mapped_column(EnumText(RunState))
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    account_count: Mapped[int] = mapped_column(default=0)
    done_count: Mapped[int] = mapped_column(default=0)
    charged_points: Mapped[int] = mapped_column(BigInt, default=0)


class BillingItem(Base):
    """An account's fee of one 25th, as of its cut; the proof that it was charged, a fee of 0 included."""

    __tablename__ = "billing_items"
    __table_args__ = (
        is_one_of("state", ItemState),
        CheckConstraint("fee_points >= 0", name="fee_not_negative"),
        CheckConstraint("(state = 'parked') = (parked_reason IS NOT NULL)", name="parked_has_reason"),
        Index(
            "ix_billing_items_open",
            "account_id",
            "billing_date",
            "depth",
            sqlite_where=text("state <> 'done'"),
            postgresql_where=text("state <> 'done'"),
        ),
        # A run's rows are written next to each other, once: half the cost of a row number with its own index.
        {"sqlite_with_rowid": False},
    )

    billing_date: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    #: Depth of the account in the tree: the deepest are charged first.
    depth: Mapped[int]
    contract_user_count: Mapped[int]
    #: No foreign key: the run reads the prices in the same transaction, none is ever deleted, and an invariant
    #: checks which one held at the cut; the database's own check would cost a tenth of the run.
    price_version_id: Mapped[int] = mapped_column(BigInt)
    fee_points: Mapped[int] = mapped_column(BigInt)
    state: Mapped[ItemState] = mapped_column(EnumText(ItemState))
    parked_reason: Mapped[str | None] = mapped_column(String(200))
