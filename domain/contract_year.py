"""The first year of an MSP or support account's contract: ten users, and fees that are owed to its end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from domain.billing_calendar import billing_date_of_month, billing_instant, next_month
from domain.points import PriceVersion, monthly_fee, price_at

#: 契約ユーザ数 of every account that is no customer; nobody is asked for it.
RESELLER_USER_COUNT = 10


@dataclass(frozen=True)
class RemainingContract:
    """What an early cancellation still owes: the fees (points ≥ 0) of the 25ths that the contract has left."""

    #: First day that no longer belongs to the year.
    ends_on: dt.date
    month_count: int
    fee_points: int


def contract_end(contract_date: dt.date) -> dt.date:
    """Return 契約日 + 12 months: the first day after the year; of a 29 February, 28 February."""
    try:
        return contract_date.replace(year=contract_date.year + 1)
    except ValueError:
        return contract_date.replace(year=contract_date.year + 1, day=28)


def remaining_billing_dates(contract_date: dt.date, first: dt.date) -> list[dt.date]:
    """Return the 25ths from a day on (itself included) to the end of the contract's year, oldest first.

    `first` is the first day whose fee does not arise by itself: the day of a scheduled cancellation, or the
    next 25th of one at once. A 25th on the very day 契約日 + 12 months belongs to no minimum year any more.
    """
    end = contract_end(contract_date)
    day = billing_date_of_month(first)
    days = []
    while day < end:
        if day >= first:
            days.append(day)
        day = next_month(day)
    return days


def remaining_contract(
    *, contract_date: dt.date, first: dt.date, prices: Sequence[PriceVersion], contract_user_count: int
) -> RemainingContract:
    """Return the fees that are left of the year, each at the price that is known to hold at its cut.

    :raises PriceMissing: when none holds at one of them.
    """
    days = remaining_billing_dates(contract_date, first)
    return RemainingContract(
        ends_on=contract_end(contract_date),
        month_count=len(days),
        fee_points=sum(
            monthly_fee(price_at(prices, billing_instant(day)), contract_user_count) for day in days
        ),
    )
