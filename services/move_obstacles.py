"""What stands against moving a customer to another MSP. Source: docs/rules.md R15, R19."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from domain.billing_calendar import tokyo_date
from domain.four_eyes import is_weaker, needs_approval
from domain.lifecycle import RUNNING
from models import Account
from services import four_eyes
from services.approval_subjects import awaiting_approval


class MoveObstacle(StrEnum):
    """Why a row cannot be moved."""

    NOT_RUNNING = "not_running"
    CANCELLATION_UNDER_WAY = "cancellation_under_way"
    ALREADY_THERE = "already_there"
    OTHER_DISTRIBUTOR = "other_distributor"
    BELOW_ZERO = "below_zero"
    FEE_DUE = "fee_due"
    AWAITING_APPROVAL = "awaiting_approval"
    WEAKER_RULE = "weaker_rule"


def find_obstacles(
    rows: Collection[Any], target: Account | None, now: dt.datetime
) -> dict[int, MoveObstacle]:
    """Return the first obstacle of each row of a move that has one; target None: none is chosen yet.

    Rows have id, status, cancellation_date, parent_id, privileged_msp_id, point_balance, unposted_fee_points.
    """
    waiting = awaiting_approval(payers={row.id: row.parent_id for row in rows}, now=now)
    thresholds = four_eyes.thresholds_of({row.parent_id for row in rows} | ({target.id} if target else set()))
    found = {}
    for row in rows:
        obstacle = _of_itself(row, now)
        if obstacle is None and row.id in waiting:
            obstacle = MoveObstacle.AWAITING_APPROVAL
        if obstacle is None and target is not None:
            obstacle = _of_target(row, target, thresholds)
        if obstacle is not None:
            found[row.id] = obstacle
    return found


def _of_itself(row: Any, now: dt.datetime) -> MoveObstacle | None:
    if row.status not in RUNNING:
        return MoveObstacle.NOT_RUNNING
    if row.cancellation_date is not None and row.cancellation_date <= tokyo_date(now):
        return MoveObstacle.CANCELLATION_UNDER_WAY
    if row.point_balance < 0:
        return MoveObstacle.BELOW_ZERO
    return MoveObstacle.FEE_DUE if row.unposted_fee_points else None


def _of_target(row: Any, target: Account, thresholds: Mapping[int, int]) -> MoveObstacle | None:
    if target.id == row.parent_id:
        return MoveObstacle.ALREADY_THERE
    if row.privileged_msp_id not in (target.id, target.privileged_msp_id):
        return MoveObstacle.OTHER_DISTRIBUTOR
    # There, one person alone could take back what needs two here.
    rule = thresholds.get(row.parent_id)
    is_held = needs_approval(row.point_balance, rule) and is_weaker(rule, thresholds.get(target.id))
    return MoveObstacle.WEAKER_RULE if is_held else None
