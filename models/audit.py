"""操作ログ: who did what to which account, appended in the transaction that did it; sealed into a chain later."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigInt, UtcDateTime


class AuditEvent(Base):
    """One operation; `details` holds old and new values. Appended, never changed."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_account_id", "account_id", "id"),
        Index("ix_audit_events_recorded_at", "recorded_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    recorded_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(String(60))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    administrator_id: Mapped[int | None] = mapped_column(ForeignKey("administrators.id"))
    actor_name: Mapped[str] = mapped_column(String(60), default="")
    remote_address: Mapped[str | None] = mapped_column(String(45))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)


class AuditSeal(Base):
    """The seal of one event: a hash over the event and the seal before it. Appended, never changed."""

    __tablename__ = "audit_seals"

    #: 1, 2, 3 … in the order of sealing; an event that was committed late is sealed late.
    number: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(ForeignKey("audit_events.id"), unique=True)
    sealed_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    #: SHA-256 in hexadecimal digits.
    hash: Mapped[str] = mapped_column(String(64))
