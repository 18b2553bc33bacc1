"""The guard of unsafe requests, over every route that takes one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web.browser_session import csrf_token_of, send

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


def addresses_to_post(app: Flask) -> list[str]:
    rules = [rule.rule for rule in app.url_map.iter_rules() if UNSAFE & (rule.methods or set())]
    return sorted(re.sub(r"<[^>]+>", "1", rule) for rule in rules)


@pytest.mark.parametrize("headers", [{}, {"X-CSRFToken": "wrong"}, {"X-CSRFToken": "パス"}])
def test_no_route_takes_a_form_without_the_token(
    app: Flask, client: FlaskClient, sign_in: Callable[..., object], headers: dict[str, str]
) -> None:
    sign_in(client, "msp-a")
    sent = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    for address in addresses_to_post(app):
        answer = client.post(address, headers=sent)
        assert answer.status_code == 400, address
        assert "再読み込み" in answer.text


def test_no_route_takes_a_form_of_another_site(
    app: Flask, client: FlaskClient, sign_in: Callable[..., object]
) -> None:
    sign_in(client, "msp-a")
    for address in addresses_to_post(app):
        for site in ("cross-site", "same-site"):
            assert send(client, address, headers={"Sec-Fetch-Site": site}).status_code == 400, address


def test_token_of_another_session_is_refused(app: Flask, client: FlaskClient) -> None:
    client.get("/login")
    other = app.test_client()
    other.get("/login")
    answer = client.post("/logout", data={"csrf_token": csrf_token_of(other)})
    assert answer.status_code == 400


def test_token_is_taken_from_the_header_too(client: FlaskClient) -> None:
    token = csrf_token_of(client)
    answer = client.post("/logout", headers={"X-CSRFToken": token, "Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303
