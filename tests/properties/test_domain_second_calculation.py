"""Dates, fees and what a contract still owes, against a second calculation that walks day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.billing_calendar import (
    billing_dates_between,
    billing_instant,
    last_due_billing_date,
    next_billing_date,
    start_of_day,
    tokyo_date,
)
from domain.contract_year import contract_end, remaining_billing_dates, remaining_contract
from domain.points import PriceVersion, monthly_fee, price_at

ONE_DAY = dt.timedelta(days=1)
MOMENT = dt.timedelta(microseconds=1)
#: Tokyo has been nine hours ahead, summer and winter, for longer than any account.
NINE_HOURS = dt.timedelta(hours=9)
#: Ends without a zone: each example brings its own.
FIRST, LAST = (dt.datetime.combine(dt.date(year, 1, 1), dt.time()) for year in (2020, 2040))
CUT = dt.datetime(2028, 2, 24, 15, tzinfo=dt.UTC)

instants = st.datetimes(FIRST, LAST, timezones=st.timezones(), allow_imaginary=False)
days = st.dates(dt.date(2020, 1, 1), dt.date(2039, 12, 31))
quick = settings(max_examples=60, derandomize=True, database=None, deadline=None)


def day_in_tokyo(instant: dt.datetime) -> dt.date:
    """Return the day by adding nine hours."""
    return (instant.astimezone(dt.UTC) + NINE_HOURS).date()


def every_day(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """Yield each day, both ends included."""
    while first <= last:
        yield first
        first += ONE_DAY


@quick
@given(instant=instants)
@example(instant=CUT)
@example(instant=CUT - MOMENT)
@example(instant=dt.datetime(2026, 12, 31, 15, tzinfo=dt.UTC))
@example(instant=dt.datetime(2028, 2, 28, 15, tzinfo=dt.UTC))
def test_days_and_cuts_are_tokyos_whatever_the_zone(instant: dt.datetime) -> None:
    today = day_in_tokyo(instant)
    assert tokyo_date(instant) == today
    assert start_of_day(today) <= instant < start_of_day(today + ONE_DAY)
    past = [day for day in every_day(today - 40 * ONE_DAY, today) if day.day == 25]
    ahead = [day for day in every_day(today + ONE_DAY, today + 40 * ONE_DAY) if day.day == 25]
    assert last_due_billing_date(instant) == past[-1]
    assert next_billing_date(instant) == ahead[0]
    assert billing_instant(past[-1]) <= instant < billing_instant(ahead[0])


@quick
@given(after=instants, length=st.timedeltas(-40 * ONE_DAY, 800 * ONE_DAY))
@example(after=CUT, length=dt.timedelta())
@example(after=CUT + MOMENT, length=dt.timedelta())
def test_the_25ths_between_two_instants_are_those_of_every_day_between(
    after: dt.datetime, length: dt.timedelta
) -> None:
    until = after.astimezone(dt.UTC) + length
    walked = [
        day
        for day in every_day(day_in_tokyo(after), day_in_tokyo(until))
        if day.day == 25 and after <= start_of_day(day) <= until
    ]
    assert list(billing_dates_between(after, until)) == walked


@quick
@given(contract_date=days, later=st.integers(0, 800))
@example(contract_date=dt.date(2028, 2, 29), later=0)
@example(contract_date=dt.date(2026, 11, 25), later=30)
def test_a_year_holds_the_25ths_before_the_day_that_ends_it(contract_date: dt.date, later: int) -> None:
    first = contract_date + later * ONE_DAY
    end = contract_end(contract_date)
    anniversary = (contract_date.month, contract_date.day)
    assert end.year == contract_date.year + 1
    assert (end.month, end.day) == (anniversary if anniversary != (2, 29) else (2, 28))
    walked = [day for day in every_day(first, end - ONE_DAY) if day.day == 25]
    assert remaining_billing_dates(contract_date, first) == walked
    assert later or len(walked) == 12


prices = st.lists(
    st.builds(
        PriceVersion,
        valid_from=st.datetimes(FIRST, LAST, timezones=st.just(dt.UTC)),
        base_points=st.integers(0, 99),
        included_user_count=st.integers(0, 30),
        points_per_additional_user=st.integers(0, 9),
    ),
    max_size=5,
    unique_by=lambda price: price.valid_from,
)
FIRST_PRICE = PriceVersion(dt.datetime(2019, 1, 1, tzinfo=dt.UTC), 10, 10, 1)


def second_fee(known: list[PriceVersion], cut: dt.datetime, users: int) -> int:
    """Return a fee by walking the prices and counting the users beyond the included ones."""
    held = FIRST_PRICE
    for price in sorted(known, key=lambda price: price.valid_from):
        if price.valid_from <= cut:
            held = price
    return held.base_points + sum(
        held.points_per_additional_user for _user in range(held.included_user_count, users)
    )


@quick
@given(known=prices, day=days, users=st.sampled_from((0, 1, 9, 10, 11, 100_000)) | st.integers(0, 500))
@example(known=[], day=dt.date(2026, 11, 25), users=0)
@example(known=[], day=dt.date(2026, 11, 25), users=100_000)
@example(known=[PriceVersion(CUT, 7, 9, 3)], day=dt.date(2028, 2, 25), users=10)
@example(known=[PriceVersion(CUT + MOMENT, 7, 9, 3)], day=dt.date(2028, 2, 25), users=11)
def test_a_fee_is_that_of_the_price_that_holds_at_the_cut(
    known: list[PriceVersion], day: dt.date, users: int
) -> None:
    cut = billing_instant(day.replace(day=25))
    assert monthly_fee(price_at([*known, FIRST_PRICE], cut), users) == second_fee(known, cut, users)


@quick
@given(known=prices, contract_date=days, later=st.integers(0, 400), users=st.integers(1, 40))
def test_what_a_contract_owes_is_the_sum_of_its_25ths(
    known: list[PriceVersion], contract_date: dt.date, later: int, users: int
) -> None:
    first = contract_date + later * ONE_DAY
    found = remaining_contract(
        contract_date=contract_date, first=first, prices=[*known, FIRST_PRICE], contract_user_count=users
    )
    walked = [day for day in every_day(first, contract_end(contract_date) - ONE_DAY) if day.day == 25]
    assert found.month_count == len(walked)
    assert found.fee_points == sum(second_fee(known, start_of_day(day), users) for day in walked)
