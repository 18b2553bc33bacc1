"""必要ポイントの補充: the plan of ポイント数自動更新 carried out, exactly as it was shown. Source: ポイントの補充."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import DomainError
from domain.fresh_sign_in import check_fresh_for_points
from domain.permissions import Permission, Viewer
from services import access, four_eyes, requests
from services.bulk_transfers import HandedDown, hand_down
from services.ledger import hold_balances
from services.refill_events import record_refill
from services.refill_plans import (
    LARGEST_SELECTION,
    NothingToRefill,
    RefillOutcome,
    RefillPayer,
    RefillPlan,
    RefillRow,
    SelectionTooLarge,
    plan_refill,
    wanted_ids,
)

__all__ = [
    "LARGEST_SELECTION",
    "NothingToRefill",
    "RefillOutcome",
    "RefillPayer",
    "RefillPlan",
    "RefillPlanChanged",
    "RefillResult",
    "RefillRow",
    "SelectionTooLarge",
    "StockTooSmall",
    "carry_out",
    "plan_refill",
    "prepare",
    "refill",
    "request_body",
]


class RefillPlanChanged(DomainError):
    """The numbers are no longer those that were shown; `plan` has the new ones."""

    http_status = 409


class StockTooSmall(DomainError):
    """A paying account has too few points for all its rows; carries missing_points and payer_name."""


@dataclass(frozen=True)
class RefillResult:
    """What a refill did."""

    refilled_count: int
    total_points: int


def refill(
    *,
    viewer: Viewer,
    account_ids: Sequence[int],
    digest: str,
    request_id: str,
    now: dt.datetime,
    as_far_as_possible: bool = False,
) -> RefillResult:
    """Execute the plan that was shown: recomputed under lock, refused when it is no longer the same.

    :raises RefillPlanChanged: the numbers moved since the preview; carries the new `plan`.
    :raises StockTooSmall: a payer lacks points and as_far_as_possible was not asked for.
    :raises NothingToRefill: no row is short.
    :raises ApprovalRequired: when the points of a payer wait for a second person.
    :raises FreshSignInNeeded: many points, and the password was given too long ago.
    """
    body = request_body(account_ids, digest, as_far_as_possible)
    first = requests.begin_request(request_id=request_id, viewer=viewer, body=body, now=now)
    if first is not None:
        four_eyes.check_first_answer(first)
        return RefillResult(**first)
    plan = prepare(
        viewer=viewer, account_ids=account_ids, now=now, as_far_as_possible=as_far_as_possible, digest=digest
    )
    result = carry_out(plan, viewer=viewer, request_id=request_id, now=now)
    kept = {"refilled_count": result.refilled_count, "total_points": result.total_points}
    requests.finish_request(request_id=request_id, result=kept)
    return result


def request_body(account_ids: Sequence[int], digest: str, as_far_as_possible: bool) -> dict[str, object]:
    """Return what a request id stands for."""
    return {"do": "refill", "ids": list(account_ids), "digest": digest, "far": as_far_as_possible}


def prepare(
    *,
    viewer: Viewer,
    account_ids: Sequence[int],
    now: dt.datetime,
    as_far_as_possible: bool,
    digest: str | None = None,
) -> RefillPlan:
    """Lock what a refill touches and return its plan, which nothing but a second person can stand against.

    `digest` None: whatever the plan is now.

    :raises DomainError: as refill, but for ApprovalRequired and what is wrong with a request id.
    """
    wanted = wanted_ids(account_ids)
    payers = access.lock_customers(viewer=viewer, permission=Permission.POINTS_CHANGE, account_ids=wanted)
    hold_balances([*wanted, *payers])
    plan = plan_refill(viewer=viewer, account_ids=account_ids, now=now, as_far_as_possible=as_far_as_possible)
    if digest is not None and plan.digest != digest:
        raise RefillPlanChanged(plan=plan)
    for payer in plan.payers:
        if payer.paid_points > max(0, payer.balance_before):
            raise StockTooSmall(missing_points=payer.missing_points, payer_name=payer.company_name)
    if not plan.refilled_count:
        raise NothingToRefill
    check_fresh_for_points(viewer, plan.total_points, now)
    return plan


def carry_out(
    plan: RefillPlan,
    *,
    viewer: Viewer,
    request_id: str,
    now: dt.datetime,
    approval: four_eyes.Approval | None = None,
) -> RefillResult:
    """Write a plan that was prepared in this transaction, or the part of some of its payers.

    :raises ApprovalRequired: when points of a payer wait for a second person and `approval` is not his.
    """
    paid = {payer.account_id: payer.paid_points for payer in plan.payers}
    four_eyes.check(points_by_payer=paid, viewer=viewer, approval=approval)
    hand_down(transfers=_transfers(plan), viewer=viewer, now=now, request_id=request_id)
    facts = four_eyes.event_facts(approval)
    record_refill(plan=plan, viewer=viewer, now=now, request_id=request_id, facts=facts)
    return RefillResult(plan.refilled_count, plan.total_points)


def _transfers(plan: RefillPlan) -> list[HandedDown]:
    return [
        HandedDown(row.payer_id, row.account_id, row.refill_points, row.balance_after)
        for row in plan.rows
        if row.refill_points
    ]
