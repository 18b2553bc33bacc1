"""What a browser and a scanner see: headers, cookies, origins, security.txt, and how long anything may be."""

from __future__ import annotations

import dataclasses
import datetime as dt
import runpy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import String
from wtforms.fields.core import UnboundField

from admin_views.cookies import bound_name
from admin_views.fields import EmailField, LineField, ParsedField, PhoneField, PortalForm, WebAddressField
from app import create_app
from config import EXAMPLE_CONTACT, ROOT, Settings, SettingsError
from domain.inputs import contact, emails
from models import db
from tests.support.databases import PASSWORD, MovableClock
from tests.web.browser_session import csrf_token_of

pytestmark = pytest.mark.one_engine

HTTPS = {"base_url": "https://localhost"}


@pytest.fixture
def production(app: Flask) -> Flask:
    """Give a production portal over the same database."""
    settings = dataclasses.replace(
        app.extensions["settings"], environment="production", portal_now=None, security_contacts=()
    )
    found = create_app(settings)
    found.extensions["clock"] = app.extensions["clock"]
    return found


# Headers


def test_every_answer_says_what_a_browser_may_do_with_it(client: FlaskClient) -> None:
    for address in ("/login", "/nothing", "/healthz", "/static/css/tokens.css", "/.well-known/security.txt"):
        answer = client.get(address, **HTTPS)
        policy = answer.headers["Content-Security-Policy"]
        for part in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"):
            assert part in policy, address
        assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        features = answer.headers["Permissions-Policy"].split(", ")
        assert len(features) == len(set(features)) > 20
        assert all(feature.endswith("=()") for feature in features)
        assert {"camera=()", "publickey-credentials-get=()", "usb=()"} <= set(features)
        assert "Access-Control-Allow-Origin" not in answer.headers
        answer.close()


def test_who_signs_out_leaves_nothing_in_the_browser_s_memory(
    client: FlaskClient, sign_in: Callable[..., object]
) -> None:
    sign_in(client, "msp-a")
    answer = client.post("/logout", data={"csrf_token": csrf_token_of(client)})
    assert (answer.status_code, answer.headers["Clear-Site-Data"]) == (303, '"cache"')
    assert "Clear-Site-Data" not in client.get("/login").headers


def test_methods_that_nobody_needs_are_refused(client: FlaskClient) -> None:
    for method in ("TRACE", "PUT", "PATCH", "DELETE", "CONNECT"):
        assert client.open("/login", method=method).status_code in (400, 405), method
    assert client.open("/login", method="TRACE", headers={"X-Secret": "x"}).status_code == 405


