"""What the tests of ユーザ一覧 share: a browser in a customer's portal, its list, its forms, the rows behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from models import ContractUserChange, ServiceUser, db
from services.transaction import transaction
from tests.portal.portal_visitor import account_of, change, events, set_account
from tests.web.customer_screens import text_of

LIST = "/portal/users/"


@dataclass
class UserScreens:
    """A signed-in browser, and the account in whose portal it is."""

    app: Flask
    client: FlaskClient
    account_id: int

    def get(self, address: str = "", **options: Any) -> TestResponse:
        """Open an address below the list."""
        return self.client.get(LIST + address, **options)

    def words(self, address: str = "") -> str:
        """Return the words of a page below the list."""
        return text_of(self.get(address).text)

    def post(self, address: str, **fields: Any) -> TestResponse:
        """Send a form of this portal to an address below the list."""
        return change(self.client, LIST + address, self.account_id, **fields)

    def users(self, account_id: int | None = None) -> dict[str, ServiceUser]:
        """Return the users of the account by name, detached."""
        with self.app.app_context():
            wanted = account_id or self.account_id
            statement = (
                select(ServiceUser).where(ServiceUser.account_id == wanted).order_by(ServiceUser.user_name)
            )
            found = list(db.session.execute(statement).scalars())
            db.session.expunge_all()
        return {user.user_name: user for user in found}

    def ids(self) -> list[int]:
        """Return the ids of the account's users in the order of the list."""
        return [user.id for user in self.users().values()]

    def events(self, action: str) -> list[tuple[int | None, str, dict[str, Any]]]:
        """Return (account, who, details) of the events of an action, oldest first."""
        return events(self.app, action)


def set_contract(screens: UserScreens, count: int) -> None:
    """Set 契約ユーザ数 as the MSP does."""
    set_account(screens.app, screens.account_id, contract_user_count=count)
    with screens.app.app_context(), transaction():
        now = screens.app.extensions["clock"].now()
        db.session.add(
            ContractUserChange(account_id=screens.account_id, effective_at=now, contract_user_count=count)
        )


def screens_of_customer(app: Flask, client: FlaskClient) -> UserScreens:
    """Return the screens of customer-a, who is signed in: 8 users registered, 30 contracted."""
    return UserScreens(app, client, account_of(app, "customer-a"))


def row_ids(page: str) -> list[int]:
    """Return the ids of a page's rows in their order."""
    return [int(found) for found in re.findall(r'<tr id="row-(\d+)"', page)]
