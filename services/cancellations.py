"""解約: now or on a date, always after the consent, always settled to zero. Source: 解約処理."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from domain.billing_calendar import start_of_day
from domain.errors import DomainError
from domain.lifecycle import RUNNING, Event, next_status
from domain.permissions import Permission, Viewer
from domain.points import PointKind, Settlement, settlement
from models import Account, Cancellation, db
from services import access, audit, billing_runs, cut_gate, ledger
from services.cancellation_previews import CancellationPreview, check_date, preview_locked

CONSENT_TEXT = (
    "解約処理が完了する際に、現在のポイントの不足分のポイントは補充され、残存分のポイントは消費されます。"
    "解約を続行しますか?"
)


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
) -> CancellationPreview:
    """Cancel an account at once: fees due first, then settle to zero, then 解約済. Source: 即時解約.

    `shown` are the top-up and write-off points that the dialog named.

    :raises ConsentMissing: without consent.
    :raises CancellationChanged: when the amounts have moved since.
    :raises DomainError: as preview.
    """
    now = cut_gate.pass_gate(now)
    account, settled = _agreed(viewer, account_id, None, consent, shown, now)
    _lift_open(account, viewer, now)
    agreement = _agreement(account, viewer, settled, now)
    db.session.add(agreement)
    db.session.flush()
    _execute(account, agreement, viewer, now)
    return settled


def schedule(
    *,
    viewer: Viewer,
    account_id: int,
    scheduled_on: dt.date,
    consent: bool,
    shown: tuple[int, int],
    now: dt.datetime,
) -> CancellationPreview:
    """Set 解約予定日, or change it; executed at 00:00 Tokyo of the date. Source: 解約予約.

    :raises DomainError: as cancel, and CancellationDateInvalid.
    """
    now = cut_gate.pass_gate(now)
    account, settled = _agreed(viewer, account_id, scheduled_on, consent, shown, now)
    old = account.cancellation_date
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
    )
    return settled


def lift(*, viewer: Viewer, account_id: int, now: dt.datetime) -> dt.date:
    """Take 解約予定日 away and return what it was; possible until its first instant.

    :raises NoCancellationScheduled: when there is none.
    :raises CancellationUnderWay: when the date has come.
    """
    now = cut_gate.pass_gate(now)
    account = access.accounts_to_change(
        viewer=viewer, permission=Permission.CUSTOMERS_CANCEL, account_ids=[account_id]
    )[0]
    ledger.check_running(account, now)
    old = account.cancellation_date
    if old is None:
        raise NoCancellationScheduled(account_id=account_id)
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


def execute_scheduled(*, account_id: int, now: dt.datetime) -> bool:
    """Carry out a cancellation whose date has come; False: it was done or lifted meanwhile."""
    account = db.session.execute(
        select(Account)
        .where(Account.id == account_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).scalar_one()
    if account.status not in RUNNING or account.cancellation_date is None:
        return False
    if start_of_day(account.cancellation_date) > now:
        return False
    agreement = db.session.execute(
        select(Cancellation).where(Cancellation.account_id == account_id, Cancellation.lifted_at.is_(None))
    ).scalar_one()
    _execute(account, agreement, None, now)
    return True


def _agreed(
    viewer: Viewer,
    account_id: int,
    scheduled_on: dt.date | None,
    consent: bool,
    shown: tuple[int, int],
    now: dt.datetime,
) -> tuple[Account, CancellationPreview]:
    account = access.accounts_to_change(
        viewer=viewer, permission=Permission.CUSTOMERS_CANCEL, account_ids=[account_id]
    )[0]
    ledger.check_running(account, now)
    if scheduled_on is not None:
        check_date(scheduled_on, now)
    if not consent:
        raise ConsentMissing
    ledger.lock_balances([account.id, account.parent_id or 0])
    settled = preview_locked(account, scheduled_on, now)
    if shown != (settled.top_up_points, settled.write_off_points):
        raise CancellationChanged(preview=settled)
    return account, settled


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


def _settling_lines(account: Account, settled: Settlement) -> list[ledger.LineDraft]:
    """Return the lines that bring the balance to 0; more than one where it is larger than a line may be."""
    drafts = [
        ledger.LineDraft(account.id, PointKind.CANCELLATION_WRITE_OFF, -points)
        for points in ledger.in_lines(settled.write_off_points)
    ]
    for points in ledger.in_lines(settled.top_up_points):
        drafts += ledger.transfer(
            payer_id=account.parent_id or 0,
            account_id=account.id,
            kind=PointKind.CANCELLATION_TOP_UP,
            points=points,
        )
    return drafts


def _execute(account: Account, agreement: Cancellation, viewer: Viewer | None, now: dt.datetime) -> None:
    balances = ledger.lock_balances([account.id, account.parent_id or 0])
    billing_runs.charge_due_fees(account_id=account.id, now=now)
    db.session.refresh(balances[account.id])
    settled = settlement(balances[account.id].point_balance)
    ledger.post(drafts=_settling_lines(account, settled), viewer=viewer, now=now)
    ledger.close(account.id)
    account.status = next_status(account.status, Event.CANCEL)
    account.suspension_reason = None
    account.canceled_at = now
    agreement.executed_at = now
    audit.record(
        action="cancellation.executed",
        viewer=viewer,
        account_id=account.id,
        now=now,
        scheduled_on=agreement.scheduled_on.isoformat() if agreement.scheduled_on else None,
        top_up_points=settled.top_up_points,
        write_off_points=settled.write_off_points,
    )
