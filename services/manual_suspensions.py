"""一時停止 and 再開 by hand, by those above a customer. Source: docs/rules.md R14 (手動: lifted by hand only).

The clockwork (services/suspensions.py) neither lifts a manual suspension nor turns it into one for shortage.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from domain.errors import DomainError
from domain.lifecycle import AccountStatus, Event, SuspensionReason, next_status
from domain.permissions import Permission, Viewer
from models import Account, AuditEvent, db
from services import access, audit
from services.ledger import check_running


class SuspensionReasonRequired(DomainError):
    """A manual suspension has no reason."""

    field = "reason"


class NotActive(DomainError):
    """Only an account that is 利用中 can be suspended; this one is suspended already."""

    http_status = 409


class NotManuallySuspended(DomainError):
    """The account is not suspended by hand: it is in use, or suspended for shortage, which lifts by itself."""

    http_status = 409


def check_suspendable(account: Account) -> None:
    """Refuse an account that is suspended already. :raises NotActive:"""
    if account.status is not AccountStatus.ACTIVE:
        raise NotActive


def check_resumable(account: Account) -> None:
    """Refuse an account that was not suspended by hand. :raises NotManuallySuspended:"""
    if account.suspension_reason is not SuspensionReason.MANUAL:
        raise NotManuallySuspended


def suspend(*, viewer: Viewer, account_id: int, reason: str, now: dt.datetime) -> Account:
    """Suspend a running customer until somebody resumes it; the reason is kept in the operation log.

    :raises DomainError: PermissionRefused, AccountNotVisible, AccountNotRunning, CancellationUnderWay,
        NotActive, SuspensionReasonRequired.
    """
    account = _locked(viewer, account_id, now)
    check_suspendable(account)
    if not reason:
        raise SuspensionReasonRequired
    account.status = next_status(account.status, Event.SUSPEND)
    account.suspension_reason = SuspensionReason.MANUAL
    audit.record(
        action="account.suspended",
        viewer=viewer,
        account_id=account_id,
        now=now,
        reason=SuspensionReason.MANUAL,
        remark=reason,
    )
    return account


def resume(*, viewer: Viewer, account_id: int, now: dt.datetime) -> Account:
    """Let a customer that was suspended by hand go on. Lasting shortage suspends it anew, at the next tick.

    :raises DomainError: PermissionRefused, AccountNotVisible, AccountNotRunning, CancellationUnderWay,
        NotManuallySuspended.
    """
    account = _locked(viewer, account_id, now)
    check_resumable(account)
    account.status = next_status(account.status, Event.RESUME)
    account.suspension_reason = None
    audit.record(
        action="account.resumed",
        viewer=viewer,
        account_id=account_id,
        now=now,
        reason=SuspensionReason.MANUAL,
    )
    return account


def latest_suspension(account_id: int) -> AuditEvent | None:
    """Return the event of an account's newest suspension: who, when and why."""
    statement = (
        select(AuditEvent)
        .where(AuditEvent.account_id == account_id, AuditEvent.action == "account.suspended")
        .order_by(AuditEvent.id.desc())
        .limit(1)
    )
    return db.session.scalars(statement).first()


def _locked(viewer: Viewer, account_id: int, now: dt.datetime) -> Account:
    account = access.accounts_to_change(
        viewer=viewer, permission=Permission.CUSTOMERS_SUSPEND, account_ids=[account_id]
    )[0]
    check_running(account, now)
    return account
