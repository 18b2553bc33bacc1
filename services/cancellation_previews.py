"""What a cancellation would do, shown before the box is ticked. Source: 解約処理."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select

from domain.billing_calendar import (
    BILLING_DAY,
    billing_dates_between,
    billing_instant,
    next_billing_date,
    start_of_day,
    tokyo_date,
)
from domain.errors import DomainError
from domain.permissions import Permission, Viewer
from domain.points import monthly_fee, price_at, settlement
from models import Account, PointBalance, db
from services import access, ledger, prices
from services.estimates import estimate_columns

LATEST_YEARS_AHEAD = 10


class CancellationDateInvalid(DomainError):
    """解約予定日 is not between tomorrow and ten years ahead; carries earliest and latest."""

    field = "cancellation_date"


@dataclass(frozen=True)
class CancellationPreview:
    """What a cancellation at an instant would do, if nothing else changes until then.

    Points are ≥ 0 but for balances. `fee_points`: fees of 25ths that come first.
    """

    account: Account
    scheduled_on: dt.date | None
    point_balance: int
    fee_points: int
    top_up_points: int
    write_off_points: int
    payer_name: str
    payer_balance: int
    falls_on_billing_day: bool

    @property
    def payer_balance_after(self) -> int:
        """The paying account's stock after the top-up; may be negative."""
        return self.payer_balance - self.top_up_points


def preview(
    *, viewer: Viewer, account_id: int, scheduled_on: dt.date | None, now: dt.datetime
) -> CancellationPreview:
    """Return the exact amounts for the dialog; `scheduled_on` None: a cancellation at once.

    :raises DomainError: AccountNotVisible, AccountNotRunning, CancellationUnderWay,
        CancellationDateInvalid.
    """
    access.check_permission(viewer=viewer, permission=Permission.CUSTOMERS_CANCEL)
    account = access.find_account(viewer=viewer, account_id=account_id)
    ledger.check_running(account, now)
    if scheduled_on is not None:
        check_date(scheduled_on, now)
    return preview_locked(account, scheduled_on, now)


def check_date(scheduled_on: dt.date, now: dt.datetime) -> None:
    """Refuse a date that is not between tomorrow and ten years ahead, in Tokyo days.

    :raises CancellationDateInvalid: with earliest and latest.
    """
    earliest, latest = date_bounds(now)
    if not earliest <= scheduled_on <= latest:
        raise CancellationDateInvalid(earliest=earliest, latest=latest)


def date_bounds(now: dt.datetime) -> tuple[dt.date, dt.date]:
    """Return the earliest and the latest 解約予定日 that may be set at an instant."""
    today = tokyo_date(now)
    try:
        latest = today.replace(year=today.year + LATEST_YEARS_AHEAD)
    except ValueError:
        latest = today.replace(year=today.year + LATEST_YEARS_AHEAD, day=28)
    return today + dt.timedelta(days=1), latest


def preview_locked(account: Account, scheduled_on: dt.date | None, now: dt.datetime) -> CancellationPreview:
    """Return the amounts for an account that was found and checked already."""
    columns = estimate_columns(now)
    statement = (
        select(PointBalance.point_balance, columns.unposted_fee_points)
        .select_from(Account)
        .join(PointBalance, PointBalance.account_id == Account.id)
        .where(Account.id == account.id)
    )
    point_balance, unposted = db.session.execute(statement).one()
    fee_points = unposted + (_coming_fees(account, scheduled_on, now) if scheduled_on else 0)
    settled = settlement(point_balance - fee_points)
    payer = db.session.get_one(Account, account.parent_id)
    payer_row = db.session.get(PointBalance, account.parent_id)
    return CancellationPreview(
        account=account,
        scheduled_on=scheduled_on,
        point_balance=point_balance,
        fee_points=fee_points,
        top_up_points=settled.top_up_points,
        write_off_points=settled.write_off_points,
        payer_name=payer.company_name,
        payer_balance=payer_row.point_balance if payer_row else 0,
        falls_on_billing_day=scheduled_on is not None and scheduled_on.day == BILLING_DAY,
    )


def _coming_fees(account: Account, scheduled_on: dt.date, now: dt.datetime) -> int:
    """Return the fees of the 25ths still ahead and before the date, at today's users and known prices."""
    end = start_of_day(scheduled_on) - dt.timedelta(microseconds=1)
    begin = billing_instant(next_billing_date(now))
    versions = prices.price_versions(account.account_type)
    return sum(
        monthly_fee(price_at(versions, billing_instant(day)), account.contract_user_count)
        for day in (billing_dates_between(begin, end) if begin <= end else ())
    )
