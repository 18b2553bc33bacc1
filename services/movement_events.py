"""A movement by hand in 操作ログ: one event for the account, and one for the parent that paid or got."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from domain.permissions import Viewer
from domain.points import PointKind
from services import audit

if TYPE_CHECKING:
    from services.points import PreparedMovement

#: What a movement is called in the log of the account, and of the parent that pays or gets.
OWN_ACTIONS = {
    PointKind.ADDITION: "points.added",
    PointKind.RETURN: "points.returned",
    PointKind.ISSUE: "points.issued",
}
PARENT_ACTIONS = {PointKind.ADDITION: "points.handed_down", PointKind.RETURN: "points.taken_back"}


def record_movement(
    prepared: PreparedMovement,
    after: dict[int, int],
    viewer: Viewer,
    now: dt.datetime,
    facts: Mapping[str, Any],
) -> None:
    """Write to the log of the account, and of the parent that pays or gets, whoever pressed the button."""
    account, drafts = prepared.account, prepared.drafts
    kind, remark = drafts[0].kind, drafts[0].remark
    moved = dict.fromkeys((draft.account_id for draft in drafts), 0)
    for draft in drafts:
        moved[draft.account_id] += draft.points
    audit.record(
        action=OWN_ACTIONS[kind],
        viewer=viewer,
        account_id=account.id,
        now=now,
        points=moved.pop(account.id),
        balance_after=after[account.id],
        remark=remark,
        **facts,
    )
    for parent_id, points in moved.items():
        audit.record(
            action=PARENT_ACTIONS[kind],
            viewer=viewer,
            account_id=parent_id,
            now=now,
            company_name=account.company_name,
            account_number=account.account_number,
            points=points,
            balance_after=after[parent_id],
            remark=remark,
            **facts,
        )
