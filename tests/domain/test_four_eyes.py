"""二人承認: what waits, for how long, and what an approver must be asked again about."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.four_eyes import (
    ApprovalKind,
    approving_levels,
    expires_at,
    has_grown,
    is_weaker,
    needs_approval,
    total_points,
)
from domain.permissions import AccountType, AdminLevel

TOKYO = dt.timezone(dt.timedelta(hours=9))
CUT = dt.datetime(2026, 11, 25, tzinfo=TOKYO)
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=TOKYO)


@pytest.mark.parametrize(
    ("points", "threshold", "waits"),
    [(99, 100, False), (100, 100, True), (101, 100, True), (0, 1, False), (10**9, None, False)],
)
def test_what_reaches_the_threshold_waits(points: int, threshold: int | None, waits: bool) -> None:
    assert needs_approval(points, threshold) is waits


@pytest.mark.parametrize(
    ("old", "new", "weaker"),
    [
        (100, None, True),
        (100, 101, True),
        (100, 100, False),
        (100, 99, False),
        (None, 1, False),
        (None, None, False),
    ],
)
def test_later_or_never_is_weaker(old: int | None, new: int | None, weaker: bool) -> None:
    assert is_weaker(old, new) is weaker


def test_a_request_ends_at_the_next_cut_or_on_its_own_date() -> None:
    assert expires_at(NOON) == CUT
    assert expires_at(CUT - dt.timedelta(microseconds=1)) == CUT
    assert expires_at(CUT) == dt.datetime(2026, 12, 25, tzinfo=TOKYO)
    assert expires_at(NOON, dt.date(2026, 11, 23)) == dt.datetime(2026, 11, 23, tzinfo=TOKYO)
    assert expires_at(NOON, dt.date(2027, 3, 1)) == CUT


@pytest.mark.parametrize(
    ("amounts", "shown", "grown"),
    [
        ((5, 7), (5, 7), False),
        ((0, 7), (5, 7), False),
        ((6, 0), (5, 7), True),
        ((1,), (), True),
        ((0,), (), False),
        ((), (5,), False),
    ],
)
def test_no_single_amount_may_grow(amounts: tuple[int, ...], shown: tuple[int, ...], grown: bool) -> None:
    assert has_grown(amounts, shown) is grown


def test_each_point_counts_once() -> None:
    assert total_points(ApprovalKind.REFILL, (3, 0, 4)) == 7
    assert total_points(ApprovalKind.CANCELLATION, (30, 100)) == 100
    assert total_points(ApprovalKind.CANCELLATION, ()) == 0
    assert total_points(ApprovalKind.RETURN, (30, 10)) == 30
    assert total_points(ApprovalKind.ADDITION, (30,)) == 30
    assert total_points(ApprovalKind.RULE_CHANGE, ()) == 0


def test_who_moves_points_may_approve() -> None:
    both = [AdminLevel.OVERALL, AdminLevel.CONTRACT]
    assert approving_levels(AccountType.MSP) == both == approving_levels(AccountType.PRIVILEGED_MSP)
    assert approving_levels(AccountType.OPERATOR) == [AdminLevel.OVERALL]
    assert approving_levels(AccountType.SUPPORT) == approving_levels(AccountType.CUSTOMER) == []


AMOUNTS = st.lists(st.integers(0, 10**9), max_size=6)


@given(st.sampled_from(ApprovalKind), AMOUNTS, AMOUNTS)
def test_what_has_not_grown_moves_no_more_than_was_shown(
    kind: ApprovalKind, amounts: list[int], shown: list[int]
) -> None:
    if not has_grown(amounts, shown):
        assert total_points(kind, amounts) <= total_points(kind, shown)
        assert all(amount <= most for amount, most in zip(amounts, shown, strict=False))
        assert not any(amounts[len(shown) :])
