"""What the run of a 25th would charge, by the same expressions as the run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select

from domain.billing_calendar import billing_instant
from domain.permissions import CHARGED_TYPES
from models import Account, BillingItem, PointBalance, db
from models.billing import ItemState
from services.estimates import charged_at
from services.prices import fee_expression, prices_at, users_at


def rehearse(
    *, billing_date: dt.date, account_numbers: Sequence[str] = ()
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return account_number, contract_user_count, fee_points, balance_after of each account to be charged.

    Of a 25th ahead: if users and prices stay as they are. What is charged already is not charged again.
    No numbers: all accounts, by number.
    """
    cut = billing_instant(billing_date)
    users = users_at(cut)
    fee = fee_expression(prices_at(cut), users)
    is_charged = (
        select(BillingItem.account_id)
        .where(
            BillingItem.account_id == Account.id,
            BillingItem.billing_date == billing_date,
            BillingItem.state == ItemState.DONE,
        )
        .exists()
    )
    statement = (
        select(
            Account.account_number,
            users.label("contract_user_count"),
            fee.label("fee_points"),
            (func.coalesce(PointBalance.point_balance, 0) - fee).label("balance_after"),
        )
        .join(PointBalance, PointBalance.account_id == Account.id)
        .where(Account.account_type.in_(CHARGED_TYPES), charged_at(billing_date), ~is_charged)
        .order_by(Account.account_number, Account.id)
    )
    if account_numbers:
        statement = statement.where(Account.account_number.in_(account_numbers))
    return db.session.execute(statement).all()
