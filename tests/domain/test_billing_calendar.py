"""The calendar: Tokyo days, cuts, and business days with holidays."""

import datetime as dt

import pytest

from domain.billing_calendar import (
    approval_due_on,
    billing_date_of_month,
    billing_dates_between,
    billing_instant,
    is_business_day,
    last_due_billing_date,
    next_billing_date,
    next_month,
    tokyo_date,
)

CUT = dt.datetime(2026, 11, 24, 15, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)


def test_the_cut_is_the_first_instant_of_the_25th_in_tokyo() -> None:
    assert billing_instant(dt.date(2026, 11, 25)) == CUT
    assert billing_instant(dt.date(2026, 11, 25)).tzinfo is dt.UTC
    assert tokyo_date(CUT) == dt.date(2026, 11, 25)
    assert tokyo_date(CUT - MICROSECOND) == dt.date(2026, 11, 24)


@pytest.mark.parametrize("offset", [-11, -5, 0, 9, 14])
def test_a_business_day_does_not_depend_on_the_zone_of_the_instant(offset: int) -> None:
    zone = dt.timezone(dt.timedelta(hours=offset))
    assert tokyo_date(CUT.astimezone(zone)) == dt.date(2026, 11, 25)


def test_a_naive_instant_has_no_business_day() -> None:
    with pytest.raises(ValueError, match=r"^a naive instant has no business day$"):
        tokyo_date(dt.datetime(2026, 11, 25))  # noqa: DTZ001 - that is the point


def test_only_a_25th_has_a_cut() -> None:
    with pytest.raises(ValueError, match=r"^2026-11-24 is not a billing date$"):
        billing_instant(dt.date(2026, 11, 24))


@pytest.mark.parametrize(
    ("instant", "last", "coming"),
    [
        (CUT - MICROSECOND, dt.date(2026, 10, 25), dt.date(2026, 11, 25)),
        (CUT, dt.date(2026, 11, 25), dt.date(2026, 12, 25)),
        (dt.datetime(2027, 1, 1, tzinfo=dt.UTC), dt.date(2026, 12, 25), dt.date(2027, 1, 25)),
        (dt.datetime(2028, 2, 29, tzinfo=dt.UTC), dt.date(2028, 2, 25), dt.date(2028, 3, 25)),
    ],
)
def test_last_and_next_25th(instant: dt.datetime, last: dt.date, coming: dt.date) -> None:
    assert last_due_billing_date(instant) == last
    assert next_billing_date(instant) == coming


def test_25ths_between_two_instants_include_both_ends() -> None:
    end = billing_instant(dt.date(2027, 1, 25))
    assert list(billing_dates_between(CUT, end)) == [
        dt.date(2026, 11, 25),
        dt.date(2026, 12, 25),
        dt.date(2027, 1, 25),
    ]
    assert list(billing_dates_between(CUT + MICROSECOND, end - MICROSECOND)) == [dt.date(2026, 12, 25)]
    assert list(billing_dates_between(CUT + MICROSECOND, CUT + 2 * MICROSECOND)) == []


def test_months_follow_each_other_over_the_year() -> None:
    assert next_month(dt.date(2026, 12, 25)) == dt.date(2027, 1, 25)
    assert billing_date_of_month(dt.date(2026, 11, 30)) == dt.date(2026, 11, 25)


def test_holidays_and_weekends_are_no_business_days() -> None:
    assert not is_business_day(dt.date(2026, 11, 23))  # 勤労感謝の日
    assert not is_business_day(dt.date(2026, 11, 22))
    assert is_business_day(dt.date(2026, 11, 24))


@pytest.mark.parametrize(
    ("applied", "due"),
    [
        ("2026-11-20T10:00:00+09:00", dt.date(2026, 11, 26)),  # Friday; Monday is a holiday
        ("2026-11-24T09:00:00+09:00", dt.date(2026, 11, 27)),
        ("2026-11-21T12:00:00+09:00", dt.date(2026, 11, 26)),
        ("2026-11-23T23:59:59+00:00", dt.date(2026, 11, 27)),  # the 24th in Tokyo
    ],
)
def test_an_application_is_due_in_three_business_days(applied: str, due: dt.date) -> None:
    assert approval_due_on(dt.datetime.fromisoformat(applied)) == due
