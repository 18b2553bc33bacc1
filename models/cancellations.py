"""Cancellations: who agreed to what, when, and when it was carried out or lifted."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigInt, UtcDateTime


class Cancellation(Base):
    """One consent to a cancellation. scheduled_on None: at once. At most one of an account is open."""

    __tablename__ = "cancellations"
    __table_args__ = (
        CheckConstraint("executed_at IS NULL OR lifted_at IS NULL", name="executed_or_lifted"),
        CheckConstraint(
            "shown_top_up_points >= 0 AND shown_write_off_points >= 0", name="shown_not_negative"
        ),
        Index("ix_cancellations_account_id", "account_id", "id"),
        Index(
            "uq_cancellations_open",
            "account_id",
            unique=True,
            sqlite_where=text("lifted_at IS NULL"),
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    scheduled_on: Mapped[dt.date | None] = mapped_column(Date)
    consent_text: Mapped[str] = mapped_column(String(300))
    shown_top_up_points: Mapped[int] = mapped_column(BigInt)
    shown_write_off_points: Mapped[int] = mapped_column(BigInt)
    consented_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    administrator_id: Mapped[int] = mapped_column(ForeignKey("administrators.id"))
    executed_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    lifted_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    lifted_by_id: Mapped[int | None] = mapped_column(ForeignKey("administrators.id"))
