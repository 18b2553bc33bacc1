"""今月25日の推定残ポイント数: one set query for any number of accounts. Source: ポイントの補充."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
)

from domain.billing_calendar import (
    billing_date_of_month,
    billing_dates_between,
    billing_instant,
    next_month,
    tokyo_date,
)
from domain.lifecycle import RUNNING
from models import Account, BillingItem, BillingRun, PointBalance, db
from models.billing import ItemState
from services.prices import fee_expression, prices_at, users_at

#: Written out, not bound: SQLite uses the index of what is parked only when it can read the condition.
IS_PARKED: ColumnElement[bool] = BillingItem.state == literal_column(f"'{ItemState.PARKED.value}'")


@dataclass(frozen=True)
class EstimateColumns:
    """SQL over Account joined to PointBalance. All three are NULL for what is not in service."""

    unposted_fee_points: ColumnElement[int]
    upcoming_fee_points: ColumnElement[int]
    estimated_balance: ColumnElement[int]


def estimate_columns(now: dt.datetime) -> EstimateColumns:
    """Return the parts of the estimate as SQL for a page, a filter or a plan at an instant."""
    is_running = Account.status.in_(RUNNING)
    dates = open_billing_dates(now)
    unposted = _unposted_fees(dates)
    upcoming = _upcoming_fees(dates, now)
    balance = func.coalesce(PointBalance.point_balance, 0)

    def when_running(value: ColumnElement[int]) -> ColumnElement[int]:
        return cast(case((is_running, value), else_=null()), BigInteger)

    return EstimateColumns(
        unposted_fee_points=when_running(unposted),
        upcoming_fee_points=when_running(upcoming),
        estimated_balance=when_running(balance - unposted - upcoming),
    )


class OpenDates(NamedTuple):
    """The 25ths of which fees may still be due, oldest first each."""

    #: Their run has begun or waits for a release, and is not finished.
    unfinished: list[dt.date]
    #: Their cut has passed, and their work list is not written yet.
    unlisted: list[dt.date]
    #: The newest one of which the work list is written; None: there is none.
    newest_listed: dt.date | None


def open_billing_dates(now: dt.datetime) -> OpenDates:
    """Return the 25ths of which fees may still be due, by one look: none is lost while its list is being written."""
    newest = select(func.max(BillingRun.billing_date)).scalar_subquery()
    statement = (
        select(BillingRun.billing_date, BillingRun.finished_at)
        .where(or_(BillingRun.finished_at.is_(None), BillingRun.billing_date == newest))
        .order_by(BillingRun.billing_date)
    )
    runs = db.session.execute(statement).all()
    unfinished = [run.billing_date for run in runs if run.finished_at is None]
    newest_listed = runs[-1].billing_date if runs else None
    return OpenDates(unfinished, _dates_after(newest_listed, now), newest_listed)


def _dates_after(newest: dt.date | None, now: dt.datetime) -> list[dt.date]:
    if newest is not None:
        after = billing_instant(next_month(newest))
        return list(billing_dates_between(after, now)) if after <= now else []
    first = db.session.execute(select(func.min(Account.provisioned_at))).scalar()
    return list(billing_dates_between(first, now)) if first is not None else []


def unlisted_billing_dates(now: dt.datetime) -> list[dt.date]:
    """Return, oldest first, the 25ths whose cut has passed and whose work list is not written yet."""
    return open_billing_dates(now).unlisted


def charged_at(billing_date: dt.date) -> ColumnElement[bool]:
    """Return the condition on Account that the fee of a 25th arises: in service at its cut.

    What is canceled by a cancellation dated on or before it is not charged.
    """
    cut = billing_instant(billing_date)
    # Not "IS NULL OR later": by that SQLite reads nearly all accounts through an index.
    leaves_on = func.coalesce(Account.cancellation_date, literal(dt.date.max))
    return and_(
        Account.provisioned_at <= cut,
        or_(Account.canceled_at.is_(None), Account.canceled_at > cut),
        leaves_on > billing_date,
    )


def unposted_fee_expression(now: dt.datetime) -> ColumnElement[int]:
    """Return the points (≥ 0) of every fee whose cut has passed and which is not posted yet, as SQL."""
    return _unposted_fees(open_billing_dates(now))


def _unposted_fees(dates: OpenDates) -> ColumnElement[int]:
    total: ColumnElement[int] = _item_points(IS_PARKED)
    for billing_date in dates.unfinished:
        total = total + _item_points(
            BillingItem.billing_date == billing_date, BillingItem.state == ItemState.DUE
        )
    for billing_date in dates.unlisted:
        cut = billing_instant(billing_date)
        fee = fee_expression(prices_at(cut), users_at(cut))
        total = total + case((charged_at(billing_date), fee), else_=0)
    return total


def _item_points(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    """Return the fees of an Account's items that meet conditions, as SQL."""
    found = select(func.sum(BillingItem.fee_points)).where(BillingItem.account_id == Account.id, *conditions)
    return func.coalesce(found.correlate(Account).scalar_subquery(), 0)


def _upcoming_fees(dates: OpenDates, now: dt.datetime) -> ColumnElement[int]:
    billing_date = billing_date_of_month(tokyo_date(now))
    cut = billing_instant(billing_date)
    # Another host's clock may be ahead of this one: what is listed is due, or posted already.
    is_listed = dates.newest_listed is not None and billing_date <= dates.newest_listed
    if cut <= now or is_listed:
        return literal(0)
    is_leaving = and_(Account.cancellation_date.is_not(None), Account.cancellation_date <= billing_date)
    fee = fee_expression(prices_at(cut), cast(Account.contract_user_count, BigInteger))
    return case((is_leaving, 0), else_=fee)
