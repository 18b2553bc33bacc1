"""Points arithmetic, against a second calculation."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.points import (
    PriceMissing,
    PriceVersion,
    estimated_balance,
    monthly_fee,
    needed_points,
    price_at,
    returnable_points,
    settlement,
)

BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PRICE = PriceVersion(BEGIN, base_points=10, included_user_count=10, points_per_additional_user=1)
POINTS = st.integers(-(10**12), 10**12)


@pytest.mark.parametrize(
    ("users", "fee"), [(0, 10), (1, 10), (9, 10), (10, 10), (11, 11), (12, 12), (100_000, 100_000)]
)
def test_the_fee_is_the_base_and_each_user_beyond_the_included(users: int, fee: int) -> None:
    assert monthly_fee(PRICE, users) == fee


@given(
    users=st.integers(1, 10**6), base=st.integers(0, 99), included=st.integers(0, 99), extra=st.integers(0, 9)
)
def test_the_fee_agrees_with_counting_users_one_by_one(
    users: int, base: int, included: int, extra: int
) -> None:
    users = users % 300 + 1
    price = PriceVersion(BEGIN, base, included, extra)
    assert monthly_fee(price, users) == base + sum(extra for user in range(users) if user >= included)


def test_the_newest_price_not_after_the_cut_holds() -> None:
    later = PriceVersion(BEGIN + dt.timedelta(days=30), 20, 10, 2)
    assert price_at([later, PRICE], BEGIN + dt.timedelta(days=30)) is later
    assert price_at([later, PRICE], BEGIN + dt.timedelta(days=29)) is PRICE
    before = BEGIN - dt.timedelta(seconds=1)
    with pytest.raises(PriceMissing) as refusal:
        price_at([later, PRICE], before)
    assert refusal.value.data == {"instant": before}


def test_the_estimate_is_the_balance_without_what_is_due_and_what_is_coming() -> None:
    assert estimated_balance(100, 30, 9) == 61
    assert estimated_balance(-5, 30, 9) == -44


@given(balance=POINTS, due=st.integers(0, 10**6), coming=st.integers(0, 10**6))
def test_a_refill_brings_the_estimate_to_exactly_zero_or_leaves_it(
    balance: int, due: int, coming: int
) -> None:
    estimate = estimated_balance(balance, due, coming)
    needed = needed_points(estimate)
    assert needed >= 0
    after = estimated_balance(balance + needed, due, coming)
    assert after == max(0, estimate)


@given(balance=POINTS)
def test_a_settlement_brings_the_balance_to_zero_one_way_only(balance: int) -> None:
    settled = settlement(balance)
    assert balance + settled.top_up_points - settled.write_off_points == 0
    assert 0 in (settled.top_up_points, settled.write_off_points)
    assert settled.top_up_points >= 0 <= settled.write_off_points


@given(points=st.integers(1, 10**9), balance=POINTS)
def test_a_return_never_credits_more_than_was_held(points: int, balance: int) -> None:
    credited = returnable_points(points, balance)
    assert 0 <= credited <= points
    assert credited == 0 or credited <= balance
