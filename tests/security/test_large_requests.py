"""What is too large or no form at all, at every route that takes one."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient

from models import db
from tests.security.principals import Trees, enter_portal
from tests.security.test_csrf_tokens import unsafe_addresses
from tests.support.fingerprints import fingerprint
from tests.web.browser_session import csrf_token_of

pytestmark = pytest.mark.one_engine
SignIn = Callable[[FlaskClient, str], None]
#: What questions without a field leave, such as ending a session: to them JSON is an empty form, with its token.
_OF_EMPTY_FORMS = {"audit_events", "outgoing_mails", "sign_ins", "second_factors", "recovery_codes"}
_ENDS_THE_SESSION = "/logout"


@pytest.fixture
def msp(app: Flask, sign_in: SignIn) -> FlaskClient:
    """Give an MSP in the portal of a customer."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    trees, client = Trees(app), app.test_client()
    sign_in(client, trees.user_name("msp"))
    enter_portal(client, trees.person("msp@customer"))
    return client


def contents(app: Flask) -> dict[str, list[str]]:
    with app.app_context():
        found = fingerprint(db.session(), left_out={("sign_ins", "last_seen_at")})
    return {name: rows for name, rows in found.items() if name not in _OF_EMPTY_FORMS}


def test_no_route_reads_what_is_too_large(app: Flask, msp: FlaskClient) -> None:
    own = {"csrf_token": csrf_token_of(msp), "portal_account": "6"}
    before = contents(app)
    kind = "application/x-www-form-urlencoded"
    of_600_kb = urlencode({**own, "company_name": "x" * 600_000})
    for address in unsafe_addresses(app):
        assert msp.post(address, data=of_600_kb, content_type=kind).status_code == 413, address
    of_50_000_fields = urlencode({**own, **dict.fromkeys(map(str, range(50_000)), "1")})
    for address in ("/msp/customers/new/", "/msp/customers/bulk/refill/", "/portal/users/new/", "/login"):
        assert msp.post(address, data=of_50_000_fields, content_type=kind).status_code == 413, address
    assert contents(app) == before


def test_json_is_no_form(app: Flask, msp: FlaskClient) -> None:
    before, token = contents(app), csrf_token_of(msp)
    body = {"points": 1, "direction": "add", "rowid": ["6"], "portal_account": "6"}
    for address in unsafe_addresses(app):
        if address != _ENDS_THE_SESSION:
            answer = msp.post(address, json=body, headers={"X-CSRFToken": token})
            assert answer.status_code < 500, address
            assert answer.headers.get("Location", "/").startswith("/"), address
    assert contents(app) == before
