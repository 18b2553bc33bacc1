"""Prices and fees as SQL: which price held at a cut, and what it makes of a number of users."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, Integer, case, cast, literal, select
from sqlalchemy.sql import func

from domain.billing_calendar import billing_instant, next_billing_date
from domain.permissions import CHARGED_TYPES, AccountType
from domain.points import PriceVersion, monthly_fee, price_at
from models import Account, ContractUserChange, PriceVersionRow, db
from services import row_scope


def prices_at(instant: dt.datetime) -> Mapping[AccountType, PriceVersionRow]:
    """Return the price row that holds at an instant for each charged type that has one."""
    rows = db.session.execute(
        select(PriceVersionRow)
        .where(PriceVersionRow.valid_from <= instant)
        .order_by(PriceVersionRow.valid_from, PriceVersionRow.id)
    ).scalars()
    return {row.account_type: row for row in rows if row.account_type in CHARGED_TYPES}


def price_versions(account_type: AccountType) -> list[PriceVersion]:
    """Return all price versions of one type, oldest first."""
    rows = db.session.execute(
        select(PriceVersionRow)
        .where(PriceVersionRow.account_type == account_type)
        .order_by(PriceVersionRow.valid_from, PriceVersionRow.id)
    ).scalars()
    return [row.as_value() for row in rows]


@dataclass(frozen=True)
class FeeOutlook:
    """The fee of the next 25th at today's 契約ユーザ数; is_charged False: the account leaves before it."""

    billing_date: dt.date
    price: PriceVersion
    fee_points: int
    is_charged: bool


def fee_outlook(account: Account, *, now: dt.datetime) -> FeeOutlook:
    """Return what the next 25th takes from an account in service. Source: 契約ユーザ数の変更.

    :raises PriceMissing: when no price holds then.
    """
    billing_date = next_billing_date(now)
    price = price_at(price_versions(account.account_type), billing_instant(billing_date))
    leaves_on = account.cancellation_date
    return FeeOutlook(
        billing_date=billing_date,
        price=price,
        fee_points=monthly_fee(price, account.contract_user_count),
        is_charged=leaves_on is None or leaves_on > billing_date,
    )


def fee_expression(
    prices: Mapping[AccountType, PriceVersionRow], contract_user_count: ColumnElement[int]
) -> ColumnElement[int]:
    """Return the monthly fee of an Account row as SQL; 0 for a type without a price."""
    if not prices:
        return literal(0, Integer)
    return case(
        *(
            (
                Account.account_type == account_type,
                price.base_points
                + case(
                    (
                        contract_user_count > price.included_user_count,
                        contract_user_count - price.included_user_count,
                    ),
                    else_=0,
                )
                * price.points_per_additional_user,
            )
            for account_type, price in sorted(prices.items())
        ),
        else_=0,
    )


def users_at(instant: dt.datetime) -> ColumnElement[int]:
    """Return the contracted users of an Account row as they held at an instant, as SQL; 0 before the first."""
    newest = (
        select(ContractUserChange.contract_user_count)
        .where(ContractUserChange.account_id == Account.id, ContractUserChange.effective_at <= instant)
        .order_by(ContractUserChange.effective_at.desc(), ContractUserChange.id.desc())
        .limit(1)
        .correlate(Account)
        .scalar_subquery()
    )
    return func.coalesce(newest, 0)


def users_of_all_at(instant: dt.datetime) -> ColumnElement[int]:
    """Return the same as `users_at`, as SQL that is quick over all accounts; it holds for this transaction's state.

    The number on the row holds unless the history goes on after the instant; who is in that part of the
    history is looked up once for the whole statement. A run comes early enough for most: then there is none.
    """
    with row_scope.beyond(
        "whether anybody changed after the cut is asked of all at once, and shown to nobody"
    ):
        newest = db.session.execute(select(func.max(ContractUserChange.effective_at))).scalar()
    on_row = cast(Account.contract_user_count, BigInteger)
    if newest is None or newest <= instant:
        return on_row
    goes_on = select(ContractUserChange.account_id).where(ContractUserChange.effective_at > instant)
    return case((Account.id.in_(goes_on), users_at(instant)), else_=on_row)
