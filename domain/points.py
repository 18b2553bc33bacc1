"""Arithmetic of points: whole numbers, the monthly fee, the estimate and what is needed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import DomainError

LARGEST_LINE_POINTS = 10**9
LARGEST_BALANCE_POINTS = 10**12
SMALLEST_USER_COUNT = 1
LARGEST_USER_COUNT = 1_000_000


class PointKind(StrEnum):
    """ステータス of a line in ポイント履歴."""

    ISSUE = "issue"
    ADDITION = "addition"
    RETURN = "return"
    MONTHLY_FEE = "monthly_fee"
    CANCELLATION_TOP_UP = "cancellation_top_up"
    CANCELLATION_WRITE_OFF = "cancellation_write_off"


class PriceMissing(DomainError):
    """No price version holds for an account type at an instant."""


@dataclass(frozen=True)
class PriceVersion:
    """A price that holds from an instant on, until a later one does."""

    valid_from: dt.datetime
    base_points: int
    included_user_count: int
    points_per_additional_user: int


def monthly_fee(price: PriceVersion, contract_user_count: int) -> int:
    """Return the points (≥ 0) that a 25th consumes: base plus those for the users beyond the included ones.

    Source: 契約ユーザ数の変更 (ベースポイント(10ユーザ分の契約ユーザ数を含む)および10ユーザを超える分).
    """
    additional_users = max(0, contract_user_count - price.included_user_count)
    return price.base_points + additional_users * price.points_per_additional_user


def price_at(prices: Iterable[PriceVersion], instant: dt.datetime) -> PriceVersion:
    """Return the price that holds at an instant: the newest whose valid_from is not after it.

    :raises PriceMissing: when none holds yet.
    """
    valid = [price for price in prices if price.valid_from <= instant]
    if not valid:
        raise PriceMissing(instant=instant)
    return max(valid, key=lambda price: price.valid_from)


def estimated_balance(point_balance: int, unposted_fee_points: int, upcoming_fee_points: int) -> int:
    """Return 今月25日の推定残ポイント数: the balance after what is due and what this month's 25th will take.

    Source: ポイントの補充. Negative means that points are missing.
    """
    return point_balance - unposted_fee_points - upcoming_fee_points


def needed_points(estimate: int) -> int:
    """Return 必要ポイント (≥ 0): what brings the estimate to exactly 0; 0 when nothing is short."""
    return max(0, -estimate)


@dataclass(frozen=True)
class Settlement:
    """What a cancellation does to a balance; both are above 0 only where a contract's remaining fees are owed."""

    top_up_points: int
    write_off_points: int


def settlement(point_balance: int, remaining_fee_points: int = 0) -> Settlement:
    """Return what brings a balance to exactly 0: a shortfall is topped up, a remainder consumed.

    `remaining_fee_points` (≥ 0): the fees of a year's contract that is left early; they are consumed in any
    case. Source: 解約処理 (不足分のポイントは補充され、残存分のポイントは消費されます).
    """
    return Settlement(
        top_up_points=max(0, remaining_fee_points - point_balance),
        write_off_points=max(remaining_fee_points, point_balance),
    )


def returnable_points(points: int, point_balance: int) -> int:
    """Return how many of the points taken from an account its parent is credited with: only what it held.

    The part that drives the account below 0 is consumed, so that no sequence of returns makes points.
    """
    return max(0, min(points, point_balance))
