"""What tests of the lists look up in the database: accounts, balances, lines."""

from __future__ import annotations

import csv
import io
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import func, select

from domain.lifecycle import AccountStatus
from models import Account, Administrator, PointBalance, PointLine, db

PROFILE = {
    "company_name": "株式会社新しい名前",
    "phone_number": "03-1234-5678",
    "postal_code": "100-0001",
    "prefecture": "東京都",
    "city": "千代田区",
    "contract_user_count": "25",
}


def account_of(app: Flask, user_name: str) -> int:
    """Return the id of the account of an administrator."""
    with app.app_context():
        statement = select(Administrator.account_id).where(Administrator.user_name == user_name)
        return db.session.execute(statement).scalar_one()


def customers_of(app: Flask, user_name: str, status: AccountStatus) -> list[int]:
    """Return the ids of the customers right below an administrator's account in a status."""
    parent_id = account_of(app, user_name)
    statement = (
        select(Account.id)
        .where(Account.parent_id == parent_id, Account.status == status)
        .order_by(Account.id)
    )
    with app.app_context():
        return list(db.session.execute(statement).scalars())


def account_values(app: Flask, account_id: int, *names: str) -> tuple[Any, ...]:
    """Return columns of an account as they are now."""
    columns = [getattr(Account, name) for name in names]
    with app.app_context():
        return tuple(db.session.execute(select(*columns).where(Account.id == account_id)).one())


def balance_of(app: Flask, account_id: int) -> int:
    """Return an account's points."""
    statement = select(PointBalance.point_balance).where(PointBalance.account_id == account_id)
    with app.app_context():
        return db.session.execute(statement).scalar_one()


def line_count(app: Flask) -> int:
    """Return how many lines the ledger has."""
    with app.app_context():
        return db.session.execute(select(func.count()).select_from(PointLine)).scalar_one()


def csv_rows(client: FlaskClient, address: str) -> list[list[str]]:
    """Return the rows of a CSV file, its header first."""
    with client.get(address) as answer:
        assert answer.status_code == 200
        return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))


def xlsx_rows(client: FlaskClient, address: str) -> list[tuple[Any, ...]]:
    """Return the rows of a workbook's sheet, its header first."""
    with client.get(address) as answer:
        assert answer.status_code == 200
        sheet = load_workbook(io.BytesIO(answer.data)).active
    assert sheet is not None
    return list(sheet.iter_rows(values_only=True))
