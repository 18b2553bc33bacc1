"""The end of an account: its fees due, its balance brought to zero, its assignments and its service over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from domain.lifecycle import RUNNING, Event, next_status
from domain.permissions import AccountType, Viewer
from domain.points import PointKind, Settlement, settlement
from models import Account, Cancellation, db
from services import audit, due_fees, four_eyes, ledger
from services.cancellation_previews import remaining_of


def carry_out(
    *,
    account: Account,
    agreement: Cancellation,
    viewer: Viewer | None,
    now: dt.datetime,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Cancel an account that is locked and was checked: settle it to exactly zero, then 解約済.

    Of a support account the running customers that it looks after must be locked as well: their assignment
    ends here. `viewer` None: the clockwork carries out what was scheduled. `facts` stand in the
    events beside their own. Source: 解約処理.
    """
    ledger.lock_balances([account.id, account.parent_id or 0])
    # A fee may have been posted since the clock was read, while this waited for the lock: the end comes after it.
    now = max(now, ledger.newest_line_at(account.id) or now)
    settled, remaining_fee_points = _settle(account, agreement, viewer, now)
    unassigned = _end_assignments(account, viewer, now)
    account.status = next_status(account.status, Event.CANCEL)
    account.suspension_reason = None
    account.canceled_at = now
    agreement.executed_at = now
    more = dict(facts or {})
    if unassigned:
        more["unassigned_count"] = unassigned
    if remaining_fee_points:
        more["remaining_fee_points"] = remaining_fee_points
    _record(account, agreement, settled, viewer, now, more)


def _record(
    account: Account,
    agreement: Cancellation,
    settled: Settlement,
    viewer: Viewer | None,
    now: dt.datetime,
    more: Mapping[str, Any],
) -> None:
    """Write to the log of the account, and of the parent that topped it up."""
    audit.record(
        action="cancellation.executed",
        viewer=viewer,
        account_id=account.id,
        now=now,
        scheduled_on=agreement.scheduled_on.isoformat() if agreement.scheduled_on else None,
        top_up_points=settled.top_up_points,
        write_off_points=settled.write_off_points,
        **more,
    )
    if settled.top_up_points and account.account_type is not AccountType.PRIVILEGED_MSP:
        shared = {name: more[name] for name in four_eyes.EVENT_FACTS if name in more}
        audit.record(
            action="cancellation.topped_up",
            viewer=viewer,
            account_id=account.parent_id,
            now=now,
            company_name=account.company_name,
            account_number=account.account_number,
            points=-settled.top_up_points,
            **shared,
        )


def _settle(
    account: Account, agreement: Cancellation, viewer: Viewer | None, now: dt.datetime
) -> tuple[Settlement, int]:
    """Post what brings the balance to zero and close it; return that, and what a year's contract owed (≥ 0)."""
    due_fees.charge(account_id=account.id, now=now)
    held = ledger.lock_balances([account.id])[account.id].point_balance
    remaining = remaining_of(account, agreement.scheduled_on, now)
    owed = remaining.fee_points if remaining else 0
    settled = settlement(held, owed)
    ledger.post(drafts=_settling_lines(account, settled), viewer=viewer, now=now)
    ledger.close(account.id)
    return settled, owed


def _settling_lines(account: Account, settled: Settlement) -> list[ledger.LineDraft]:
    """Return the lines that bring the balance to 0; more than one where it is larger than a line may be.

    The operator above a 特権MSP holds no points: what is missing there is issued.
    """
    drafts: list[ledger.LineDraft] = []
    for points in ledger.in_lines(settled.top_up_points):
        if account.account_type is AccountType.PRIVILEGED_MSP:
            drafts.append(ledger.LineDraft(account.id, PointKind.ISSUE, points))
        else:
            drafts += ledger.transfer(
                payer_id=account.parent_id or 0,
                account_id=account.id,
                kind=PointKind.CANCELLATION_TOP_UP,
                points=points,
            )
    return drafts + [
        ledger.LineDraft(account.id, PointKind.CANCELLATION_WRITE_OFF, -points)
        for points in ledger.in_lines(settled.write_off_points)
    ]


def _end_assignments(account: Account, viewer: Viewer | None, now: dt.datetime) -> int:
    """Take a support account away from the running customers that it looks after; return how many.

    What is canceled already keeps it: it takes no change any more.
    """
    if account.account_type is not AccountType.SUPPORT:
        return 0
    assigned = db.session.execute(
        select(Account)
        .where(Account.support_account_id == account.id, Account.status.in_(RUNNING))
        .order_by(Account.id)
    ).scalars()
    count = 0
    for customer in assigned.all():
        customer.support_account_id = None
        audit.record(
            action="account.updated",
            viewer=viewer,
            account_id=customer.id,
            now=now,
            changes={"support_account_id": [account.id, None]},
        )
        count += 1
    return count
