"""What the database says, in the words of the model; and what the model says, in the same words."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

from flask_babel import force_locale
from sqlalchemy import select

from domain.permissions import AccountType, Viewer
from models import Account, BillingItem, PointBalance, PointLine, db
from models.billing import ItemState
from services import customers, estimates, exports, msp_accounts
from services.lists import iterate_rows, parse_arguments
from tests.properties.portal_model import PortalModel


def rows_of_database(now: dt.datetime) -> dict[int, tuple[Any, ...]]:
    """Return id → everything that the model also knows, the estimate at an instant last."""
    statement = (
        select(
            Account.id,
            Account.status,
            Account.suspension_reason,
            Account.parent_id,
            Account.contract_user_count,
            Account.contract_date,
            Account.cancellation_date,
            Account.canceled_at,
            PointBalance.point_balance,
            PointBalance.negative_since,
            estimates.estimate_columns(now).estimated_balance,
        )
        .outerjoin(PointBalance, PointBalance.account_id == Account.id)
        .where(Account.account_type != AccountType.OPERATOR)
    )
    return {row[0]: tuple(row)[1:] for row in db.session.execute(statement)}


def rows_of_model(model: PortalModel, now: dt.datetime) -> dict[int, tuple[Any, ...]]:
    """Return the same of the model."""
    return {
        one: (
            row.status,
            row.reason,
            row.parent,
            row.users,
            row.contract,
            row.leaves,
            row.canceled,
            row.balance,
            row.negative_since,
            model.estimate(row, now),
        )
        for one, row in model.rows.items()
    }


def fees_of_database() -> dict[tuple[int, dt.date], int]:
    """Return (account, 25th) → fee of everything that is charged, fees of 0 included."""
    found = select(BillingItem).where(BillingItem.state == ItemState.DONE)
    return {
        (item.account_id, item.billing_date): item.fee_points for item in db.session.execute(found).scalars()
    }


def fees_of_model(model: PortalModel) -> dict[tuple[int, dt.date], int]:
    """Return the same of the model."""
    return {(one, day): fee for one, row in model.rows.items() for day, fee in row.fees.items()}


def lines_of_database() -> dict[int, list[PointLine]]:
    """Return id → the lines of an account in their order."""
    found: dict[int, list[PointLine]] = {}
    statement = select(PointLine).order_by(PointLine.account_id, PointLine.line_number)
    for line in db.session.execute(statement).scalars():
        found.setdefault(line.account_id, []).append(line)
    return found


def estimates_of_lists(viewer: Viewer, now: dt.datetime) -> dict[int, int | None]:
    """Return id → 今月25日の推定残ポイント数 as a viewer's two lists show it."""
    found = {}
    for source in (
        customers.customers_source(viewer=viewer, now=now),
        msp_accounts.accounts_source(viewer=viewer, now=now),
    ):
        for row in iterate_rows(source, parse_arguments(source, {})):
            found[row.id] = row.estimated_balance
    return found


def estimates_of_export(viewer: Viewer, now: dt.datetime) -> dict[str, str]:
    """Return account number → 今月25日の推定残ポイント数 as the CSV file of the customers has it."""
    source = customers.customers_source(viewer=viewer, now=now)
    with force_locale("ja"), exports.csv_file(source, parse_arguments(source, {})) as file:
        rows = list(csv.reader(io.StringIO(file.read().decode("utf-8-sig"))))
    names = [column.name for column in source.exported_columns]
    number, estimate = names.index("account_number"), names.index("estimated_balance")
    return {row[number]: row[estimate] for row in rows[1:]}


def numbers() -> dict[int, str | None]:
    """Return id → アカウント番号."""
    return {
        row.id: row.account_number for row in db.session.execute(select(Account.id, Account.account_number))
    }
