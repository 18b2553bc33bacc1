"""Signing in and out, what ends a session, and where one is led."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from models import Account, Administrator, SignIn, db
from services import sign_ins
from services.transaction import transaction
from tests.web.browser_session import csrf_token_of, send

PASSWORD = "correct horse battery"


@pytest.fixture
def known(app: Flask) -> Administrator:
    """msp-a, with a password that the test knows."""
    with app.app_context():
        with transaction() as session:
            administrator = session.execute(
                select(Administrator).where(Administrator.user_name == "msp-a")
            ).scalar_one()
            administrator.password_hash = sign_ins.hash_password(PASSWORD)
        return db.session.execute(
            select(Administrator).where(Administrator.user_name == "msp-a")
        ).scalar_one()


def portal_now(app: Flask) -> dt.datetime:
    with app.app_context():
        instant: dt.datetime = app.extensions["clock"].now()
    return instant


def change_sign_ins(app: Flask, **values: Any) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(SignIn).values(**values))


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/portal/").status_code == 200


@pytest.mark.parametrize("name", ["msp-a", "msp-a@example.jp", " msp-a "])
def test_user_name_and_email_both_sign_in(client: FlaskClient, known: Administrator, name: str) -> None:
    answer = send(client, "/login", username=name, password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/")
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("msp-a", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("msp-a", ""),
        ("msp-a\0", PASSWORD),
        ("x" * 5000, "y"),
    ],
)
def test_every_refusal_looks_the_same(
    client: FlaskClient, known: Administrator, name: str, password: str
) -> None:
    answer = send(client, "/login", username=name, password=password)
    assert answer.status_code == 422
    assert "ユーザ名またはパスワードが正しくありません。" in answer.text
    assert not is_signed_in(client)


def test_disabled_administrator_is_refused_like_a_wrong_password(
    app: Flask, client: FlaskClient, known: Administrator
) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Administrator).values(is_disabled=True))
    answer = send(client, "/login", username="msp-a", password=PASSWORD)
    assert "ユーザ名またはパスワードが正しくありません。" in answer.text


def test_sign_in_changes_the_session_and_its_token(client: FlaskClient, known: Administrator) -> None:
    client.get("/login")
    before = csrf_token_of(client)
    send(client, "/login", username="msp-a", password=PASSWORD)
    client.get("/portal/")
    assert csrf_token_of(client) != before


def test_sign_out_ends_the_session_on_the_server(
    app: Flask, client: FlaskClient, known: Administrator
) -> None:
    send(client, "/login", username="msp-a", password=PASSWORD)
    cookie = client.get_cookie("portal")
    assert cookie is not None
    send(client, "/logout")
    client.set_cookie("portal", cookie.value)
    assert not is_signed_in(client)
    assert client.get("/logout").status_code == 405


def test_session_ends_after_thirty_idle_minutes(
    app: Flask, client: FlaskClient, known: Administrator
) -> None:
    send(client, "/login", username="msp-a", password=PASSWORD)
    now = portal_now(app)
    change_sign_ins(app, last_seen_at=now - dt.timedelta(minutes=29))
    assert is_signed_in(client)
    change_sign_ins(app, last_seen_at=now - dt.timedelta(minutes=31))
    assert not is_signed_in(client)


def test_session_ends_after_twelve_hours(app: Flask, client: FlaskClient, known: Administrator) -> None:
    send(client, "/login", username="msp-a", password=PASSWORD)
    change_sign_ins(app, started_at=portal_now(app) - dt.timedelta(hours=12, minutes=1))
    assert not is_signed_in(client)


def test_use_is_noted_at_most_once_a_minute(app: Flask, client: FlaskClient, known: Administrator) -> None:
    send(client, "/login", username="msp-a", password=PASSWORD)
    earlier = portal_now(app) - dt.timedelta(minutes=5)
    change_sign_ins(app, last_seen_at=earlier)
    seen = []
    for _request in range(2):
        client.get("/portal/")
        with app.app_context():
            seen.append(db.session.execute(select(SignIn.last_seen_at)).scalars().all()[-1])
    assert seen[0] > earlier
    assert seen[0] == seen[1]


def test_disabling_ends_the_session_at_the_next_request(
    app: Flask, client: FlaskClient, known: Administrator
) -> None:
    send(client, "/login", username="msp-a", password=PASSWORD)
    with app.app_context(), transaction() as session:
        session.execute(update(Administrator).values(is_disabled=True))
    assert not is_signed_in(client)


def test_tampered_cookie_is_no_session(client: FlaskClient) -> None:
    with client.session_transaction() as session:
        session["sign_in"] = {"not": "a token"}
    assert client.get("/portal/").status_code == 303


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "\t//evil",
    ],
)
def test_nobody_is_led_to_another_site(client: FlaskClient, known: Administrator, address: str) -> None:
    answer = send(client, "/login", username="msp-a", password=PASSWORD, next=address)
    assert answer.location == "/"
    assert "evil" not in client.get("/login", query_string={"next": address}).location


def test_sign_in_leads_back_to_the_page_that_was_wanted(client: FlaskClient, known: Administrator) -> None:
    answer = client.get("/portal/?x=1")
    assert answer.location == "/login?next=%2Fportal%2F%3Fx%3D1"
    answer = send(client, "/login", username="msp-a", password=PASSWORD, next="/portal/?x=1")
    assert answer.location == "/portal/?x=1"


def test_language_link_never_leads_elsewhere(client: FlaskClient) -> None:
    answer = client.get("/lang/en", headers={"Referer": "https://evil.example/x"})
    assert answer.location == "/"
    assert '<html lang="en">' in client.get("/login").text
    assert client.get("/lang/fr").status_code == 404


def one_time_link(app: Flask, administrator_id: int) -> str:
    with app.app_context(), transaction():
        now = app.extensions["clock"].now()
        return sign_ins.create_one_time_link(administrator_id=administrator_id, now=now)


def test_one_time_link_sets_a_password_once(app: Flask, client: FlaskClient, known: Administrator) -> None:
    address = f"/set-password/{one_time_link(app, known.id)}"
    assert "msp-a" in client.get(address).text
    short = send(client, address, password="short", repeated="short")
    assert short.status_code == 422
    assert "12文字以上" in short.text
    different = send(client, address, password="a new password", repeated="another password")
    assert "パスワードが一致しません" in different.text
    done = send(client, address, password="a new password", repeated="a new password")
    assert (done.status_code, done.location) == (303, "/login")
    assert client.get(address).status_code == 404
    assert send(client, "/login", username="msp-a", password="a new password").location == "/"


def test_one_time_link_ends_after_a_day_and_by_a_newer_one(
    app: Flask, client: FlaskClient, known: Administrator
) -> None:
    older, newer = one_time_link(app, known.id), one_time_link(app, known.id)
    assert client.get(f"/set-password/{older}").status_code == 404
    with app.app_context(), transaction():
        later = app.extensions["clock"].now() + dt.timedelta(days=1, seconds=1)
        with pytest.raises(sign_ins.OneTimeLinkInvalid):
            sign_ins.find_link_holder(token=newer, now=later)
    assert client.get(f"/set-password/{newer}x").status_code == 404


def test_setting_a_password_ends_all_sessions(app: Flask, client: FlaskClient, known: Administrator) -> None:
    send(client, "/login", username="msp-a", password=PASSWORD)
    other = app.test_client()
    address = f"/set-password/{one_time_link(app, known.id)}"
    send(other, address, password="a new password", repeated="a new password")
    assert not is_signed_in(client)


def test_account_names_are_escaped(app: Flask, client: FlaskClient, known: Administrator) -> None:
    with app.app_context(), transaction() as session:
        session.get_one(Account, known.account_id).company_name = "<script>{{7*7}}%s"
    send(client, "/login", username="msp-a", password=PASSWORD)
    page = client.get("/portal/").text
    assert "&lt;script&gt;{{7*7}}%s" in page
