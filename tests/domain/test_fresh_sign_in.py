"""When the password is asked for again, and who decides that everybody needs a second factor."""

from __future__ import annotations

import datetime as dt

import pytest

from domain.fresh_sign_in import Authentication, FreshSignInNeeded, check_fresh, check_fresh_for_points
from domain.permissions import LEVELS, AccountType, AdminLevel, Viewer
from domain.second_factor_rules import may_require_second_factor

GIVEN_AT = dt.datetime(2026, 11, 20, 1, 0, tzinfo=dt.UTC)
TEN_MINUTES = dt.timedelta(minutes=10)
MOMENT = dt.timedelta(seconds=1)


def viewer(authentication: Authentication | None) -> Viewer:
    return Viewer(1, "msp-a", 1, AccountType.MSP, AdminLevel.OVERALL, authentication=authentication)


def is_asked(points: int | None, *, after: dt.timedelta, large_points: int = 10_000) -> bool:
    found = viewer(Authentication(GIVEN_AT, large_points))
    try:
        if points is None:
            check_fresh(found, GIVEN_AT + after)
        else:
            check_fresh_for_points(found, points, GIVEN_AT + after)
    except FreshSignInNeeded as refusal:
        return refusal.http_status == 422
    return False


def test_ten_minutes_after_the_password_it_is_asked_for_again() -> None:
    assert not is_asked(None, after=dt.timedelta())
    assert not is_asked(None, after=TEN_MINUTES)
    assert is_asked(None, after=TEN_MINUTES + MOMENT)


@pytest.mark.parametrize(("points", "asked"), [(1, False), (9_999, False), (10_000, True), (10**9, True)])
def test_many_points_ask_for_it_and_few_do_not(points: int, asked: bool) -> None:
    assert is_asked(points, after=TEN_MINUTES + MOMENT) is asked
    assert not is_asked(points, after=TEN_MINUTES)


def test_the_number_of_many_points_may_be_zero() -> None:
    assert is_asked(1, after=TEN_MINUTES + MOMENT, large_points=0)


def test_who_has_no_session_is_not_asked() -> None:
    check_fresh(viewer(None), GIVEN_AT)
    check_fresh_for_points(viewer(None), 10**9, GIVEN_AT)


@pytest.mark.parametrize(
    ("account_type", "level"), [(kind, level) for kind in AccountType for level in sorted(LEVELS[kind])]
)
def test_system_administrators_decide_for_nobody_but_a_customer(
    account_type: AccountType, level: AdminLevel
) -> None:
    is_system = level is AdminLevel.SYSTEM
    expected = account_type is AccountType.CUSTOMER or not is_system
    assert may_require_second_factor(Viewer(1, "a", 1, account_type, level)) is expected
