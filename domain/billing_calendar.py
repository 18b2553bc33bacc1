"""The calendar of the portal: Tokyo days, the 25th, its cut, and Japanese business days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import jpholiday

TOKYO = ZoneInfo("Asia/Tokyo")
BILLING_DAY = 25
APPROVAL_BUSINESS_DAYS = 3


def tokyo_date(instant: dt.datetime) -> dt.date:
    """Return the business day on which an aware instant falls; the only conversion in the product."""
    if instant.tzinfo is None:
        raise ValueError("a naive instant has no business day")
    return instant.astimezone(TOKYO).date()


def start_of_day(day: dt.date) -> dt.datetime:
    """Return the first instant of a Tokyo day, in UTC."""
    return dt.datetime.combine(day, dt.time(), TOKYO).astimezone(dt.UTC)


def billing_instant(billing_date: dt.date) -> dt.datetime:
    """Return the cut of a 25th: its first instant in Tokyo. Source: 契約ユーザ数の変更 (毎月25日).

    :raises ValueError: when the date is no 25th.
    """
    if billing_date.day != BILLING_DAY:
        raise ValueError(f"{billing_date} is not a billing date")
    return start_of_day(billing_date)


def billing_date_of_month(day: dt.date) -> dt.date:
    """Return the 25th of the month in which a day lies (今月25日)."""
    return day.replace(day=BILLING_DAY)


def next_month(billing_date: dt.date) -> dt.date:
    """Return the 25th one month after a 25th."""
    return (billing_date.replace(day=28) + dt.timedelta(days=7)).replace(day=BILLING_DAY)


def last_due_billing_date(now: dt.datetime) -> dt.date:
    """Return the newest 25th whose cut has been reached at an instant."""
    this_month = billing_date_of_month(tokyo_date(now))
    if billing_instant(this_month) <= now:
        return this_month
    return (this_month.replace(day=1) - dt.timedelta(days=1)).replace(day=BILLING_DAY)


def next_billing_date(now: dt.datetime) -> dt.date:
    """Return the oldest 25th whose cut is still ahead of an instant."""
    return next_month(last_due_billing_date(now))


def billing_dates_between(after: dt.datetime, until: dt.datetime) -> Iterator[dt.date]:
    """Yield, oldest first, each 25th whose cut lies in [after, until]; nothing when there is none."""
    day = billing_date_of_month(tokyo_date(after))
    while billing_instant(day) <= until:
        if billing_instant(day) >= after:
            yield day
        day = next_month(day)


def is_business_day(day: dt.date) -> bool:
    """Tell whether a day is neither a weekend day nor a Japanese holiday."""
    return day.weekday() < 5 and not jpholiday.is_holiday(day)


def add_business_days(day: dt.date, count: int) -> dt.date:
    """Return the day that lies a number of Japanese business days after a day, itself not counted.

    Source: 顧客アカウント作成までの流れ (原則3営業日).
    """
    while count > 0:
        day += dt.timedelta(days=1)
        if is_business_day(day):
            count -= 1
    return day


def approval_due_on(applied_at: dt.datetime) -> dt.date:
    """Return the day by which an application should be approved and provisioned."""
    return add_business_days(tokyo_date(applied_at), APPROVAL_BUSINESS_DAYS)
