"""What the run of a 25th would charge: the rows of the run's own work list, read instead of written.

The 25th is rehearsed and run by one function, `billing_rows.charged_rows`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    case,
    cast,
    func,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.sql.expression import FromClause

from domain.billing_calendar import billing_instant, next_billing_date, next_month
from domain.errors import DomainError
from domain.permissions import Permission, Viewer
from models import Account, BillingItem, BillingRun, ContractUserChange, PointBalance, db
from models.billing import ItemState
from services import access, rehearsal_choice
from services.billing_rows import charged_rows
from services.estimates import (
    IS_PARKED,
    charged_at,
    open_billing_dates,
    unlisted_billing_dates,
    unposted_fee_expression,
)
from services.prices import fee_expression, prices_at, users_of_all_at

#: How many 25ths ahead can be rehearsed.
MONTHS_AHEAD = 12
_JUST_BEFORE = dt.timedelta(microseconds=1)


class BillingDateUnknown(DomainError):
    """A 25th that nothing can be said of: before the first account, or too far ahead."""

    http_status = 404


class RunFinished(DomainError):
    """The run of a 25th is over, so that there is nothing to rehearse; carries billing_date."""

    http_status = 409


class Expectation(NamedTuple):
    """What a run would do to a viewer's accounts: fees ≥ 0, and how many would be below 0 afterwards."""

    account_count: int
    fee_points: int
    negative_count: int


class Totals(NamedTuple):
    """The same, and how many points (≥ 0) those below 0 would lack in all."""

    account_count: int
    fee_points: int
    negative_count: int
    short_points: int


