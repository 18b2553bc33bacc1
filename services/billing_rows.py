"""The rows of a 25th as of its cut: the run writes them as its work list, a rehearsal only reads them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Select, case, literal, select

from domain.billing_calendar import billing_instant
from domain.permissions import CHARGED_TYPES
from models import Account, BillingItem
from services.access import depth_expression
from services.estimates import charged_at
from services.prices import fee_expression, prices_at, users_at, users_of_all_at


def charged_rows(
    billing_date: dt.date, *, account_ids: Sequence[int] | None = None
) -> Select[tuple[Any, ...]]:
    """Return a select over Account: account_id, billing_date, depth, contract_user_count, price_version_id,
    fee_points (≥ 0) of every account whose fee of a 25th arises and has no item yet, by their names.

    Users and prices are those at the cut; of a 25th ahead, what holds now. Accounts of a type without a price
    are left out. `account_ids` None: of all accounts. Not ordered. Source: docs/rules.md R8.
    """
    cut = billing_instant(billing_date)
    prices = prices_at(cut)
    # For all accounts one look at the few late changes, for some a look at each one's own history.
    users = users_of_all_at(cut) if account_ids is None else users_at(cut)
    price_ids = [(Account.account_type == kind, price.id) for kind, price in sorted(prices.items())]
    # Before the first price there is no case to tell apart, and no row either.
    price_id = case(*price_ids, else_=0) if price_ids else literal(0, BigInteger)
    is_listed = (
        select(literal(1))
        .where(BillingItem.account_id == Account.id, BillingItem.billing_date == billing_date)
        .correlate(Account)
        .exists()
    )
    rows = select(
        Account.id.label("account_id"),
        literal(billing_date, BillingItem.billing_date.type).label("billing_date"),
        depth_expression().label("depth"),
        users.label("contract_user_count"),
        price_id.label("price_version_id"),
        fee_expression(prices, users).label("fee_points"),
    ).where(Account.account_type.in_(CHARGED_TYPES & set(prices)), charged_at(billing_date), ~is_listed)
    return rows if account_ids is None else rows.where(Account.id.in_(account_ids))
