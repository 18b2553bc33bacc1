"""Every route with what nobody would type: no inside error, no word of the database, nothing changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from domain.lifecycle import AccountStatus
from models import Account, db
from tests.web.account_rows import account_of
from tests.web.browser_session import csrf_token_of
from tests.web.customer_screens import PROFILE, Screens

VALUES = ("-1", "1" + "0" * 20, "abc'; --", "\0", "%", "²", "2026-02-29", "9999-12-31", "\u202e", "9" * 5000)
#: What lists read, in groups that do not hide each other: a bad filter alone keeps all rows away.
NAMES = (
    ("page", "page_size", "sort", "desc", "after", "cancellation_date"),
    ("search", "company"),
    ("users_min", "points_max", "period_from", "period_to"),
    ("state", "short", "scheduled", "contacts", "late", "type", "support_account", "kind", "encoding"),
)
#: Names that no form has, or that decide who one is.
EXTRA = {"id": "1", "status": "active", "level": "overall", "account_type": "operator", "account_number": "1"}
FIELDS = (
    *(
        "points",
        "direction",
        "remark",
        "contract_user_count",
        "contract_date",
        "cancellation_date",
        "version",
    ),
    *("rejection_reason", "rowid", "action", "list_args", "select_all", "digest", "request_id", "next"),
    *("support_account_id", "visible_menu_keys", "parent_id", "consent", "company_name", "contact_email"),
    *("shown_top_up_points", "shown_write_off_points", "username", "password", "repeated", "target"),
)
#: A run that the demo data has.
PAST_RUN = "2026-10-25"
INSIDE = re.compile(r"Traceback|psycopg|sqlalchemy|sqlite3|SELECT |INSERT INTO|UPDATE \w+ SET")
ROW_IDS = (
    "9223372036854775807",
    "9223372036854775808",
    "2147483648",
    "0",
    "1'",
    "1e0",
    "%EF%BC%91",
    "+1",
    "01",
)


def addresses(app: Flask, method: str, row_id: str) -> Iterator[str]:
    """Yield every address of a method, a row's id and a link's token filled in."""
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or ()) and rule.endpoint not in ("static", "sign_in.sign_out"):
            filled = re.sub(r"<row_id:\w+>", row_id, rule.rule).replace("<token>", "x")
            filled = filled.replace("<billing_date:billing_date>", PAST_RUN)
            yield re.sub(r"<any\(.*?\):code>", "ja", filled)


def list_addresses(app: Flask) -> set[str]:
    """Return where the MSP portal's lists are: they alone read what NAMES holds, and can be had as files."""
    rules = [rule.rule.partition("export/") for rule in app.url_map.iter_rules()]
    return {before for before, found, _after in rules if found and before.startswith("/msp/")}


def contents(app: Flask) -> dict[str, Any]:
    """Return the rows of all tables, but for the sessions, which every request may touch, and for downloads.

    Who has downloaded a list is an event of its own.
    """
    with app.app_context():
        tables = [table for table in db.metadata.sorted_tables if table.name != "sign_ins"]
        found = {table.name: sorted(map(repr, db.session.execute(select(table)))) for table in tables}
    found["audit_events"] = [row for row in found["audit_events"] if "'list.exported'" not in row]
    return found


def check(answer: Any, address: str) -> None:
    assert answer.status_code < 500, (address, answer.status_code)
    assert not INSIDE.search(answer.get_data().decode(errors="replace")), address
    answer.close()


def rows_of_states(app: Flask) -> list[str]:
    """Return a customer of each state."""
    with app.app_context():
        found = db.session.scalars(
            select(func.min(Account.id)).group_by(Account.status, Account.account_type)
        )
        return [str(row_id) for row_id in found]


def test_every_page_with_bad_arguments(
    app: Flask, client: FlaskClient, sign_in: Callable[..., object]
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    sign_in(client, "operator")
    before = contents(app)
    everything = tuple(name for names in NAMES for name in names)
    lists = list_addresses(app)
    assert len(lists) > 6
    for address in addresses(app, "GET", "1"):
        is_msp, is_export = address.startswith("/msp/"), "/export/" in address
        for value in VALUES if is_msp and not is_export and "1" not in address else VALUES[:1]:
            for names in NAMES if address in lists or is_export else (everything,):
                check(client.get(address, query_string=dict.fromkeys(names, value)), address)
    for row_id in (*ROW_IDS, *rows_of_states(app)):
        for address in addresses(app, "GET", row_id):
            if row_id in address:
                check(client.get(address), address)
    assert contents(app) == before


def test_every_form_with_garbage(app: Flask, client: FlaskClient, sign_in: Callable[..., object]) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    sign_in(client, "operator")
    # In the customer portal a form names the account in whose portal it was opened.
    own = {"csrf_token": csrf_token_of(client), "portal_account": str(account_of(app, "operator"))}
    with app.app_context():
        active = select(func.min(Account.id)).where(Account.status == AccountStatus.ACTIVE)
        row_id = str(db.session.scalar(active.where(Account.account_type == "customer")))
    before = contents(app)
    for address in addresses(app, "POST", row_id):
        if address.endswith(("/lift/", "/delete/", "/provision/")):
            continue  # they have no field to fill in
        if address == "/confirm":
            continue  # a wrong password is counted, here too: tests/web/test_fresh_sign_in.py
        for value in VALUES:
            form = {**own, **EXTRA, **dict.fromkeys(FIELDS, value)}
            check(client.post(address, data=form), address)
        check(client.post(address, data=own), address)
        check(client.post(address, json=[1], headers={"X-CSRFToken": own["csrf_token"]}), address)
        assert client.post(address, data=dict.fromkeys(FIELDS, "1")).status_code == 400, address
    for bad_id in ROW_IDS:
        for address in addresses(app, "POST", bad_id):
            if f"/{bad_id}/" in address:
                assert client.post(address, data=own).status_code == 404, address
    assert contents(app) == before


@pytest.mark.parametrize("referrer", ["http://[", "http://[::1", "//", "http://localhost\\@evil.example"])
def test_language_with_a_referrer_that_is_no_address(app: Flask, client: FlaskClient, referrer: str) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = client.get("/lang/en", headers={"Referer": referrer})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("host", ["x" * 80, "x" * 5000, "a..b"])
def test_host_that_is_none(app: Flask, client: FlaskClient, host: str) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    for address in ("/login", "/msp/customers/", "/lang/ja"):
        assert client.get(address, headers={"Host": host}).status_code == 400
        assert client.post(address, headers={"Host": host}).status_code == 400


def test_registration_sent_twice_is_one_application(app: Flask, screens: Screens) -> None:
    fields = {**PROFILE, "contract_user_count": "5", "request_id": "5f0c7c5e-6b0a-4d0e-9a54-0123456789ab"}
    assert screens.post("new/", fields).status_code == 303
    assert screens.post("new/", fields).status_code == 303
    assert screens.post("new/", {**fields, "contract_user_count": "6"}).status_code == 409
    assert screens.post("new/", {**fields, "request_id": "x"}).status_code == 422
    assert len(screens.ids(Account.company_name == PROFILE["company_name"])) == 1
    # Two forms that were opened are two applications, however alike.
    for _number in range(2):
        assert screens.sent("new/", **PROFILE, contract_user_count="5").status_code == 303
    assert len(screens.ids(Account.company_name == PROFILE["company_name"])) == 3
