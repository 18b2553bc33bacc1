"""解約: now or on a date, always after the consent, always settled to zero. Source: 解約処理."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from sqlalchemy import or_, select

from domain.billing_calendar import start_of_day
from domain.errors import DomainError
from domain.fresh_sign_in import check_fresh
from domain.lifecycle import RUNNING
from domain.permissions import AccountType, Viewer
from models import Account, AuditEvent, Cancellation, db
from services import access, audit, cut_gate, due_fees, four_eyes, ledger, settlements
from services.cancellation_blockers import AccountsBelow, check_nothing_below
from services.cancellation_previews import (
    PARENT_TYPES,
    CancellationPreview,
    cancellation_permission,
    check_date,
    preview_locked,
)
from services.shown_values import CancellationDateChanged, Shown, check_shown

CONSENT_TEXT = (
    "解約処理が完了する際に、現在のポイントの不足分のポイントは補充され、残存分のポイントは消費されます。"
    "解約を続行しますか?"
)


class CancellationOutcome(StrEnum):
    """What became of a scheduled cancellation: done; done or lifted before; or not possible yet."""

    EXECUTED = "executed"
    NOT_DUE = "not_due"
    BLOCKED = "blocked"


class ConsentMissing(DomainError):
    """同意する is not ticked."""

    field = "consent"


class CancellationChanged(DomainError):
    """The amounts are no longer those that were shown before the box was ticked; `preview` has the new ones."""

    http_status = 409


class NoCancellationScheduled(DomainError):
    """There is no 解約予定日 to lift."""

    http_status = 409


def cancel(
    *,
    viewer: Viewer,
    account_id: int,
    consent: bool,
    shown: tuple[int, int],
    now: dt.datetime,
    approval: four_eyes.Approval | None = None,
) -> CancellationPreview:
    """Cancel an account at once: fees due first, then settle to zero, then 解約済. Source: 即時解約.

    `shown` are the top-up and write-off points that the dialog named.

    :raises ConsentMissing: without consent.
    :raises CancellationChanged: when the amounts have moved since.
    :raises AccountsBelow: when accounts below an MSP or 特権MSP run or are applied for.
    :raises ApprovalRequired: when so many points wait for a second person and `approval` is not his.
    :raises FreshSignInNeeded: the viewer gave the password too long ago.
    :raises RunUnderReview: :raises FeeRefused: while a fee that comes first cannot be posted.
    :raises DomainError: as preview.
    """
    now = cut_gate.pass_gate(now)
    due_fees.lock_parked_runs(account_id)
    account, settled = agree(viewer, account_id, None, consent, shown, now)
    _check_four_eyes(settled, viewer, approval)
    _lift_open(account, viewer, now)
    agreement = _agreement(account, viewer, settled, now)
    db.session.add(agreement)
    db.session.flush()
    facts = four_eyes.event_facts(approval)
    settlements.carry_out(account=account, agreement=agreement, viewer=viewer, now=now, facts=facts)
    return settled


def schedule(
    *,
    viewer: Viewer,
    account_id: int,
    scheduled_on: dt.date,
    consent: bool,
    shown: tuple[int, int],
    now: dt.datetime,
    approval: four_eyes.Approval | None = None,
    shown_date: Shown | None = None,
) -> CancellationPreview:
    """Set 解約予定日, or change it; executed at 00:00 Tokyo of the date. Source: 解約予約.

    :raises DomainError: as cancel, CancellationDateInvalid, and CancellationDateChanged since `shown_date`.
    """
    now = cut_gate.pass_gate(now)
    account, settled = agree(viewer, account_id, scheduled_on, consent, shown, now)
    old = account.cancellation_date
    if old != scheduled_on:
        check_shown(shown_date, old, CancellationDateChanged)
    _check_four_eyes(settled, viewer, approval)
    _lift_open(account, viewer, now)
    db.session.add(_agreement(account, viewer, settled, now))
    account.cancellation_date = scheduled_on
    audit.record(
        action="cancellation.scheduled",
        viewer=viewer,
        account_id=account.id,
        now=now,
        old_cancellation_date=old.isoformat() if old else None,
        new_cancellation_date=scheduled_on.isoformat(),
        **four_eyes.event_facts(approval),
    )
    return settled


def lift(*, viewer: Viewer, account_id: int, now: dt.datetime, shown_date: Shown | None = None) -> dt.date:
    """Take 解約予定日 away and return what it was; possible until its first instant.

    :raises NoCancellationScheduled: when there is none.
    :raises CancellationDateChanged: when it is another than `shown_date`.
    :raises CancellationUnderWay: when the date has come.
    """
    now = cut_gate.pass_gate(now)
    account = _account_to_cancel(viewer, account_id, now)
    old = account.cancellation_date
    if old is None:
        raise NoCancellationScheduled(account_id=account_id)
    check_shown(shown_date, old, CancellationDateChanged)
    _lift_open(account, viewer, now)
    account.cancellation_date = None
    audit.record(
        action="cancellation.lifted",
        viewer=viewer,
        account_id=account.id,
        now=now,
        old_cancellation_date=old.isoformat(),
        new_cancellation_date=None,
    )
    return old


def execute_scheduled(*, account_id: int, now: dt.datetime) -> CancellationOutcome:
    """Carry out a cancellation whose date has come.

    One that accounts below stand against stays binding and is tried again at the next tick; the operation log
    says so once.

    :raises RunUnderReview: :raises FeeRefused: while a fee that comes first cannot be posted.
    """
    due_fees.lock_parked_runs(account_id)
    account = _locked(account_id)
    if account.status not in RUNNING or account.cancellation_date is None:
        return CancellationOutcome.NOT_DUE
    if start_of_day(account.cancellation_date) > now:
        return CancellationOutcome.NOT_DUE
    try:
        _check_below(account, None)
    except AccountsBelow as blocked:
        _record_blocked(account, blocked, now)
        return CancellationOutcome.BLOCKED
    agreement = db.session.execute(
        select(Cancellation).where(Cancellation.account_id == account_id, Cancellation.lifted_at.is_(None))
    ).scalar_one()
    settlements.carry_out(account=account, agreement=agreement, viewer=None, now=now)
    return CancellationOutcome.EXECUTED


def _account_to_cancel(viewer: Viewer, account_id: int, now: dt.datetime) -> Account:
    """Return an account that may be canceled now, locked; of a support account first those it is assigned to."""
    found = access.find_account(viewer=viewer, account_id=account_id, account_types=set(AccountType))
    account = access.accounts_to_change(
        viewer=viewer,
        permission=cancellation_permission(found.account_type),
        account_ids=[account_id, *_assigned_ids(found)],
        account_types=set(AccountType),
    )[0]
    ledger.check_running(account, now)
    return account


def _assigned_ids(account: Account) -> list[int]:
    """Return the running customers that a support account looks after; none for any other account."""
    if account.account_type is not AccountType.SUPPORT:
        return []
    statement = (
        select(Account.id)
        .where(Account.support_account_id == account.id, Account.status.in_(RUNNING))
        .order_by(Account.id)
    )
    return list(db.session.execute(statement).scalars())


def _locked(account_id: int) -> Account:
    assigned = (Account.support_account_id == account_id) & Account.status.in_(RUNNING)
    statement = (
        select(Account)
        .where(or_(Account.id == account_id, assigned))
        .order_by(access.depth_expression().desc(), Account.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return next(found for found in db.session.execute(statement).scalars() if found.id == account_id)


def _check_below(account: Account, leaving_on: dt.date | None) -> None:
    if account.account_type in PARENT_TYPES:
        check_nothing_below(account.id, leaving_on=leaving_on)


def _record_blocked(account: Account, blocked: AccountsBelow, now: dt.datetime) -> None:
    assert account.cancellation_date is not None  # its date has come
    told = select(AuditEvent.id).where(
        AuditEvent.account_id == account.id,
        AuditEvent.action == "cancellation.blocked",
        AuditEvent.recorded_at >= start_of_day(account.cancellation_date),
    )
    if db.session.execute(told).first() is None:
        audit.record(
            action="cancellation.blocked",
            viewer=None,
            account_id=account.id,
            now=now,
            scheduled_on=account.cancellation_date.isoformat(),
            account_count=blocked.data["account_count"],
        )


def agree(
    viewer: Viewer,
    account_id: int,
    scheduled_on: dt.date | None,
    consent: bool,
    shown: tuple[int, int],
    now: dt.datetime,
) -> tuple[Account, CancellationPreview]:
    """Lock an account and return it with the amounts agreed to; `scheduled_on` None: at once.

    :raises DomainError: as cancel and schedule, but for ApprovalRequired.
    """
    account = _account_to_cancel(viewer, account_id, now)
    check_fresh(viewer, now)
    if scheduled_on is not None:
        check_date(scheduled_on, now)
    _check_below(account, scheduled_on)
    if not consent:
        raise ConsentMissing
    ledger.lock_balances([account.id, account.parent_id or 0])
    settled = preview_locked(account, scheduled_on, now)
    if shown != (settled.top_up_points, settled.write_off_points):
        raise CancellationChanged(preview=settled)
    return account, settled


def _check_four_eyes(
    settled: CancellationPreview, viewer: Viewer, approval: four_eyes.Approval | None
) -> None:
    if not settled.is_issued:
        paid = {settled.account.parent_id or 0: settled.points_at_stake}
        four_eyes.check(points_by_payer=paid, viewer=viewer, approval=approval)


def _agreement(
    account: Account, viewer: Viewer, settled: CancellationPreview, now: dt.datetime
) -> Cancellation:
    return Cancellation(
        account_id=account.id,
        scheduled_on=settled.scheduled_on,
        consent_text=CONSENT_TEXT,
        shown_top_up_points=settled.top_up_points,
        shown_write_off_points=settled.write_off_points,
        consented_at=now,
        administrator_id=viewer.administrator_id,
    )


def _lift_open(account: Account, viewer: Viewer, now: dt.datetime) -> None:
    open_one = db.session.execute(
        select(Cancellation).where(Cancellation.account_id == account.id, Cancellation.lifted_at.is_(None))
    ).scalar_one_or_none()
    if open_one is not None:
        open_one.lifted_at = now
        open_one.lifted_by_id = viewer.administrator_id
        account.cancellation_date = None
        db.session.flush()
