"""Mails that the clock causes: 契約期限前の警告通知, and the warning before a suspension for shortage."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, exists, literal, or_, select

from domain.billing_calendar import start_of_day, tokyo_date
from domain.lifecycle import RUNNING, AccountStatus
from domain.permissions import AccountType
from models.accounts import Account
from models.base import db
from models.cancellations import Cancellation
from models.mails import MailKind, OutgoingMail
from models.points import PointBalance
from services.account_contacts import has_recipient, recipients_of
from services.mail_texts import MailBrand
from services.outgoing_mails import queue_mail

#: Days before 解約予定日 on which both contacts are reminded, farthest first.
REMINDER_DAYS = (60, 30)
SUSPENSION_WARNING_DAYS = 7
#: Whose accounts are suspended for lasting shortage.
SUSPENDED_TYPES = (AccountType.CUSTOMER, AccountType.SUPPORT)


def has_reminder_ahead(scheduled_on: dt.date, *, now: dt.datetime) -> bool:
    """Tell whether a cancellation set now for a date is far enough ahead for a reminder to go out."""
    return (scheduled_on - tokyo_date(now)).days >= min(REMINDER_DAYS)


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

    Once for each time that the balance fell below zero. Takes at most `limit` accounts.
    """
    suspend_after = dt.timedelta(days=suspend_after_days)
    is_warned = exists().where(
        OutgoingMail.account_id == Account.id,
        OutgoingMail.kind == MailKind.SUSPENSION_WARNING,
        OutgoingMail.created_at >= PointBalance.negative_since,
    )
    statement = (
        select(Account, PointBalance.point_balance, PointBalance.negative_since)
        .join(PointBalance, PointBalance.account_id == Account.id)
        .where(
            PointBalance.negative_since <= now - suspend_after + dt.timedelta(days=SUSPENSION_WARNING_DAYS),
            PointBalance.negative_since > now - suspend_after,
            Account.status == AccountStatus.ACTIVE,
            Account.account_type.in_(SUSPENDED_TYPES),
            has_recipient(),
            ~is_warned,
        )
        .order_by(Account.id)
        .limit(limit)
    )
    count = 0
    for account, point_balance, negative_since in db.session.execute(statement).all():
        assert negative_since is not None  # the condition above compares it
        context = {
            "point_balance": point_balance,
            "negative_on": tokyo_date(negative_since),
            "suspension_on": tokyo_date(negative_since + suspend_after),
        }
        key = f"suspension_warning:{account.id}:{negative_since.isoformat()}"
        count += _queue_to_contacts(MailKind.SUSPENSION_WARNING, account, key, context, brand, now)
    return count


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
    count = 0
    for account, scheduled_on, key in db.session.execute(statement).all():
        assert scheduled_on is not None  # the condition above compares it
        context = {"cancellation_date": scheduled_on, "days_left": (scheduled_on - today).days}
        count += _queue_to_contacts(MailKind.CANCELLATION_REMINDER, account, key, context, brand, now)
    return count


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
    kind: MailKind, account: Account, event_key: str, more: dict[str, Any], brand: MailBrand, now: dt.datetime
) -> int:
    mails = [
        queue_mail(
            kind=kind,
            account_id=account.id,
            recipient_name=contact.name or "",
            recipient_email=contact.email or "",
            event_key=event_key,
            language=account.language,
            brand=brand,
            context={
                "recipient_name": contact.name,
                "recipient_company": contact.company_name,
                "account_number": account.account_number,
                "company_name": account.company_name,
                "contract_user_count": account.contract_user_count,
                **more,
            },
            now=now,
        )
        for contact in recipients_of(account)
    ]
    return sum(mail is not None for mail in mails)
