"""Every cell of docs/permissions.toml, asked with a real client: who may is answered, nobody else is."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.security.matrix import ANONYMOUS, Entry, read_matrix
from tests.security.principals import DEAD, OWN, PRINCIPALS, Trees, enter_portal
from tests.security.walk import Walker, is_right, routes_of
from tests.support.databases import PASSWORD
from tests.web.browser_session import csrf_token_of

SignIn = Callable[[FlaskClient, str], None]
MATRIX = read_matrix()
#: Who is asked on both engines: of each kind of rows somebody.
_OVER_ROWS = ("distributor", "msp", "support", "customer", "msp@customer", "support@customer")
_ELSE = [pytest.param(label, marks=pytest.mark.one_engine) for label in PRINCIPALS if label not in _OVER_ROWS]
_ACTION = re.compile(r'name="action" value="(\w+)"')


def entries_for(label: str) -> list[Entry]:
    """Return the lines that concern somebody: who has entered a portal is asked about the portal alone."""
    entries = MATRIX.entries.values()
    return [entry for entry in entries if "@" not in label or entry.endpoint.startswith("portal")]


@pytest.mark.parametrize("label", [*_OVER_ROWS, *_ELSE])
def test_who_is_signed_in_gets_what_the_matrix_says(app: Flask, sign_in: SignIn, label: str) -> None:
    trees, client = Trees(app), app.test_client()
    person = trees.person(label)
    sign_in(client, trees.user_name(label))
    enter_portal(client, person)
    walker, wrong = Walker(app, client, person), []
    for entry in entries_for(label):
        for cell in walker.cells(entry, trees, person):
            if not walker.can_ask(cell, may=label in entry.may):
                continue
            with walker.ask(cell) as answer:
                if not is_right(answer, cell, label):
                    wrong.append(f"{cell}: {answer.status_code}")
    assert wrong == []


@pytest.mark.one_engine
@pytest.mark.parametrize("who", [ANONYMOUS, *DEAD])
def test_a_session_of_nobody_opens_nothing(app: Flask, sign_in: SignIn, who: str) -> None:
    trees, client = Trees(app), app.test_client()
    if who != ANONYMOUS:
        sign_in(client, trees.user_name(who))
    person = trees.person("operator")
    walker, wrong = Walker(app, client, None), []
    for entry in MATRIX.entries.values():
        cell = next(cell for cell in walker.cells(entry, trees, person) if cell.relation == OWN)
        with walker.ask(cell) as answer:
            if not is_right(answer, cell, ANONYMOUS):
                wrong.append(f"{cell}: {answer.status_code}")
    assert wrong == []


@pytest.mark.one_engine
@pytest.mark.parametrize("who", [*DEAD, "msp-locked"])
def test_the_dead_and_the_locked_do_not_get_in(app: Flask, client: FlaskClient, who: str) -> None:
    form = {"csrf_token": csrf_token_of(client), "username": Trees(app).user_name(who), "password": PASSWORD}
    assert client.post("/login", data=form).status_code == 422
    assert client.get("/", follow_redirects=False).headers["Location"] == "/login"


@pytest.mark.one_engine
@pytest.mark.parametrize("label", PRINCIPALS)
def test_what_may_be_run_on_chosen_rows_is_what_a_list_offers(
    app: Flask, sign_in: SignIn, label: str
) -> None:
    trees, client = Trees(app), app.test_client()
    sign_in(client, trees.user_name(label))
    enter_portal(client, trees.person(label))
    offered, addresses = set(), routes_of(app)
    for key, address in addresses.items():
        endpoint = key.removeprefix("GET ")
        if endpoint.endswith(".index_view") and "<" not in address:
            page = client.get(address)
            if page.status_code == 200:
                view = endpoint.removesuffix(".index_view")
                offered |= {f"POST {view}.action:{name}" for name in _ACTION.findall(page.text)}
    allowed = {entry.key for entry in entries_for(label) if entry.action and label in entry.may}
    reachable = {key for key in allowed if "@" not in label or key.startswith("POST portal")}
    assert {key for key in offered if "@" not in label or key.startswith("POST portal")} == reachable
