"""A refill in 操作ログ: one event for every account that got points, and for every one that paid."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from domain.permissions import Viewer
from services import audit

if TYPE_CHECKING:
    from services.refills import RefillPlan


def record_refill(
    *, plan: RefillPlan, viewer: Viewer, now: dt.datetime, request_id: str, facts: Mapping[str, Any]
) -> None:
    """Append the events of a plan that was just executed, set-based: a plan may hold 10,000 rows.

    `facts` stand in each of them.
    """
    refilled = [row for row in plan.rows if row.refill_points]
    counts = Counter(row.payer_id for row in refilled)
    audit.record_many(
        action="points.refilled",
        viewer=viewer,
        now=now,
        details={
            row.account_id: {"points": row.refill_points, "balance_after": row.balance_after, **facts}
            for row in refilled
        },
    )
    audit.record_many(
        action="points.refilled_below",
        viewer=viewer,
        now=now,
        details={
            payer.account_id: {
                "refilled_count": counts[payer.account_id],
                "points": -payer.paid_points,
                "balance_after": payer.balance_after,
                "digest": plan.digest,
                "request_id": request_id,
                **facts,
            }
            for payer in plan.payers
            if payer.paid_points
        },
    )
