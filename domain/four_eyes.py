"""二人承認: what waits for a second person, for how long, and what he may be surprised by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum

from domain.billing_calendar import billing_instant, next_billing_date, start_of_day
from domain.permissions import GRANTS, AccountType, AdminLevel, Permission

#: Who the rule may be set for: those who pay for the rows below them.
PAYER_TYPES = frozenset({AccountType.PRIVILEGED_MSP, AccountType.MSP})
#: Fewer possible approvers than this, and nobody could approve what one of them asks for.
FEWEST_APPROVERS = 2


class ApprovalKind(StrEnum):
    """What is asked for. A change of the rule waits as well where it would take the second person away."""

    ADDITION = "addition"
    RETURN = "return"
    REFILL = "refill"
    CANCELLATION = "cancellation"
    SCHEDULED_CANCELLATION = "scheduled_cancellation"
    RULE_CHANGE = "rule_change"


class ApprovalState(StrEnum):
    """What became of an approval request; only an open one can become anything else."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


CANCELING = frozenset({ApprovalKind.CANCELLATION, ApprovalKind.SCHEDULED_CANCELLATION})


def approving_levels(account_type: AccountType) -> list[AdminLevel]:
    """Return the levels of administrators who may approve for an account of a type, or for one below it."""
    return [
        level for level in AdminLevel if Permission.POINTS_CHANGE in GRANTS.get((account_type, level), ())
    ]


def needs_approval(points: int, threshold_points: int | None) -> bool:
    """Tell whether points (≥ 0) wait for a second person; None: no rule, nothing ever waits."""
    return threshold_points is not None and points >= threshold_points


def is_weaker(old_points: int | None, new_points: int | None) -> bool:
    """Tell whether a new threshold lets through what the old one held; None: no rule."""
    return old_points is not None and (new_points is None or new_points > old_points)


def total_points(kind: ApprovalKind, amounts: Sequence[int]) -> int:
    """Return what the threshold is held against: the points (≥ 0) that move, each counted once.

    What a cancellation tops up is written off again, so the larger of the two counts.
    """
    if kind is ApprovalKind.REFILL:
        return sum(amounts)
    if kind in CANCELING:
        return max(amounts, default=0)
    return amounts[0] if amounts else 0


def expires_at(now: dt.datetime, scheduled_on: dt.date | None = None) -> dt.datetime:
    """Return the instant from which a request made now cannot be approved: the next cut, or 解約予定日."""
    cut = billing_instant(next_billing_date(now))
    return cut if scheduled_on is None else min(cut, start_of_day(scheduled_on))


def has_grown(amounts: Sequence[int], shown: Sequence[int]) -> bool:
    """Tell whether any amount is more than was shown; amounts that were not shown at all count as 0."""
    return any(
        amount > (shown[position] if position < len(shown) else 0) for position, amount in enumerate(amounts)
    )
