"""Every unsafe route with every token but the right one, for several people; and the guard after a sign-in."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.security.matrix import ANONYMOUS
from tests.security.principals import Trees
from tests.security.walk import routes_of
from tests.support.databases import PASSWORD
from tests.web.browser_session import csrf_token_of

pytestmark = pytest.mark.one_engine
SignIn = Callable[[FlaskClient, str], None]
_PARTS = re.compile(r"<[^>]+>")


def unsafe_addresses(app: Flask) -> list[str]:
    posts = sorted(pattern for key, pattern in routes_of(app).items() if key.startswith("POST "))
    return [_PARTS.sub("6", re.sub(r"<billing_date[^>]*>", "2026-10-25", pattern)) for pattern in posts]


@pytest.mark.parametrize("label", ["operator", "customer", ANONYMOUS])
def test_no_route_takes_another_s_token_or_one_from_the_address(
    app: Flask, sign_in: SignIn, label: str
) -> None:
    client, other = app.test_client(), app.test_client()
    if label != ANONYMOUS:
        sign_in(client, Trees(app).user_name(label))
    own, foreign = csrf_token_of(client), csrf_token_of(other) + "x"
    for address in unsafe_addresses(app):
        assert client.post(address, data={"csrf_token": foreign}).status_code == 400, address
        assert client.post(address, query_string={"csrf_token": own}).status_code == 400, address
        assert client.post(address, json={"csrf_token": own}).status_code == 400, address


def test_the_token_of_before_a_sign_in_or_after_a_sign_out_is_no_token_any_more(app: Flask) -> None:
    client = app.test_client()
    client.get("/login")
    before = csrf_token_of(client)
    form = {"username": Trees(app).user_name("msp-contract"), "password": PASSWORD, "csrf_token": before}
    assert client.post("/login", data=form).status_code == 303
    assert client.post("/msp/customers/action/", data={"csrf_token": before}).status_code == 400
    client.get("/msp/customers/")
    during = csrf_token_of(client)
    assert during != before
    assert client.post("/logout", data={"csrf_token": during}).status_code == 303
    assert client.post("/login", data={**form, "csrf_token": during}).status_code == 400
