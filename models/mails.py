"""Outgoing mails: written with their cause, sent by the worker."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigInt, EnumText, UtcDateTime, is_one_of


class MailState(StrEnum):
    """Where a mail is on its way; `kept`: not sent at all but shown (demo)."""

    WAITING = "waiting"
    RETRYING = "retrying"
    SENT = "sent"
    BOUNCED = "bounced"
    KEPT = "kept"


class MailKind(StrEnum):
    """What a mail is about."""

    DELIVERY_NOTICE = "delivery_notice"
    APPROVAL = "approval"
    REJECTION = "rejection"
    CANCELLATION_REMINDER = "cancellation_reminder"
    SUSPENSION_WARNING = "suspension_warning"
    ADMINISTRATOR_REGISTERED = "administrator_registered"
    PASSWORD_LINK = "password_link"  # noqa: S105 - a kind of mail  # nosec B105
    SECOND_FACTOR_CHANGED = "second_factor_changed"
    OPERATOR_ALARM = "operator_alarm"
    AUDIT_HEAD = "audit_head"
    APPROVAL_REQUEST = "approval_request"
    APPROVAL_DECISION = "approval_decision"


class OutgoingMail(Base):
    """One message to one recipient. event_key and recipient make it once; a retry keeps its Message-ID."""

    __tablename__ = "outgoing_mails"
    __table_args__ = (
        UniqueConstraint("event_key", "recipient_email"),
        is_one_of("state", MailState),
        is_one_of("kind", MailKind),
        CheckConstraint("(sent_at IS NOT NULL) = (state = 'sent')", name="sent_has_instant"),
        Index(
            "ix_outgoing_mails_due",
            "next_attempt_at",
            "id",
            sqlite_where=text("state IN ('waiting', 'retrying')"),
            postgresql_where=text("state IN ('waiting', 'retrying')"),
        ),
        Index("ix_outgoing_mails_account_id", "account_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    kind: Mapped[MailKind] = mapped_column(EnumText(MailKind))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    recipient_name: Mapped[str] = mapped_column(String(100))
    recipient_email: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(300))
    body_text: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text, default="")
    message_id: Mapped[str] = mapped_column(String(200), unique=True)
    event_key: Mapped[str] = mapped_column(String(200))
    state: Mapped[MailState] = mapped_column(EnumText(MailState), default=MailState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class BounceLift(Base):
    """A person's word that an address which bounced may be written to again; mails from then on count."""

    __tablename__ = "bounce_lifts"
    __table_args__ = (Index("ix_bounce_lifts_account_id", "account_id", "recipient_email"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    recipient_email: Mapped[str] = mapped_column(String(254))
    lifted_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    lifted_by_id: Mapped[int] = mapped_column(ForeignKey("administrators.id"))
