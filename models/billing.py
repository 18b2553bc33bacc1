"""Billing runs: one a 25th, with its work list of accounts, cut into chunks that workers take."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigInt, EnumText, UtcDateTime, is_one_of


class RunState(StrEnum):
    """実行中, 要確認, 完了, 一部保留. 予定 is no row: it is a 25th whose list is not written yet."""

    RUNNING = "running"
    REVIEW = "review"
    DONE = "done"
    PARTLY_PARKED = "partly_parked"


class ItemState(StrEnum):
    """Whether an account's fee is still due, posted, or put aside with a reason."""

    DUE = "due"
    DONE = "done"
    PARKED = "parked"


class BillingRun(Base):
    """The run of one 25th: written when its work list is, finished when no chunk is open.

    What was charged so far stands in its chunks; `done_count` and `charged_points` are written at the end.
    """

    __tablename__ = "billing_runs"
    __table_args__ = (
        is_one_of("state", RunState),
        CheckConstraint(
            "(state IN ('done', 'partly_parked')) = (finished_at IS NOT NULL)", name="finished_has_instant"
        ),
        UniqueConstraint("billing_date"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    billing_date: Mapped[dt.date] = mapped_column(Date)
    state: Mapped[RunState] = mapped_column(EnumText(RunState))
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    #: Accounts on the list, and the sum of their fees.
    account_count: Mapped[int] = mapped_column(default=0)
    due_points: Mapped[int] = mapped_column(BigInt, default=0)
    done_count: Mapped[int] = mapped_column(default=0)
    charged_points: Mapped[int] = mapped_column(BigInt, default=0)
    #: Who released a run that had stopped for review, and when.
    released_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    released_by_id: Mapped[int | None] = mapped_column(ForeignKey("administrators.id"))
    released_by_name: Mapped[str] = mapped_column(String(60), default="")


class BillingChunk(Base):
    """A part of a run's work list, of one level: what a worker takes and posts in one transaction."""

    __tablename__ = "billing_chunks"
    __table_args__ = (
        Index(
            "ix_billing_chunks_open",
            "run_id",
            "number",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
    )

    run_id: Mapped[int] = mapped_column(ForeignKey("billing_runs.id"), primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    #: Depth of its accounts in the tree: the deepest are charged first.
    depth: Mapped[int]
    first_account_id: Mapped[int] = mapped_column(BigInt)
    last_account_id: Mapped[int] = mapped_column(BigInt)
    account_count: Mapped[int]
    due_points: Mapped[int] = mapped_column(BigInt)
    done_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    charged_count: Mapped[int] = mapped_column(default=0)
    charged_points: Mapped[int] = mapped_column(BigInt, default=0)
    parked_count: Mapped[int] = mapped_column(default=0)
    #: Host and process that posted it.
    worker_name: Mapped[str] = mapped_column(String(120), default="")


class BillingItem(Base):
    """An account's fee of one 25th, as of its cut; the proof that it was charged, a fee of 0 included."""

    __tablename__ = "billing_items"
    __table_args__ = (
        is_one_of("state", ItemState),
        # PostgreSQL's own check would look at and lock each account, for a fifth of a run's time: the list is
        # written from accounts in one statement, none with a balance can be deleted, and an invariant asks.
        ForeignKeyConstraint(["account_id"], ["accounts.id"], info={"only_on": "sqlite"}).ddl_if(
            dialect="sqlite"
        ),
        CheckConstraint("fee_points >= 0", name="fee_not_negative"),
        CheckConstraint("(state = 'parked') = (parked_reason IS NOT NULL)", name="parked_has_reason"),
        # Of parked ones only: an index that a posted item left would cost each of them a second row version.
        Index(
            "ix_billing_items_parked",
            "account_id",
            sqlite_where=text("state = 'parked'"),
            postgresql_where=text("state = 'parked'"),
        ),
        # A run's rows are written next to each other, once: half the cost of a row number with its own index.
        # Half of each page stays free for the same rows when they are posted.
        {"sqlite_with_rowid": False, "postgresql_with": {"fillfactor": 50}},
    )

    billing_date: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    #: Depth of the account in the tree: the deepest are charged first.
    depth: Mapped[int]
    contract_user_count: Mapped[int]
    #: No foreign key: the run reads the prices in the same transaction, none is ever deleted, and an invariant
    #: checks which one held at the cut; the database's own check would cost a tenth of the run.
    price_version_id: Mapped[int] = mapped_column(BigInt)
    fee_points: Mapped[int] = mapped_column(BigInt)
    state: Mapped[ItemState] = mapped_column(EnumText(ItemState))
    parked_reason: Mapped[str | None] = mapped_column(String(200))
