"""What was taken from somebody is gone at the next request; nobody takes or gives more than he has.

Source: docs/rules.md P7, P8, P9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from domain.permissions import AdminLevel
from domain.portal_menus import HIDEABLE_KEYS
from tests.portal.portal_visitor import hide
from tests.security.matrix import read_matrix
from tests.security.principals import OWN, Trees, enter_portal
from tests.security.walk import Walker, leads_to_sign_in
from tests.support.html_forms import forms_of
from tests.web.browser_session import csrf_token_of, send

pytestmark = pytest.mark.one_engine
SignIn = Callable[[FlaskClient, str], None]
PEOPLE = "/portal/manage/administrators"
#: Never hidden, whatever is unticked.
ALWAYS_OPEN = {"portal", "portal_groups", "portal_log", "portal_profile", "portal_users"}


class Cast:
    """People with a browser each."""

    def __init__(self, app: Flask, sign_in: SignIn) -> None:
        self.app, self.trees, self._sign_in = app, Trees(app), sign_in

    def client(self, label: str) -> FlaskClient:
        client = self.app.test_client()
        self._sign_in(client, self.trees.user_name(label))
        enter_portal(client, self.trees.person(label))
        return client

    def number(self, label: str) -> int:
        return self.trees.person(label).administrator_id


@pytest.fixture
def people(app: Flask, sign_in: SignIn) -> Cast:
    return Cast(app, sign_in)


def sent_form(client: FlaskClient, address: str, **changed: Any) -> Any:
    """Open a dialog, change some of it and send it as a browser would."""
    form = next(
        form for form in forms_of(client.get(address).text) if form.action.partition("?")[0] == address
    )
    return client.post(address, data={**form.values, "csrf_token": csrf_token_of(client), **changed})


def test_the_cookie_of_before_a_log_out_opens_nothing(people: Cast) -> None:
    client, copy = people.client("msp"), people.app.test_client()
    with client.session_transaction() as session:
        held = dict(session)
    with copy.session_transaction() as session:
        session.update(held)
    assert copy.get("/msp/customers/").status_code == 200
    assert send(client, "/logout").status_code == 303
    assert leads_to_sign_in(copy.get("/msp/customers/"))


def test_a_level_that_was_lowered_holds_at_the_next_request(people: Cast) -> None:
    boss, clerk = people.client("msp"), people.client("msp-contract")
    assert clerk.get("/msp/customers/").status_code == 200
    answer = sent_form(boss, f"{PEOPLE}/{people.number('msp-contract')}/edit/", level=AdminLevel.SYSTEM.value)
    assert answer.status_code == 303
    assert clerk.get("/msp/customers/").status_code == 403
    assert clerk.get("/portal/").status_code == 200


@pytest.mark.parametrize("verb", ["disable", "delete"])
def test_who_is_disabled_or_deleted_is_out_at_the_next_request(people: Cast, verb: str) -> None:
    boss, clerk = people.client("msp"), people.client("msp-contract")
    assert sent_form(boss, f"{PEOPLE}/{people.number('msp-contract')}/{verb}/").status_code == 303
    assert leads_to_sign_in(clerk.get("/msp/customers/"))
    assert leads_to_sign_in(send(clerk, "/msp/customers/action/", action="refill"))


def test_a_new_password_ends_every_session(people: Cast) -> None:
    client = people.client("msp")
    token, word = "one_time_links-token_hash-3", "a quiet river 8471"
    answer = send(people.app.test_client(), f"/set-password/{token}", password=word, repeated=word)
    assert answer.status_code == 303
    assert leads_to_sign_in(client.get("/msp/customers/"))
    assert people.app.test_client().get(f"/set-password/{token}").status_code == 404


def test_a_support_desk_that_is_taken_off_a_customer_is_out_at_the_next_request(people: Cast) -> None:
    msp, desk, visitor = people.client("msp"), people.client("support"), people.client("support@customer")
    customer = people.trees.person("support@customer").portal_account_id
    assert desk.get(f"/msp/customers/{customer}/").status_code == 200
    assert visitor.get("/portal/users/").status_code == 200
    assert sent_form(msp, f"/msp/customers/{customer}/edit/", support_account_id="").status_code == 303
    assert desk.get(f"/msp/customers/{customer}/").status_code == 404
    assert visitor.get("/portal/users/").headers["Location"] == "/portal/"
    assert send(visitor, "/portal/enter/", account_id=str(customer)).status_code == 404


@pytest.mark.parametrize("label", ["customer", "support@customer", "msp@customer", "operator@customer"])
def test_what_is_hidden_is_closed_by_address_too(people: Cast, label: str) -> None:
    person = people.trees.person(label)
    hide(people.app, person.portal_account_id, list(HIDEABLE_KEYS))
    walker, wrong = Walker(people.app, people.client(label), person), []
    for entry in read_matrix().entries.values():
        screen = entry.endpoint.partition(".")[0]
        is_open = screen == "portal_administrators" and label in ("msp@customer", "operator@customer")
        if entry.endpoint.startswith("portal_") and screen not in ALWAYS_OPEN and not is_open:
            cell = next(walker.cells(entry, people.trees, person))
            if walker.ask(cell, may=False).status_code != 403:
                wrong.append(str(cell))
    walker.close()
    assert wrong == []


@pytest.mark.parametrize("label", ["msp-system", "distributor-system", "support-system"])
def test_nobody_touches_a_level_above_his_own(people: Cast, label: str) -> None:
    client, person = people.client(label), people.trees.person(label)
    above = people.number(label.partition("-")[0])
    own = {"portal_account": str(person.portal_account_id)}
    for verb in ("edit", "password", "unlock", "disable", "enable", "delete"):
        assert send(client, f"{PEOPLE}/{above}/{verb}/", **own).status_code == 403, verb
    for level in ("overall", "contract"):
        for address in (f"{PEOPLE}/new/", f"{PEOPLE}/{person.administrator_id}/edit/"):
            answer = send(client, address, **own, level=level, user_name="climber")
            assert answer.status_code in (403, 422), (address, level)
    assert client.get("/msp/customers/").status_code == 403


def test_a_customer_cannot_be_given_another_level(people: Cast) -> None:
    for label in ("customer", "msp@customer", "distributor@customer"):
        client, person = people.client(label), people.trees.person(label)
        colleague = next(
            name for relation, name in people.trees.rows("administrator", person) if relation == OWN
        )
        for level in ("overall", "contract"):
            answer = sent_form(client, f"{PEOPLE}/{colleague}/edit/", level=level)
            assert answer.status_code in (403, 422), (label, level)
