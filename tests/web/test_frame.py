"""Headers, routes, error pages, size limits and probes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from werkzeug.routing import ValidationError

from app import create_app
from tests.web.browser_session import csrf_token_of

PAGES = ("/login", "/nothing", "/set-password/x", "/healthz", "/lang/ja")


@pytest.mark.parametrize("address", PAGES)
def test_every_answer_has_the_safe_headers(client: FlaskClient, address: str) -> None:
    headers = client.get(address).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


def test_cookies_are_safe(app: Flask, client: FlaskClient) -> None:
    cookie = client.get("/login").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    production = dataclasses.replace(app.extensions["settings"], environment="production", portal_now=None)
    live = create_app(production).test_client().get("/login", base_url="https://localhost")
    assert "Secure" in live.headers["Set-Cookie"]
    assert "max-age" in live.headers["Strict-Transport-Security"]


def test_pages_have_nothing_inline(client: FlaskClient, sign_in: Callable[..., object]) -> None:
    sign_in(client, "msp-a")
    for address in ("/portal/", "/nothing"):
        page = client.get(address).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)
        assert all('src="/static/' in tag for tag in re.findall(r"<script[^>]*>", page))


def test_flask_admins_own_routes_are_not_there(app: Flask) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    for view in ("customers", "accounts", "pending", "points"):
        for stock in (
            "edit/",
            "details/",
            "delete/",
            "ajax/lookup/",
            "ajax/update/",
            "export/<export_type>/",
        ):
            assert f"/msp/{view}/{stock}" not in rules
    assert not [rule for rule in rules if rule.startswith("/msp/static")]


def test_nobody_signed_in_is_led_to_the_sign_in_page(client: FlaskClient) -> None:
    assert client.get("/").location == "/login"
    assert client.get("/msp/").location.startswith("/login?next=")
    assert client.get("/portal/").location.startswith("/login?next=")
    fragment = client.get("/portal/", headers={"X-Fragment": "1"})
    assert (fragment.status_code, fragment.json) == (401, {"redirect": "/login"})


def test_everybody_is_led_to_the_own_portal(
    app: Flask, client: FlaskClient, sign_in: Callable[..., object]
) -> None:
    sign_in(client, "system-a")
    assert client.get("/").location == "/portal/"
    assert client.get("/portal/").status_code == 200
    assert client.get("/msp/").status_code == 403
    other = app.test_client()
    sign_in(other, "contract-a")
    assert other.get("/").location == "/msp/"
    assert other.get("/portal/").status_code == 403


@pytest.mark.parametrize("language", ["ja", "en"])
def test_unknown_address_is_a_page_of_the_portal(client: FlaskClient, language: str) -> None:
    client.get(f"/lang/{language}")
    answer = client.get("/nothing")
    assert answer.status_code == 404
    assert f'<html lang="{language}">' in answer.text


def test_error_of_a_dialog_is_a_fragment(client: FlaskClient) -> None:
    answer = client.get("/nothing", headers={"X-Fragment": "1"})
    assert answer.status_code == 404
    assert "data-fragment" in answer.text
    assert "<html" not in answer.text


def test_wrong_method_names_the_right_ones(client: FlaskClient) -> None:
    answer = client.get("/logout")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_too_large_forms_are_refused_as_a_page(client: FlaskClient) -> None:
    token = csrf_token_of(client)
    large = client.post("/login", data={"csrf_token": token, "username": "x" * 600_000})
    assert large.status_code == 413
    assert "大きすぎます" in large.text
    parts = {f"field{number}": "x" for number in range(1500)}
    many = client.post("/login", data={"csrf_token": token, **parts}, content_type="multipart/form-data")
    assert many.status_code == 413


def test_json_instead_of_a_form_is_refused(client: FlaskClient) -> None:
    csrf_token_of(client)
    assert client.post("/login", json={"username": "msp-a"}).status_code == 400


def test_foreign_host_is_refused(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    settings = dataclasses.replace(app.extensions["settings"], trusted_hosts=("portal.example.jp",))
    portal = create_app(settings)
    # Its own would look into a database of which nobody lets go here.
    portal.extensions["clock"] = app.extensions["clock"]
    client = portal.test_client()
    assert client.get("/login", base_url="https://evil.example").status_code == 400
    assert client.get("/login", base_url="https://portal.example.jp").status_code == 200
    assert caplog.text.count('"event":"host.refused"') == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [(RuntimeError("secret detail"), 500), (OperationalError("SELECT secret", {}, Exception("secret")), 503)],
)
def test_failures_tell_nothing_of_the_inside(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail(**_arguments: Any) -> None:
        raise error

    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setitem(app.view_functions, "pages.home", fail)
    answer = client.get("/")
    assert answer.status_code == status
    assert "secret" not in answer.text
    assert "処理は完了していません" in answer.text


def test_probes(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.json is not None
    assert ready.json["database"] == "ok"


@pytest.mark.parametrize(
    "text", ["0", "-1", "abc", "１", "1e0", "+1", "1_0", "1,2", "01", str(2**63), "1%27"]
)
def test_row_id_of_an_address_is_plain_digits(app: Flask, text: str) -> None:
    converter = app.url_map.converters["row_id"](app.url_map)
    matches = re.fullmatch(converter.regex, text)
    if matches:
        with pytest.raises(ValidationError):
            converter.to_python(text)
