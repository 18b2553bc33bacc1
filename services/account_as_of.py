"""An account as it was at the end of a Tokyo day: today's row with the later events taken back, oldest last.

Users come from their own history, points from the ledger, 解約予定日 from the consents, the status from the instants
of its life; the rest from the old values that every event keeps.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from sqlalchemy import and_, or_, select

from domain.billing_calendar import start_of_day, tokyo_date
from domain.errors import DomainError
from domain.lifecycle import AccountStatus, SuspensionReason
from models import Account, AuditEvent, Cancellation, ContractUserChange, PointLine, db
from services.profiles import DESCRIPTIVE_FIELDS

#: Columns that events keep the old values of.
KEPT_FIELDS = (
    *DESCRIPTIVE_FIELDS,
    "contract_user_count",
    "contract_date",
    "support_account_id",
    "hidden_menu_keys",
    "parent_id",
)
#: Events that change columns of the account that they stand with; of others (a preset's, a person's) it keeps off.
_CHANGING = (
    "account.updated",
    "profile.updated",
    "application.changed",
    "contract_users.changed",
    "contract_date.changed",
    "customer.moved",
    "menu_preset.applied",
)
_SUSPENSIONS = ("account.suspended", "account.resumed")
#: Event of an application → the status that it leads to.
_APPLICATION_STATES = {
    "application.registered": AccountStatus.PENDING_APPROVAL,
    "application.changed": AccountStatus.PENDING_APPROVAL,
    "application.rejected": AccountStatus.REJECTED,
    "application.approved": AccountStatus.APPROVED,
    "provisioning.failed": AccountStatus.PROVISIONING_FAILED,
    "application.withdrawn": AccountStatus.WITHDRAWN,
}
#: アカウント番号 is given at approval.
_WITHOUT_NUMBER = frozenset({AccountStatus.PENDING_APPROVAL, AccountStatus.REJECTED, AccountStatus.WITHDRAWN})


class DayOutOfRange(DomainError):
    """A day lies before the application, or in the future; carries earliest and latest."""

    field = "as_of"


class AccountState(SimpleNamespace):
    """The columns of an account as they were, named as those of Account, and point_balance (None: no ledger yet)."""


def check_day(*, account: Account, day: dt.date, now: dt.datetime) -> None:
    """Refuse a day of which nothing can be said.

    :raises DayOutOfRange: before the application, or after today in Tokyo.
    """
    earliest, latest = tokyo_date(account.applied_at), tokyo_date(now)
    if not earliest <= day <= latest:
        raise DayOutOfRange(earliest=earliest, latest=latest)


def end_of_day(day: dt.date) -> dt.datetime:
    """Return the first instant that does not belong to a Tokyo day any more."""
    return start_of_day(day + dt.timedelta(days=1))


def state_at(*, account: Account, day: dt.date) -> AccountState:
    """Return an account as it was at the end of a day that check_day has let pass."""
    until = end_of_day(day)
    values = {name: getattr(account, name) for name in KEPT_FIELDS}
    for details in _later_details(account.id, until):
        for name, old in _old_values(details):
            values[name] = old
    if isinstance(values["contract_date"], str):
        values["contract_date"] = dt.date.fromisoformat(values["contract_date"])
    if account.provisioned_at is None or account.provisioned_at >= until:
        values["contract_date"] = None
    else:
        values["contract_user_count"] = _users_at(account.id, until) or values["contract_user_count"]
    status = _status_at(account, until)
    return AccountState(
        **values,
        id=account.id,
        account_type=account.account_type,
        account_number=None if status in _WITHOUT_NUMBER else account.account_number,
        status=status,
        suspension_reason=_reason_at(account, until) if status is AccountStatus.SUSPENDED else None,
        cancellation_date=_cancellation_date_at(account.id, until),
        point_balance=_balance_at(account, until),
    )


def _later_details(account_id: int, until: dt.datetime) -> Iterator[dict[str, Any]]:
    statement = (
        select(AuditEvent.details)
        .where(
            AuditEvent.account_id == account_id,
            AuditEvent.recorded_at >= until,
            AuditEvent.action.in_(_CHANGING),
        )
        .order_by(AuditEvent.id.desc())
    )
    yield from db.session.execute(statement).scalars()


def _old_values(details: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, change in (details.get("changes") or {}).items():
        if name in KEPT_FIELDS:
            yield name, change[0]
    for name, value in details.items():
        if name.startswith("old_") and name.removeprefix("old_") in KEPT_FIELDS:
            yield name.removeprefix("old_"), value


def _users_at(account_id: int, until: dt.datetime) -> int | None:
    return db.session.execute(
        select(ContractUserChange.contract_user_count)
        .where(ContractUserChange.account_id == account_id, ContractUserChange.effective_at < until)
        .order_by(ContractUserChange.effective_at.desc(), ContractUserChange.id.desc())
        .limit(1)
    ).scalar_one_or_none()


def _balance_at(account: Account, until: dt.datetime) -> int | None:
    if account.provisioned_at is None or account.provisioned_at >= until:
        return None
    newest = db.session.execute(
        select(PointLine.balance_after)
        .where(PointLine.account_id == account.id, PointLine.recorded_at < until)
        .order_by(PointLine.line_number.desc())
        .limit(1)
    ).scalar_one_or_none()
    return newest or 0


def _cancellation_date_at(account_id: int, until: dt.datetime) -> dt.date | None:
    """Return the date that a consent of that time had set, whether or not it was carried out since."""
    return db.session.execute(
        select(Cancellation.scheduled_on)
        .where(
            Cancellation.account_id == account_id,
            Cancellation.consented_at < until,
            or_(Cancellation.lifted_at.is_(None), Cancellation.lifted_at >= until),
        )
        .order_by(Cancellation.id.desc())
        .limit(1)
    ).scalar_one_or_none()


def _status_at(account: Account, until: dt.datetime) -> AccountStatus:
    if account.canceled_at is not None and account.canceled_at < until:
        return AccountStatus.CANCELED
    if account.provisioned_at is None or account.provisioned_at >= until:
        return _application_status_at(account, until)
    is_suspended = _newest(account.id, _SUSPENSIONS, AuditEvent.recorded_at < until)
    if is_suspended is not None:
        return AccountStatus.SUSPENDED if is_suspended.action == _SUSPENSIONS[0] else AccountStatus.ACTIVE
    later = _newest(account.id, _SUSPENSIONS, AuditEvent.recorded_at >= until)
    # Without any event of the kind, what the row says has held all the time.
    has_held = later is None and account.status is AccountStatus.SUSPENDED
    return AccountStatus.SUSPENDED if has_held else AccountStatus.ACTIVE


def _application_status_at(account: Account, until: dt.datetime) -> AccountStatus:
    event = _newest(account.id, tuple(_APPLICATION_STATES), AuditEvent.recorded_at < until)
    if event is not None:
        return _APPLICATION_STATES[event.action]
    is_decided = account.decided_at is not None and account.decided_at < until
    return AccountStatus.APPROVED if is_decided else AccountStatus.PENDING_APPROVAL


def _reason_at(account: Account, until: dt.datetime) -> SuspensionReason | None:
    event = _newest(account.id, _SUSPENSIONS[:1], AuditEvent.recorded_at < until)
    known = event.details.get("reason") if event is not None else None
    return SuspensionReason(known) if known in set(SuspensionReason) else account.suspension_reason


def _newest(account_id: int, actions: tuple[str, ...], when: Any) -> AuditEvent | None:
    return db.session.execute(
        select(AuditEvent)
        .where(and_(AuditEvent.account_id == account_id, AuditEvent.action.in_(actions), when))
        .order_by(AuditEvent.id.desc())
        .limit(1)
    ).scalar_one_or_none()
