"""承認依頼: a second person approves, rejects, or the first one withdraws. Source: docs/rules.md R19.

Approving does what was asked for, in the same transaction, by the same services as without a second person, with
what is needed now and never more of anything than the approver was shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import DomainError
from domain.four_eyes import CANCELING, ApprovalKind, ApprovalState, has_grown, total_points
from domain.permissions import Viewer
from models import ApprovalRequest, db
from services import approval_plans, audit, cancellations, cut_gate, four_eyes, points, refills
from services.approval_access import (
    NotTheRequester,
    check_decider,
    check_open,
    check_requester,
    find_request,
)
from services.approval_events import request_facts
from services.approval_mails import tell_requester
from services.cancellations import ConsentMissing
from services.four_eyes_rules import carry_out_change
from services.mail_texts import MailBrand


class ApprovalGrew(DomainError):
    """More would move than the approver was shown; nothing was done."""

    http_status = 409


class RejectionReasonMissing(DomainError):
    """A rejection has no reason."""

    field = "rejection_reason"


_ACTIONS = {
    ApprovalState.APPROVED: "approval.approved",
    ApprovalState.REJECTED: "approval.rejected",
    ApprovalState.WITHDRAWN: "approval.withdrawn",
}


@dataclass(frozen=True)
class ApprovalDone:
    """What an approval did; `moved_points` may be fewer than asked for."""

    request: ApprovalRequest
    moved_points: int


def approve(
    *,
    viewer: Viewer,
    approval_id: int,
    shown: Sequence[int],
    consent: bool,
    brand: MailBrand,
    now: dt.datetime,
) -> ApprovalDone:
    """Carry out what another person asked for. `shown`: the amounts that the approver saw; once, whoever repeats.

    `consent` is needed for cancellations only: who approves one agrees to it.

    :raises ApprovalGrew: when any amount is more than was shown.
    :raises DomainError: ApprovalNotVisible, ApprovalDecided, ApprovalExpired, OwnRequest, PermissionRefused,
        RequesterMayNot, ApprovalOutdated, RequestWithoutRemark, and what the use case itself refuses.
    """
    now = cut_gate.pass_gate(now)
    request = find_request(viewer=viewer, approval_id=approval_id, is_locked=True)
    if request.state is ApprovalState.APPROVED and request.decided_by_id == viewer.administrator_id:
        return ApprovalDone(request, request.moved_points or 0)
    check_open(request, now)
    check_decider(viewer, request)
    check_requester(request)
    approved_points = total_points(request.kind, shown)
    approval = four_eyes.Approval(request, viewer.administrator_id, approved_points)
    amounts = _carry_out(approval, viewer, shown, consent, now)
    request.approved_points, request.moved_points = approved_points, total_points(request.kind, amounts)
    moved = {"moved_points": request.moved_points} if amounts else {}
    _decide(request, ApprovalState.APPROVED, viewer, brand, now, **moved)
    return ApprovalDone(request, request.moved_points)


def reject(
    *, viewer: Viewer, approval_id: int, reason: str, brand: MailBrand, now: dt.datetime
) -> ApprovalRequest:
    """Refuse what another person asked for, and say why.

    :raises RejectionReasonMissing: without a reason.
    :raises DomainError: ApprovalNotVisible, ApprovalDecided, ApprovalExpired, OwnRequest, PermissionRefused.
    """
    request = find_request(viewer=viewer, approval_id=approval_id, is_locked=True)
    check_open(request, now)
    check_decider(viewer, request)
    if not reason:
        raise RejectionReasonMissing
    request.rejection_reason = reason
    _decide(request, ApprovalState.REJECTED, viewer, brand, now, rejection_reason=reason)
    return request


def withdraw(*, viewer: Viewer, approval_id: int, brand: MailBrand, now: dt.datetime) -> ApprovalRequest:
    """Take one's own request back.

    :raises DomainError: ApprovalNotVisible, ApprovalDecided, ApprovalExpired, NotTheRequester.
    """
    request = find_request(viewer=viewer, approval_id=approval_id, is_locked=True)
    check_open(request, now)
    if request.requester_id != viewer.administrator_id:
        raise NotTheRequester
    _decide(request, ApprovalState.WITHDRAWN, viewer, brand, now)
    return request


def _decide(
    request: ApprovalRequest,
    state: ApprovalState,
    viewer: Viewer,
    brand: MailBrand,
    now: dt.datetime,
    **more: object,
) -> None:
    request.state, request.decided_at, request.decided_by_id = state, now, viewer.administrator_id
    db.session.flush()
    audit.record(
        action=_ACTIONS[state],
        viewer=viewer,
        account_id=request.account_id,
        now=now,
        **request_facts(request),
        requester_id=request.requester_id,
        **more,
    )
    if state is not ApprovalState.WITHDRAWN:
        tell_requester(request=request, brand=brand, now=now)


def _carry_out(
    approval: four_eyes.Approval, viewer: Viewer, shown: Sequence[int], consent: bool, now: dt.datetime
) -> Sequence[int]:
    """Do what is asked for and return its amounts as they were done."""
    request = approval.request
    if request.kind is ApprovalKind.RULE_CHANGE:
        carry_out_change(request=request, viewer=viewer, now=now)
        return ()
    if request.kind is ApprovalKind.REFILL:
        return _refill(approval, viewer, shown, now)
    approval_plans.check_payer(request)
    if request.kind in CANCELING:
        return _cancel(approval, viewer, shown, consent, now)
    return _move(approval, viewer, shown, now)


def _move(
    approval: four_eyes.Approval, viewer: Viewer, shown: Sequence[int], now: dt.datetime
) -> Sequence[int]:
    request = approval.request
    try:
        prepared = points.prepare(approval_plans.movement_of(request), viewer=viewer, now=now)
    except points.RemarkRequired as refusal:
        raise approval_plans.RequestWithoutRemark from refusal
    is_return = request.kind is ApprovalKind.RETURN
    amounts = (prepared.points, *((prepared.consumed_points,) if is_return else ()))
    _check_shown(amounts, shown)
    if prepared.payer_id != request.account_id:
        raise approval_plans.ApprovalOutdated
    points.carry_out(prepared, viewer=viewer, request_id=request.request_id, now=now, approval=approval)
    return amounts


def _refill(
    approval: four_eyes.Approval, viewer: Viewer, shown: Sequence[int], now: dt.datetime
) -> Sequence[int]:
    request = approval.request
    plan = refills.prepare(
        viewer=viewer,
        account_ids=approval_plans.rows_left(request),
        now=now,
        as_far_as_possible=request.as_far_as_possible,
    )
    amounts = approval_plans.refill_amounts(request, plan)
    _check_shown(amounts, shown)
    if {row.payer_id for row in plan.rows} != {request.account_id}:
        raise approval_plans.ApprovalOutdated
    refills.carry_out(plan, viewer=viewer, request_id=request.request_id, now=now, approval=approval)
    return amounts


def _cancel(
    approval: four_eyes.Approval, viewer: Viewer, shown: Sequence[int], consent: bool, now: dt.datetime
) -> Sequence[int]:
    request = approval.request
    if not consent:
        raise ConsentMissing
    plan = approval_plans.plan_now(request=request, viewer=viewer, now=now)
    if plan.against is not None:
        raise plan.against
    _check_shown(plan.amounts, shown)
    top_up, write_off = plan.amounts
    account_id = request.subject_account_id or 0
    # Under its locks the use case counts once more, and refuses amounts that are not these.
    if request.scheduled_on is None:
        settled = cancellations.cancel(
            viewer=viewer,
            account_id=account_id,
            consent=consent,
            shown=(top_up, write_off),
            now=now,
            approval=approval,
        )
    else:
        settled = cancellations.schedule(
            viewer=viewer,
            account_id=account_id,
            scheduled_on=request.scheduled_on,
            consent=consent,
            shown=(top_up, write_off),
            now=now,
            approval=approval,
        )
    if settled.account.parent_id != request.account_id:
        raise approval_plans.ApprovalOutdated
    return plan.amounts


def _check_shown(amounts: Sequence[int], shown: Sequence[int]) -> None:
    if has_grown(amounts, shown):
        raise ApprovalGrew(points=sum(amounts))
