"""一時停止 for lasting shortage: set and lifted by the clockwork. Source: 現在のポイントの変更 (Danger)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ColumnElement, exists, or_, select, true

from domain.lifecycle import AccountStatus, Event, SuspensionReason, next_status
from domain.permissions import AccountType
from models import Account, OutgoingMail, PointBalance, db
from models.mails import MailKind
from services import audit
from services.account_contacts import has_recipient

#: MSPs are warned, never suspended by themselves.
SUSPENDED_TYPES = (AccountType.CUSTOMER, AccountType.SUPPORT)
#: How long before a suspension its warning is written, unless accounts are suspended sooner than that.
WARNING_DAYS = 7


def suspension_due_at(negative_since: dt.datetime, suspend_after_days: int) -> dt.datetime:
    """Return the instant from which an account below zero since an instant is suspended."""
    return negative_since + dt.timedelta(days=suspend_after_days)


def warned_ahead(suspend_after_days: int) -> dt.timedelta:
    """Return how long before a suspension its warning must have been written."""
    return dt.timedelta(days=min(WARNING_DAYS, suspend_after_days))


def is_warned(*until: dt.datetime) -> ColumnElement[bool]:
    """Return the condition on Account and PointBalance that this shortage was warned of, until an instant."""
    warning = exists().where(
        OutgoingMail.account_id == Account.id,
        OutgoingMail.kind == MailKind.SUSPENSION_WARNING,
        OutgoingMail.created_at >= PointBalance.negative_since,
    )
    return warning.where(*(OutgoingMail.created_at <= instant for instant in until))


def accounts_to_suspend(*, now: dt.datetime, suspend_after_days: int) -> list[int]:
    """Return the ids of active accounts that have been below zero for more than the days allowed, and know.

    However late the warning was written, it comes its days ahead; who has no contact is not waited for.
    """
    since = now - dt.timedelta(days=suspend_after_days)
    statement = (
        select(Account.id)
        .join(PointBalance, PointBalance.account_id == Account.id)
        .where(
            PointBalance.negative_since < since,
            Account.status == AccountStatus.ACTIVE,
            Account.account_type.in_(SUSPENDED_TYPES),
            # A contact that is not there is NULL, and so is then the condition: not merely its opposite.
            or_(is_warned(now - warned_ahead(suspend_after_days)), has_recipient().is_not(true())),
        )
        .order_by(Account.id)
    )
    return list(db.session.execute(statement).scalars())


def accounts_to_resume() -> list[int]:
    """Return the ids of accounts suspended for shortage that are short no longer."""
    statement = (
        select(Account.id)
        .join(PointBalance, PointBalance.account_id == Account.id)
        .where(
            Account.status == AccountStatus.SUSPENDED,
            Account.suspension_reason == SuspensionReason.SHORTAGE,
            PointBalance.negative_since.is_(None),
        )
        .order_by(Account.id)
    )
    return list(db.session.execute(statement).scalars())


def suspend_for_shortage(*, account_id: int, now: dt.datetime, suspend_after_days: int) -> bool:
    """Suspend one account if it is still due; False: it was paid, suspended or canceled meanwhile."""
    account = _locked(account_id)
    balance = db.session.get_one(PointBalance, account_id)
    if account.status is not AccountStatus.ACTIVE or balance.negative_since is None:
        return False
    if suspension_due_at(balance.negative_since, suspend_after_days) >= now:
        return False
    account.status = next_status(account.status, Event.SUSPEND)
    account.suspension_reason = SuspensionReason.SHORTAGE
    audit.record(
        action="account.suspended",
        viewer=None,
        account_id=account_id,
        now=now,
        reason=SuspensionReason.SHORTAGE,
        point_balance=balance.point_balance,
    )
    return True


def resume_if_covered(*, account_id: int, now: dt.datetime) -> bool:
    """Lift a suspension for shortage when the balance is 0 or more; False: there was none to lift."""
    account = _locked(account_id)
    balance = db.session.get_one(PointBalance, account_id)
    if account.suspension_reason is not SuspensionReason.SHORTAGE or balance.negative_since is not None:
        return False
    account.status = next_status(account.status, Event.RESUME)
    account.suspension_reason = None
    audit.record(
        action="account.resumed",
        viewer=None,
        account_id=account_id,
        now=now,
        point_balance=balance.point_balance,
    )
    return True


def _locked(account_id: int) -> Account:
    return db.session.execute(
        select(Account)
        .where(Account.id == account_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).scalar_one()
