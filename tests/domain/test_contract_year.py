"""The year's contract of MSP and support accounts: which 25ths are left, and what they cost."""

import datetime as dt

import pytest

from domain.billing_calendar import billing_instant, start_of_day
from domain.contract_year import contract_end, remaining_billing_dates, remaining_contract
from domain.points import PriceMissing, PriceVersion, Settlement, settlement

BEGINNING = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PRICE = PriceVersion(BEGINNING, base_points=10, included_user_count=10, points_per_additional_user=1)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("contract_date", "end"),
    [("2026-11-20", "2027-11-20"), ("2028-02-29", "2029-02-28"), ("2027-02-28", "2028-02-28")],
)
def test_a_contract_ends_after_twelve_months(contract_date: str, end: str) -> None:
    assert contract_end(day(contract_date)) == day(end)


@pytest.mark.parametrize(
    ("contract_date", "first", "count"),
    [
        ("2026-11-20", "2026-11-25", 12),  # at once, before the first 25th: the whole year
        ("2026-11-20", "2026-11-26", 11),
        ("2026-11-20", "2027-10-25", 1),  # dated on a 25th: that fee does not arise by itself
        ("2026-11-20", "2027-10-26", 0),
        ("2026-11-20", "2027-11-20", 0),
        ("2025-01-01", "2026-11-25", 0),
        ("2026-11-25", "2026-12-25", 11),  # the 25th of the next year is beyond the year
        ("2026-11-26", "2026-12-25", 12),
    ],
)
def test_the_25ths_that_are_left(contract_date: str, first: str, count: int) -> None:
    days = remaining_billing_dates(day(contract_date), day(first))
    assert len(days) == count
    assert all(found.day == 25 and found >= day(first) for found in days)


def test_each_25th_costs_what_is_known_to_hold_then() -> None:
    dearer = PriceVersion(start_of_day(day("2027-03-01")), 15, 10, 1)
    found = remaining_contract(
        contract_date=day("2026-11-20"),
        first=day("2027-01-25"),
        prices=[PRICE, dearer],
        contract_user_count=10,
    )
    assert (found.ends_on, found.month_count, found.fee_points) == (day("2027-11-20"), 10, 2 * 10 + 8 * 15)
    at_the_cut = PriceVersion(billing_instant(day("2027-01-25")), 15, 10, 1)
    more = remaining_contract(
        contract_date=day("2026-02-01"), first=day("2027-01-25"), prices=[at_the_cut], contract_user_count=12
    )
    assert (more.month_count, more.fee_points) == (1, 17)
    with pytest.raises(PriceMissing):
        remaining_contract(
            contract_date=day("2026-11-20"), first=day("2026-11-25"), prices=[], contract_user_count=10
        )


@pytest.mark.parametrize(
    ("balance", "owed", "top_up", "write_off"),
    [
        (0, 0, 0, 0),
        (-50, 0, 50, 0),
        (120, 0, 0, 120),
        (0, 120, 120, 120),
        (30, 120, 90, 120),
        (120, 120, 0, 120),
        (500, 120, 0, 500),
        (-40, 120, 160, 120),
    ],
)
def test_a_settlement_brings_the_balance_to_zero(
    balance: int, owed: int, top_up: int, write_off: int
) -> None:
    assert settlement(balance, owed) == Settlement(top_up, write_off)
    assert balance + top_up - write_off == 0
