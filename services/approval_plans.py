"""What an approval would move now, next to what was asked for: for the approver, before he decides."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import select

from domain.errors import DomainError
from domain.four_eyes import CANCELING, ApprovalKind, total_points
from domain.permissions import Viewer
from domain.points import returnable_points
from models import Account, ApprovalRequest, db
from services import cancellation_previews, four_eyes, ledger, points, refills
from services.cancellation_previews import CancellationPreview


class ApprovalOutdated(DomainError):
    """What was asked for does not exist any more: the row has another payer, or the rule another threshold."""

    http_status = 409


class RequestWithoutRemark(DomainError):
    """A return would end below zero by now, and who asked for it gave no reason, which an approver cannot add."""

    http_status = 409


@dataclass(frozen=True)
class ApprovalPlan:
    """What approving would do now; `amounts` as in ApprovalRequest, `refill` and `cancellation` where it is one.

    The stock is of who pays; None where nothing is paid. `against`: why it could not be done now.
    """

    request: ApprovalRequest
    amounts: tuple[int, ...] = ()
    stock_before: int | None = None
    stock_after: int | None = None
    refill: refills.RefillPlan | None = None
    cancellation: CancellationPreview | None = None
    against: DomainError | None = None

    @cached_property
    def total(self) -> int:
        """The points that would move."""
        return total_points(self.request.kind, self.amounts)


def plan_now(*, request: ApprovalRequest, viewer: Viewer, now: dt.datetime) -> ApprovalPlan:
    """Return what approving a request would do at this moment, without locking or changing anything."""
    try:
        if request.kind is ApprovalKind.RULE_CHANGE:
            check_rule(request)
            return ApprovalPlan(request)
        if request.kind is ApprovalKind.REFILL:
            return _plan_refill(request, viewer, now)
        check_payer(request)
        if request.kind in CANCELING:
            return _plan_cancellation(request, viewer, now)
        return _plan_movement(request, viewer, now)
    except DomainError as refusal:
        return ApprovalPlan(request, against=refusal)


def check_payer(request: ApprovalRequest) -> None:
    """Refuse a request about a row that somebody else pays for by now. :raises ApprovalOutdated:"""
    statement = select(Account.parent_id).where(Account.id == request.subject_account_id)
    # None: it went out of the viewer's sight.
    if db.session.execute(statement).scalar_one_or_none() != request.account_id:
        raise ApprovalOutdated


def check_rule(request: ApprovalRequest) -> None:
    """Refuse a change of a rule that is another by now. :raises ApprovalOutdated:"""
    if four_eyes.threshold_of(request.account_id) != request.old_threshold_points:
        raise ApprovalOutdated


def rows_left(request: ApprovalRequest) -> list[int]:
    """Return the rows of a refill that its payer still pays for, in their order."""
    statement = select(Account.id).where(
        Account.id.in_(request.account_ids), Account.parent_id == request.account_id
    )
    left = set(db.session.execute(statement).scalars())
    return [account_id for account_id in request.account_ids if account_id in left]


def refill_amounts(request: ApprovalRequest, plan: refills.RefillPlan) -> tuple[int, ...]:
    """Return the points of each row that was asked for, 0 for those that dropped out."""
    by_row = {row.account_id: row.refill_points for row in plan.rows}
    return tuple(by_row.get(account_id, 0) for account_id in request.account_ids)


def movement_of(request: ApprovalRequest) -> points.Movement:
    """Return the addition or return that was asked for."""
    return points.Movement(
        account_id=request.subject_account_id or 0,
        is_addition=request.kind is ApprovalKind.ADDITION,
        points=request.asked_points,
        remark=request.remark,
    )


def _plan_movement(request: ApprovalRequest, viewer: Viewer, now: dt.datetime) -> ApprovalPlan:
    movement = movement_of(request)
    preview = points.preview_movement(viewer=viewer, account_id=movement.account_id)
    ledger.check_running(preview.account, now)
    ledger.check_payer(payer_id=request.account_id, now=now)
    stock = preview.payer_balance or 0
    if movement.is_addition:
        return ApprovalPlan(request, (movement.points,), stock, stock - movement.points)
    if points.lacks_remark(movement, preview.point_balance):
        raise RequestWithoutRemark
    credited = returnable_points(movement.points, preview.point_balance)
    return ApprovalPlan(request, (movement.points, movement.points - credited), stock, stock + credited)


def _plan_cancellation(request: ApprovalRequest, viewer: Viewer, now: dt.datetime) -> ApprovalPlan:
    found = cancellation_previews.preview(
        viewer=viewer,
        account_id=request.subject_account_id or 0,
        scheduled_on=request.scheduled_on,
        now=now,
    )
    amounts = (found.top_up_points, found.write_off_points)
    return ApprovalPlan(request, amounts, found.payer_balance, found.payer_balance_after, cancellation=found)


def _plan_refill(request: ApprovalRequest, viewer: Viewer, now: dt.datetime) -> ApprovalPlan:
    plan = refills.plan_refill(
        viewer=viewer,
        account_ids=rows_left(request),
        now=now,
        as_far_as_possible=request.as_far_as_possible,
    )
    payer = plan.payers[0]
    return ApprovalPlan(
        request, refill_amounts(request, plan), payer.balance_before, payer.balance_after, refill=plan
    )