@dataclass(frozen=True)
class RehearsedRows:
    """The rows of a rehearsal as SQL over Account and PointBalance, with what is shown of each.

    `earlier_fee_points` (≥ 0) are the fees of the 25ths before it that are still to be posted.
    """

    rows: FromClause
    earlier_fee_points: ColumnElement[int]

    @property
    def balance_after(self) -> ColumnElement[int]:
        """The balance after the run, if nothing else moves it; may be negative."""
        return cast(PointBalance.point_balance - self.earlier_fee_points - self.rows.c.fee_points, BigInteger)

    def joined(self, statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        """Return a statement over the rows with their accounts and balances."""
        return (
            statement.select_from(Account)
            .join(self.rows, self.rows.c.account_id == Account.id)
            .join(PointBalance, PointBalance.account_id == Account.id)
        )


def rehearsed_rows(billing_date: dt.date, within: ColumnElement[bool]) -> RehearsedRows:
    """Return the rows of a 25th whose fee is not posted, of the accounts that meet a condition on Account.

    Of a run that is listed they are its items; otherwise what its list would be as things stand, each account
    once. Users and prices are those at the cut; of a 25th ahead, those that hold now.
    """
    listed = (
        select(
            BillingItem.account_id,
            BillingItem.contract_user_count,
            BillingItem.price_version_id,
            BillingItem.fee_points,
            BillingItem.fee_points.label("listed_fee_points"),
        )
        .join(Account, Account.id == BillingItem.account_id)
        .where(BillingItem.billing_date == billing_date, BillingItem.state != ItemState.DONE, within)
    )
    is_listed = select(BillingRun.id).where(BillingRun.billing_date == billing_date)
    if db.session.execute(is_listed).first() is not None:
        rows: FromClause = listed.subquery("rehearsed")
    else:
        found = charged_rows(billing_date).where(within)
        columns = found.selected_columns
        coming = found.with_only_columns(
            columns.account_id,
            columns.contract_user_count,
            columns.price_version_id,
            columns.fee_points,
            literal(0, BigInteger).label("listed_fee_points"),
            maintain_column_froms=True,
        )
        # A fee may have been parked before there was a run.
        rows = union_all(coming, listed).subquery("rehearsed")
    return RehearsedRows(rows, cast(_earlier_fees(billing_date) - rows.c.listed_fee_points, BigInteger))


def _earlier_fees(billing_date: dt.date) -> ColumnElement[int]:
    """Return the fees of an Account that are still to be posted before a 25th, as SQL.

    Those that are listed, of the 25th itself too, and those of every 25th before it without a list.
    """
    unlisted = unlisted_billing_dates(billing_instant(billing_date) - _JUST_BEFORE)
    # As of an instant before all of these only what is listed is unposted.
    total = unposted_fee_expression(billing_instant(unlisted[0] if unlisted else billing_date) - _JUST_BEFORE)
    newest_change = db.session.execute(select(func.max(ContractUserChange.effective_at))).scalar()
    for day in unlisted:
        cut = billing_instant(day)
        # Over all accounts and months, a look into each one's history would take minutes.
        goes_on = newest_change is not None and newest_change > cut
        users = users_of_all_at(cut) if goes_on else cast(Account.contract_user_count, BigInteger)
        total = total + case((charged_at(day), fee_expression(prices_at(cut), users)), else_=0)
    return total


def rehearsal_dates(now: dt.datetime) -> list[dt.date]:
    """Return, oldest first, the 25ths that can be rehearsed: unfinished ones, and the next twelve."""
    ahead = [next_billing_date(now)]
    while len(ahead) < MONTHS_AHEAD:
        ahead.append(next_month(ahead[-1]))
    dates = open_billing_dates(now)
    return [*dates.unfinished, *dates.unlisted, *ahead]


def check_date(billing_date: dt.date, now: dt.datetime) -> None:
    """Refuse a 25th that cannot be rehearsed.

    :raises RunFinished: when its run is over.
    :raises BillingDateUnknown: before the first account, or too far ahead.
    """
    if billing_date in rehearsal_dates(now):
        return
    run = select(BillingRun.id).where(BillingRun.billing_date == billing_date)
    if db.session.execute(run).first() is None:
        raise BillingDateUnknown(billing_date=billing_date)
    raise RunFinished(billing_date=billing_date)


def dates_before(billing_date: dt.date) -> list[dt.date]:
    """Return, oldest first, the 25ths before one of which fees are still to be posted, those ahead included."""
    parked = select(BillingItem.billing_date).where(IS_PARKED, BillingItem.billing_date < billing_date)
    dates = open_billing_dates(billing_instant(billing_date) - _JUST_BEFORE)
    listed = [day for day in dates.unfinished if day < billing_date]
    return sorted({*db.session.execute(parked.distinct()).scalars(), *listed, *dates.unlisted})


def expected(*, billing_date: dt.date, viewer: Viewer, now: dt.datetime) -> Expectation:
    """Return what the run of a 25th would do to a viewer's own account and those below it, in one set query.

    :raises DomainError: PermissionRefused, RunFinished, BillingDateUnknown.
    """
    access.check_permission(viewer=viewer, permission=Permission.RUNS_VIEW)
    check_date(billing_date, now)
    found = totals(rehearsed_rows(billing_date, access.history_scope(viewer)))
    return Expectation(found.account_count, found.fee_points, found.negative_count)


def totals(rehearsed: RehearsedRows) -> Totals:
    """Return the sums over the rows of a rehearsal, in one query."""
    after = rehearsed.balance_after.label("balance_after")
    fees = rehearsed.joined(select(rehearsed.rows.c.fee_points.label("fee_points"), after)).subquery()
    is_short = fees.c.balance_after < 0
    statement = select(
        func.count(),
        func.coalesce(func.sum(fees.c.fee_points), 0),
        func.count().filter(is_short),
        func.coalesce(func.sum(-fees.c.balance_after).filter(is_short), 0),
    ).select_from(fees)
    return Totals(*(int(value) for value in db.session.execute(statement).one()))


def rehearse(
    *, billing_date: dt.date, account_numbers: Sequence[str] = ()
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return account_number, contract_user_count, fee_points, balance_after of each account to be charged.

    Of a 25th ahead: if users and prices stay as they are; the fees of the 25ths in between are off the balance
    too. What is charged already is not charged again. No numbers: all accounts, by number.

    :raises AccountNumbersUnknown: when a number is no account's.
    """
    within = Account.account_number.in_(account_numbers) if account_numbers else true()
    if account_numbers:
        known = set(db.session.execute(select(Account.account_number).where(within)).scalars())
        rehearsal_choice.check_known(account_numbers, known)
    rehearsed = rehearsed_rows(billing_date, within)
    statement = rehearsed.joined(
        select(
            Account.account_number,
            rehearsed.rows.c.contract_user_count,
            rehearsed.rows.c.fee_points,
            rehearsed.balance_after.label("balance_after"),
        )
    )
    return db.session.execute(statement.order_by(Account.account_number, Account.id)).all()
