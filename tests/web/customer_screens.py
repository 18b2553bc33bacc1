"""What the tests of 顧客アカウント一覧 share: a signed-in browser, and the rows of the demo by their situation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import ColumnElement, select
from werkzeug.test import TestResponse

from domain.lifecycle import AccountStatus
from domain.permissions import AccountType
from models import Account, PointBalance, db

LIST = "/msp/customers/"
PROFILE = {
    "website_url": "https://www.example.jp/",
    "company_name": "株式会社新規",
    "phone_number": "０３１２３４５６７８",
    "postal_code": "１０００００１",
    "prefecture": "東京都",
    "city": "千代田区",
    "address_line": "千代田1-1",
    "contact_name": "山田 太郎",
    "contact_email": "taro@new.example.jp",
    "industry": "情報通信業",
}


@dataclass
class Screens:
    """A browser on the demo, and a way to look at the database behind it."""

    app: Flask
    client: FlaskClient
    token: str

    def get(self, address: str, **options: Any) -> TestResponse:
        """Open an address below the list."""
        return self.client.get(LIST + address, **options)

    def post(self, address: str, data: Any = None, **fields: Any) -> TestResponse:
        """Send a form to an address below the list; X-Fragment is not set."""
        return self.client.post(LIST + address, data={"csrf_token": self.token, **(data or {}), **fields})

    def sent(self, address: str, **fields: Any) -> TestResponse:
        """Open a dialog and send it with its own hidden fields."""
        return self.post(address, {**hidden_fields(self.get(address).text), **fields})

    def ids(self, *conditions: ColumnElement[bool], parent: str = "MSP A株式会社") -> list[int]:
        """Return the customers of an MSP in service for which the conditions hold, in the order of the list."""
        with self.app.app_context():
            parent_id = select(Account.id).where(Account.company_name == parent).scalar_subquery()
            statement = (
                select(Account.id)
                .outerjoin(PointBalance, PointBalance.account_id == Account.id)
                .where(Account.parent_id == parent_id, Account.account_type == AccountType.CUSTOMER)
                .where(*(conditions or (Account.status == AccountStatus.ACTIVE,)))
                .order_by(Account.id)
            )
            return list(db.session.execute(statement).scalars())

    def plain_id(self) -> int:
        """Return a customer of MSP A that is active, above zero and not leaving."""
        return self.ids(
            Account.status == AccountStatus.ACTIVE,
            Account.cancellation_date.is_(None),
            PointBalance.point_balance > 100,
        )[0]

    def canceled_id(self) -> int:
        """Return a canceled customer of MSP A."""
        return self.ids(Account.status == AccountStatus.CANCELED)[0]

    def foreign_id(self) -> int:
        """Return an active customer of MSP B."""
        return self.ids(parent="MSP B株式会社")[0]

    def account(self, account_id: int) -> Account:
        """Return a row as it is now, detached."""
        with self.app.app_context():
            found = db.session.get_one(Account, account_id)
            db.session.expunge(found)
            return found

    def balance(self, account_id: int | None) -> int:
        """Return an account's points."""
        with self.app.app_context():
            return db.session.get_one(PointBalance, account_id).point_balance


def text_of(page: str) -> str:
    """Return a page's words without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def hidden_fields(page: str) -> dict[str, str]:
    """Return the hidden fields of a page's form by name."""
    tags = re.findall(r'<input[^>]*type="hidden"[^>]*>', page)
    pairs = [(re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)) for tag in tags]
    return {name[1]: value[1] if value else "" for name, value in pairs if name}


def chosen(page: str) -> list[str]:
    """Return the ids that a bulk dialog carries."""
    return re.findall(r'name="rowid" value="(\d+)"', page)


def field_value(page: str, name: str) -> str:
    """Return what a text input shows."""
    tag = re.search(rf'<input[^>]*name="{name}"[^>]*>', page)
    assert tag is not None
    found = re.search(r'value="([^"]*)"', tag[0])
    return found[1] if found else ""
