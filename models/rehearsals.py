"""Saved rehearsals of a 25th: what its run would have charged when somebody asked."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigInt, UtcDateTime


class BillingRehearsal(Base):
    """A rehearsal of one 25th over the accounts below one account, kept to be held against the run."""

    __tablename__ = "billing_rehearsals"
    __table_args__ = (Index("ix_billing_rehearsals_billing_date", "billing_date", "id"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    billing_date: Mapped[dt.date] = mapped_column(Date)
    made_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    administrator_id: Mapped[int | None] = mapped_column(ForeignKey("administrators.id"))
    actor_name: Mapped[str] = mapped_column(String(60), default="")
    #: Whose rehearsal it is: that account and those below it are in it, unless only some were chosen.
    scope_account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    is_of_chosen: Mapped[bool] = mapped_column(default=False)
    account_count: Mapped[int] = mapped_column(default=0)
    fee_points: Mapped[int] = mapped_column(BigInt, default=0)
    negative_count: Mapped[int] = mapped_column(default=0)


class BillingRehearsalItem(Base):
    """An account in a rehearsal, as a billing item would be, and its balance afterwards."""

    __tablename__ = "billing_rehearsal_items"
    __table_args__ = ({"sqlite_with_rowid": False},)

    rehearsal_id: Mapped[int] = mapped_column(
        ForeignKey("billing_rehearsals.id"), primary_key=True, autoincrement=False
    )
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    contract_user_count: Mapped[int]
    price_version_id: Mapped[int] = mapped_column(BigInt)
    fee_points: Mapped[int] = mapped_column(BigInt)
    #: Fees (points ≥ 0) of the 25ths before it that were still to be posted; they are off `balance_after` too.
    earlier_fee_points: Mapped[int] = mapped_column(BigInt)
    balance_after: Mapped[int] = mapped_column(BigInt)
    #: The newest line of the account then: what moved its balance since has a higher number.
    last_line_number: Mapped[int]
