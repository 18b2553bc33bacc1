"""The second page of the sign-in: what a code opens, once, and what a first step is worth without it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from admin_views.request_context import SESSION_TOKEN
from admin_views.sign_in import FIRST_STEP
from tests.support.authenticator import STEP
from tests.support.databases import MovableClock
from tests.web.browser_session import send
from tests.web.people import PASSWORD, administrator, give_passwords, give_second_factor

SignIn = Callable[[FlaskClient, str], Any]
WRONG = "コードが正しくないか、すでに使用されています。"


@pytest.fixture
def known(app: Flask) -> None:
    """Let the test know everybody's password."""
    give_passwords(app)


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/second-factor/").status_code == 200


def password(client: FlaskClient, user_name: str = "msp-a", **fields: str) -> Any:
    return send(client, "/login", username=user_name, password=PASSWORD, **fields)


def test_signing_in_takes_the_password_and_then_the_code(
    app: Flask, client: FlaskClient, known: None, clock: MovableClock
) -> None:
    app_of = give_second_factor(app, clock)
    answer = password(client, next="/portal/?x=1")
    assert (answer.status_code, answer.location) == (303, "/login/code?next=/portal/?x%3D1")
    page = client.get(answer.location).text
    assert "確認コードの入力" in page
    assert not is_signed_in(client)
    for wrong in ("", "000000", "x" * 5000, "\0", app_of.code(clock.now() - 10 * STEP)):
        refused = send(client, "/login/code", code=wrong)
        assert (refused.status_code, WRONG in refused.text) == (422, True)
    assert not is_signed_in(client)
    code = app_of.code(clock.now())
    done = send(client, "/login/code", code=code, next="/portal/?x=1")
    assert (done.status_code, done.location) == (303, "/portal/?x=1")
    assert is_signed_in(client)
    with client.session_transaction() as session:
        assert FIRST_STEP not in session
    other = app.test_client()
    password(other)
    assert WRONG in send(other, "/login/code", code=code).text
    done = send(other, "/login/code", code=app_of.recovery_codes[0])
    assert (done.status_code, done.location) == (303, "/")


def test_a_stolen_first_step_is_worthless(
    app: Flask, client: FlaskClient, known: None, clock: MovableClock
) -> None:
    app_of = give_second_factor(app, clock)
    password(client)
    with client.session_transaction() as session:
        stolen = session[FIRST_STEP]
    thief = app.test_client()
    with thief.session_transaction() as session:
        # Neither as a session, nor for longer than five minutes.
        session[SESSION_TOKEN] = stolen
    assert not is_signed_in(thief)
    with thief.session_transaction() as session:
        session[FIRST_STEP] = stolen
    assert "確認コードの入力" in thief.get("/login/code").text
    assert WRONG in send(thief, "/login/code", code="123456").text
    clock.instant += dt.timedelta(minutes=5, seconds=1)
    for browser in (client, thief):
        answer = send(browser, "/login/code", code=app_of.code(clock.now()))
        assert (answer.status_code, answer.location) == (303, "/login")
        assert "時間が経過したため" in browser.get("/login").text
        assert browser.get("/login/code").location == "/login"


def test_without_a_first_step_there_is_no_second(client: FlaskClient, known: None) -> None:
    assert client.get("/login/code").location == "/login"
    assert send(client, "/login/code", code="123456").location == "/login"
    for bad in (1, "", "x", "\0"):
        with client.session_transaction() as session:
            session[FIRST_STEP] = bad
        assert send(client, "/login/code", code="123456").location == "/login"


def test_wrong_codes_lock_and_a_locked_person_learns_nothing(
    app: Flask, client: FlaskClient, known: None, clock: MovableClock
) -> None:
    app_of = give_second_factor(app, clock)
    password(client)
    for _turn in range(10):
        assert WRONG in send(client, "/login/code", code="000000").text
    assert administrator(app, "msp-a").locked_until is not None
    assert WRONG in send(client, "/login/code", code=app_of.code(clock.now())).text
    answer = password(app.test_client())
    assert (answer.status_code, "ユーザ名またはパスワードが正しくありません。" in answer.text) == (422, True)


def test_a_session_of_somebody_else_ends_with_the_second_step(
    app: Flask, client: FlaskClient, known: None, sign_in: SignIn, clock: MovableClock
) -> None:
    app_of = give_second_factor(app, clock)
    sign_in(client, "msp-b")
    with client.session_transaction() as session:
        former = session[SESSION_TOKEN]
    password(client)
    assert "msp-b" in client.get("/second-factor/").text
    send(client, "/login/code", code=app_of.code(clock.now()))
    assert "msp-a" in client.get("/second-factor/").text
    thief = app.test_client()
    with thief.session_transaction() as session:
        session[SESSION_TOKEN] = former
    assert not is_signed_in(thief)
