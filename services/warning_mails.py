"""Mails that the clock causes: 契約期限前の警告通知, and the warning before a suspension for shortage."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, exists, literal, or_, select

from domain.billing_calendar import start_of_day, tokyo_date
from domain.lifecycle import RUNNING, AccountStatus
from models.accounts import Account
from models.base import db
from models.cancellations import Cancellation
from models.mails import MailKind, OutgoingMail
from models.points import PointBalance
from services import audit
from services.account_contacts import has_recipient, recipients_of
from services.bounces import bounced_addresses
from services.mail_texts import MailBrand
from services.outgoing_mails import MailDraft, queue_mails
from services.suspensions import SUSPENDED_TYPES, is_warned, warned_ahead

#: Days before 解約予定日 on which both contacts are reminded, farthest first.
REMINDER_DAYS = (60, 30)


@dataclass(frozen=True)
class ReminderPlan:
    """Which reminders a 解約予定日 that is set now brings: (days before, date) of each, farthest first.

    `missed_days`: the steps that have passed already. `recipient_count`: the contacts to whom each one goes now,
    without those whose address bounced.
    """

    steps: tuple[tuple[int, dt.date], ...]
    missed_days: tuple[int, ...]
    recipient_count: int


def plan_reminders(*, account: Account, scheduled_on: dt.date, now: dt.datetime) -> ReminderPlan:
    """Return what queue_cancellation_reminders will do for an account if a date is set for it now."""
    days_left = (scheduled_on - tokyo_date(now)).days
    bounced = {address.email.lower() for address in bounced_addresses([account.id]).get(account.id, ())}
    return ReminderPlan(
        steps=tuple((days, scheduled_on - dt.timedelta(days)) for days in REMINDER_DAYS if days <= days_left),
        missed_days=tuple(days for days in REMINDER_DAYS if days > days_left),
        recipient_count=sum(
            (contact.email or "").lower() not in bounced for contact in recipients_of(account)
        ),
    )


def queue_cancellation_reminders(*, now: dt.datetime, brand: MailBrand, limit: int = 500) -> int:
    """Queue the reminders that are due 60 and 30 days before 解約予定日; return how many mails were written.

    Each date and step is told once, a late worker's included; a step that has been overtaken by the next
    one, or that had passed when the date was set, is not told at all. Takes at most `limit` accounts a step.
    """
    today = tokyo_date(now)
    nearer_days = (*REMINDER_DAYS[1:], 0)
    return sum(
        _remind(today, step_days, nearer, now, brand, limit)
        for step_days, nearer in zip(REMINDER_DAYS, nearer_days, strict=True)
    )


def queue_suspension_warnings(
    *, now: dt.datetime, suspend_after_days: int, brand: MailBrand, limit: int = 500
) -> int:
    """Queue the warnings 7 days before an account is suspended for lasting shortage; return how many mails.

    Once for each time that the balance fell below zero; a late one puts off the suspension.
    Takes at most `limit` accounts.
    """
    suspend_after = dt.timedelta(days=suspend_after_days)
    ahead = warned_ahead(suspend_after_days)
    statement = (
        select(Account, PointBalance.point_balance, PointBalance.negative_since)
        .join(PointBalance, PointBalance.account_id == Account.id)
        .where(
            PointBalance.negative_since <= now - suspend_after + ahead,
            Account.status == AccountStatus.ACTIVE,
            Account.account_type.in_(SUSPENDED_TYPES),
            has_recipient(),
            ~is_warned(),
        )
        .order_by(Account.id)
        .limit(limit)
    )
    found = []
    for account, point_balance, negative_since in db.session.execute(statement).all():
        assert negative_since is not None  # the condition above compares it
        context = {
            "point_balance": point_balance,
            "negative_on": tokyo_date(negative_since),
            "suspension_on": tokyo_date(max(negative_since + suspend_after, now + ahead)),
        }
        key = f"suspension_warning:{account.id}:{negative_since.isoformat()}"
        found.append((account, key, context))
    return _queue_to_contacts(MailKind.SUSPENSION_WARNING, found, brand, now)


def _remind(
    today: dt.date, step_days: int, nearer: int, now: dt.datetime, brand: MailBrand, limit: int
) -> int:
    event_key = (
        literal("cancellation_reminder:")
        + cast(Account.id, String)
        + literal(":")
        + cast(Account.cancellation_date, String)
        + literal(f":{step_days}")
    )
    is_reminded = exists().where(OutgoingMail.event_key == event_key)
    statement = (
        select(Account, Cancellation.scheduled_on, event_key)
        .join(Cancellation, Cancellation.account_id == Account.id)
        .where(
            Account.status.in_(RUNNING),
            Cancellation.lifted_at.is_(None),
            Cancellation.executed_at.is_(None),
            Cancellation.scheduled_on == Account.cancellation_date,
            _is_due(today, step_days, nearer),
            has_recipient(),
            ~is_reminded,
        )
        .order_by(Account.id)
        .limit(limit)
    )
    found = []
    for account, scheduled_on, key in db.session.execute(statement).all():
        assert scheduled_on is not None  # the condition above compares it
        context = {"cancellation_date": scheduled_on, "days_left": (scheduled_on - today).days}
        found.append((account, key, context))
    return _queue_to_contacts(MailKind.CANCELLATION_REMINDER, found, brand, now)


def _is_due(today: dt.date, step_days: int, nearer: int) -> ColumnElement[bool]:
    """Return the condition that a step is reached, the next one is not, and the date was set in time."""
    dates = [today + dt.timedelta(days=ahead) for ahead in range(nearer + 1, step_days + 1)]
    return or_(
        *(
            and_(
                Account.cancellation_date == date,
                Cancellation.consented_at < start_of_day(date - dt.timedelta(days=step_days - 1)),
            )
            for date in dates
        )
    )


def _queue_to_contacts(
    kind: MailKind, found: Sequence[tuple[Account, str, dict[str, Any]]], brand: MailBrand, now: dt.datetime
) -> int:
    """Queue a mail to each contact of (account, event key, context); return how many will be sent."""
    bounced = bounced_addresses([account.id for account, _key, _context in found])
    total = 0
    for account, event_key, context in found:
        drafts = _drafts(kind, account, event_key, context)
        count = queue_mails(drafts, brand=brand, now=now, withheld=bounced)
        audit.record(
            action="warning_mail.queued",
            viewer=None,
            account_id=account.id,
            now=now,
            mail_kind=kind,
            mail_count=count,
            withheld_count=len(drafts) - count,
        )
        total += count
    return total


def _drafts(kind: MailKind, account: Account, event_key: str, context: dict[str, Any]) -> list[MailDraft]:
    return [
        MailDraft(
            kind=kind,
            account_id=account.id,
            recipient_name=contact.name or "",
            recipient_email=contact.email or "",
            event_key=event_key,
            language=account.language,
            context={
                "recipient_name": contact.name,
                "recipient_company": contact.company_name,
                "account_number": account.account_number,
                "company_name": account.company_name,
                "contract_user_count": account.contract_user_count,
                **context,
            },
        )
        for contact in recipients_of(account)
    ]
