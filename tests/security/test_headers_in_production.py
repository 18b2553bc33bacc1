"""Headers and cookies as production sends them, over https, for each kind of answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from tests.security.headers import wrong_headers
from tests.security.principals import Trees
from tests.support.databases import PASSWORD, build_app
from tests.support.databases import test_settings as settings_of_tests
from tests.support.html_forms import forms_of

pytestmark = pytest.mark.one_engine
HOST = "https://portal.example.jp"


def test_every_kind_of_answer_over_https(app: Flask, database_url: str) -> None:
    settings = replace(settings_of_tests(database_url), environment="production", portal_url=HOST)
    client = build_app(database_url, settings).test_client()
    client.application.config["PROPAGATE_EXCEPTIONS"] = False
    page = client.get("/login", base_url=HOST)
    token = forms_of(page.text)[0].values["csrf_token"][0]
    form = {
        "csrf_token": token,
        "username": Trees(app).user_name("distributor-contract"),
        "password": PASSWORD,
    }
    sent = {"base_url": HOST, "headers": {"Referer": f"{HOST}/login"}}
    seen = [
        (200, page),
        (422, client.post("/login", data={**form, "password": "x"}, **sent)),
        (400, client.post("/login", data={}, **sent)),
        (303, client.post("/login", data=form, **sent)),
        (303, client.get("/lang/en", base_url=HOST)),
        (200, client.get("/msp/customers/", base_url=HOST)),
        (200, client.get("/msp/customers/export/csv", base_url=HOST)),
        (200, client.get("/msp/customers/export/xlsx", base_url=HOST)),
        (200, client.get("/msp/customers/6/users/", base_url=HOST, headers={"X-Fragment": "1"})),
        (404, client.get("/msp/customers/987654321/", base_url=HOST)),
        (404, client.get("/nowhere", base_url=HOST)),
        (404, client.get("/dev/mails/", base_url=HOST)),
        (405, client.delete("/msp/customers/", base_url=HOST)),
        (200, client.get("/healthz", base_url=HOST)),
        (200, client.get("/static/css/tokens.css", base_url=HOST)),
        (400, client.get("/login", base_url=HOST, headers={"Host": "a..b"})),
    ]
    for status, answer in seen:
        address = answer.request.path
        # A method that no page has is refused before its token is looked at, or after: both are refusals.
        assert answer.status_code in ({status, 400} if status == 405 else {status}), address
        assert wrong_headers(answer, address, is_production=True) == [], address
        answer.close()
    assert seen[3][1].headers.getlist("Set-Cookie"), "signing in sets a cookie"