# Where a request comes from


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({"Origin": "https://localhost"}, 303),  # TLS ends before us, and nobody has told us
        ({"Origin": "https://evil.example"}, 400),
        ({"Origin": "http://localhost.evil.example"}, 400),
        ({"Origin": "http://localhost:8080"}, 400),
        ({"Origin": "null"}, 400),
        ({"Origin": ""}, 400),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://other.example"}, 303),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 400),
        ({"Sec-Fetch-Site": "same-site"}, 400),
        ({"Sec-Fetch-Site": "anything"}, 400),
    ],
)
def test_a_form_of_another_origin_is_refused_also_where_the_browser_leaves_out_the_site(
    client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    answer = client.post("/logout", data={"csrf_token": csrf_token_of(client)}, headers=headers)
    assert answer.status_code == status


# Cookies


def test_production_s_cookies_are_bound_to_their_host(production: Flask) -> None:
    client = production.test_client()
    client.get("/login", **HTTPS)
    client.get("/lang/en", **HTTPS)
    with client.session_transaction(**HTTPS) as session:
        token = session["csrf_token"]
    sent = {"username": "msp-a", "password": PASSWORD, "csrf_token": token}
    answer = client.post("/login", data=sent, headers={"Origin": "https://localhost"}, **HTTPS)
    assert answer.status_code == 303
    cookies = {line.partition("=")[0]: line for line in answer.headers.getlist("Set-Cookie")}
    assert set(cookies) >= {"__Host-portal", "__Secure-known_browser"}
    for name, line in cookies.items():
        assert name.startswith(("__Host-", "__Secure-"))
        assert "; Secure" in line
        assert "; HttpOnly" in line
        assert "; SameSite=Lax" in line
        assert "Domain" not in line
        assert ("Path=/login" in line) is (name == "__Secure-known_browser")
    assert client.get("/msp/customers/", **HTTPS).status_code == 200


def test_a_cookie_without_its_prefix_is_none_in_production(production: Flask) -> None:
    client = production.test_client()
    client.get("/login", **HTTPS)
    kept = client.get_cookie(bound_name("portal"))
    assert kept is not None
    for name in ("portal", "__Secure-portal", "__Host-lang_of", "x-portal"):
        stranger = production.test_client()
        stranger.set_cookie(name, kept.value, secure=True)
        with stranger.session_transaction(**HTTPS) as session:
            assert "csrf_token" not in session, name
    honest = production.test_client()
    honest.set_cookie("__Host-portal", kept.value, secure=True)
    with honest.session_transaction(**HTTPS) as session:
        assert "csrf_token" in session


def test_a_cookie_for_one_path_must_be_known_as_one(production: Flask) -> None:
    answer = production.response_class()
    with pytest.raises(ValueError, match="one path"):
        answer.set_cookie("portal", "x", path="/login")
    with pytest.raises(ValueError, match="one path"):
        answer.set_cookie("known_browser", "x")
    answer.delete_cookie("lang")
    assert answer.headers["Set-Cookie"].startswith("__Host-lang=; ")
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_the_demo_s_cookie_is_called_portal(client: FlaskClient) -> None:
    client.get("/login")
    assert client.get_cookie("portal") is not None


# security.txt


def test_security_txt_names_whom_to_tell_and_never_runs_out(
    app: Flask, client: FlaskClient, clock: MovableClock
) -> None:
    for day in (clock.instant, clock.instant + dt.timedelta(days=1000)):
        clock.instant = day
        answer = client.get("/.well-known/security.txt")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
        assert fields["Contact"] == "mailto:security@example.jp"
        expires = dt.datetime.fromisoformat(fields["Expires"].replace("Z", "+00:00"))
        assert dt.timedelta(days=170) < expires - day < dt.timedelta(days=365)
        assert fields["Preferred-Languages"] == "ja, en"
        assert fields["Canonical"] == f"{app.extensions['settings'].portal_url}/.well-known/security.txt"


def test_in_production_there_is_one_only_when_somebody_is_named(production: Flask) -> None:
    assert production.test_client().get("/.well-known/security.txt").status_code == 404
    kept = {"PORTAL_ENV": "production", "SECRET_KEY": "a-secret-of-tests-0123456789-abcdef"}
    assert Settings.from_environment(kept | {"PORTAL_ENV": "demo"}).security_contacts == EXAMPLE_CONTACT
    contacts = "mailto:security@portal.example.jp, https://portal.example.jp/report"
    assert Settings.from_environment(kept | {"SECURITY_CONTACT": contacts}).security_contacts == (
        "mailto:security@portal.example.jp",
        "https://portal.example.jp/report",
    )
    for wrong in ("security@portal.example.jp", "http://portal.example.jp", "mailto:a\nExpires: never"):
        with pytest.raises(SettingsError, match="SECURITY_CONTACT"):
            Settings.from_environment(kept | {"SECURITY_CONTACT": wrong})


# What a deployer is told


def test_the_web_server_says_what_a_production_portal_lacks() -> None:
    bare = {"PORTAL_ENV": "production", "SECRET_KEY": "a-secret-of-tests-0123456789-abcdef"}
    lacking = " ".join(Settings.from_environment(bare | {"REDIS_URL": "redis://queue/0"}).weaknesses())
    for name in ("TRUSTED_HOSTS", "PORTAL_URL", "REDIS_URL", "MAIL_URL", "SECURITY_CONTACT"):
        assert name in lacking
    whole = bare | {
        "TRUSTED_HOSTS": "portal.example.jp",
        "PORTAL_URL": "https://portal.example.jp",
        "REDIS_URL": "rediss://:secret@queue.example.jp/0",
        "MAIL_URL": "smtps://mail.example.jp",
        "SECURITY_CONTACT": "mailto:security@portal.example.jp",
    }
    assert Settings.from_environment(whole).weaknesses() == []
    assert Settings.from_environment(bare | {"PORTAL_ENV": "demo"}).weaknesses() == []


def test_the_web_server_takes_no_endless_heads() -> None:
    found = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    assert 0 < found["limit_request_line"] <= 8190
    assert 0 < found["limit_request_fields"] <= 100
    assert 0 < found["limit_request_field_size"] <= 8190


# How long a field may be


#: Text fields that are stored in no column: the longest text.
NOT_STORED = {"username": emails.MAXIMUM_LENGTH, "reason": 500, "code": 100}
#: Where a kind of field has its limit.
LIMITS: dict[type[ParsedField], int] = {
    EmailField: emails.MAXIMUM_LENGTH,
    PhoneField: contact.PHONE_NUMBER_MAXIMUM,
    WebAddressField: contact.WEB_ADDRESS_MAXIMUM,
}


def forms(base: type[PortalForm] = PortalForm) -> Iterator[type[PortalForm]]:
    for found in base.__subclasses__():
        if found.__module__.startswith("admin_views"):
            yield found
        yield from forms(found)


def fields() -> Iterator[tuple[str, str, type[Any], dict[str, Any]]]:
    """Yield every field of every form: the form's name, its own, its class, its options."""
    for form in forms():
        for name in dir(form):
            field = getattr(form, name)
            if isinstance(field, UnboundField):
                yield form.__name__, name, field.field_class, field.kwargs


def lengths_of(column_name: str) -> set[int]:
    """Return how long the columns of a name may be, of all tables."""
    columns = (table.columns.get(column_name) for table in db.metadata.tables.values())
    return {
        column.type.length
        for column in columns
        if column is not None and isinstance(column.type, String) and column.type.length
    }


def test_every_text_field_is_as_long_as_its_column(app: Flask) -> None:
    assert app
    checked = 0
    for form, name, kind, options in fields():
        if not issubclass(kind, LineField):
            continue
        checked += 1
        maximum = options["maximum"]
        expected = {NOT_STORED[name]} if name in NOT_STORED else lengths_of(name)
        assert maximum in expected, f"{form}.{name}: {maximum}, its column takes {expected}"
    assert checked > 60


def test_no_other_field_s_value_is_longer_than_its_column(app: Flask) -> None:
    assert app
    for form, name, kind, _options in fields():
        maximum = next((longest for known, longest in LIMITS.items() if issubclass(kind, known)), None)
        if maximum is not None:
            assert maximum <= min(lengths_of(name)), f"{form}.{name}"


def test_no_field_takes_a_text_of_any_length(app: Flask) -> None:
    """Whatever is typed into a field of ours: five thousand characters are none of its values."""
    endless = ("x" * 5_000, "9" * 5_000, "あ" * 5_000)
    with app.test_request_context():
        for form, name, kind, options in fields():
            if not issubclass(kind, ParsedField):
                continue
            bound = kind(**{"label": "", **options}, name=name, _form=None, _meta=PortalForm.Meta())
            for text in endless:
                try:
                    bound.process_formdata([text])
                except ValueError:
                    continue
                raise AssertionError(f"{form}.{name} takes {len(text)} characters")
