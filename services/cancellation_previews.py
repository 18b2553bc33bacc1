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
from domain.contract_year import RemainingContract, remaining_contract
from domain.errors import DomainError
from domain.permissions import CHARGED_TYPES, AccountType, Permission, Viewer
from domain.points import monthly_fee, price_at, settlement
from models import Account, PointBalance, db
from services import access, ledger, prices
from services.cancellation_blockers import Blockers, find_blockers
from services.company_names import find_company_name
from services.estimates import estimate_columns

LATEST_YEARS_AHEAD = 10
#: Whose contract is one of a year. Source: docs/rules.md R13.
YEARLY_TYPES = frozenset({AccountType.MSP, AccountType.SUPPORT})
#: Above whom running accounts may stand.
PARENT_TYPES = frozenset({AccountType.PRIVILEGED_MSP, AccountType.MSP})


class CancellationDateInvalid(DomainError):
    """解約予定日 is not between tomorrow and ten years ahead; carries earliest and latest."""

    field = "cancellation_date"


@dataclass(frozen=True)
class CancellationPreview:
    """What a cancellation at an instant would do, if nothing else changes until then.

    Points are ≥ 0 but for balances. `fee_points`: fees of 25ths that come first. `remaining` is None but for
    contracts of a year. `is_issued`: the top-up comes by ポイント発行, because the parent is the operator.
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
    remaining: RemainingContract | None = None
    is_issued: bool = False
    blockers: Blockers = Blockers()

    @property
    def payer_balance_after(self) -> int:
        """The paying account's stock after the top-up; may be negative."""
        return self.payer_balance - self.top_up_points

    @property
    def points_at_stake(self) -> int:
        """The points (≥ 0) that a second person may have to agree to."""
        return max(self.top_up_points, self.write_off_points)

    @property
    def remaining_fee_points(self) -> int:
        """What is owed for the rest of the contract's year; 0 where there is none."""
        return self.remaining.fee_points if self.remaining else 0

    @property
    def excess_points(self) -> int:
        """The stock (≥ 0) that would be destroyed, and that could be returned to the parent first."""
        return max(0, self.write_off_points - self.remaining_fee_points)


def cancellation_permission(account_type: AccountType) -> Permission:
    """Return the permission that canceling an account of a type takes."""
    is_customer = account_type is AccountType.CUSTOMER
    return Permission.CUSTOMERS_CANCEL if is_customer else Permission.ACCOUNTS_CANCEL


def preview(
    *, viewer: Viewer, account_id: int, scheduled_on: dt.date | None, now: dt.datetime
) -> CancellationPreview:
    """Return the exact amounts for the dialog; `scheduled_on` None: a cancellation at once.

    What blocks it is named in `blockers`, not refused.

    :raises DomainError: AccountNotVisible, PermissionRefused, AccountNotRunning, CancellationUnderWay,
        CancellationDateInvalid.
    """
    account = access.find_account(viewer=viewer, account_id=account_id, account_types=set(AccountType))
    access.check_permission(viewer=viewer, permission=cancellation_permission(account.account_type))
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
    remaining = remaining_of(account, scheduled_on, now)
    settled = settlement(point_balance - fee_points, remaining.fee_points if remaining else 0)
    held = select(PointBalance.point_balance).where(PointBalance.account_id == account.parent_id)
    return CancellationPreview(
        account=account,
        scheduled_on=scheduled_on,
        point_balance=point_balance,
        fee_points=fee_points,
        top_up_points=settled.top_up_points,
        write_off_points=settled.write_off_points,
        # Of the account above a support account knows the name; who may cancel sees its points, too.
        payer_name=find_company_name(account.parent_id),
        payer_balance=db.session.execute(held).scalar() or 0,
        falls_on_billing_day=scheduled_on is not None and scheduled_on.day == BILLING_DAY,
        remaining=remaining,
        is_issued=account.account_type is AccountType.PRIVILEGED_MSP,
        blockers=_blockers(account, scheduled_on),
    )


def remaining_of(
    account: Account, scheduled_on: dt.date | None, now: dt.datetime
) -> RemainingContract | None:
    """Return what a cancellation still owes of a contract's year; None for an account without one.

    A scheduled one counts from its date, however late it is carried out.
    """
    if account.account_type not in YEARLY_TYPES or account.contract_date is None:
        return None
    return remaining_contract(
        contract_date=account.contract_date,
        first=scheduled_on or next_billing_date(now),
        prices=prices.price_versions(account.account_type),
        contract_user_count=account.contract_user_count,
    )


def _blockers(account: Account, scheduled_on: dt.date | None) -> Blockers:
    if account.account_type not in PARENT_TYPES:
        return Blockers()
    return find_blockers(account.id, leaving_on=scheduled_on)


def _coming_fees(account: Account, scheduled_on: dt.date, now: dt.datetime) -> int:
    """Return the fees of the 25ths still ahead and before the date, at today's users and known prices."""
    end = start_of_day(scheduled_on) - dt.timedelta(microseconds=1)
    begin = billing_instant(next_billing_date(now))
    if account.account_type not in CHARGED_TYPES:
        return 0
    versions = prices.price_versions(account.account_type)
    return sum(
        monthly_fee(price_at(versions, billing_instant(day)), account.contract_user_count)
        for day in (billing_dates_between(begin, end) if begin <= end else ())
    )
