"""パスワードの変更: one's own, with the password that held until now given lately."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.portal.portal_visitor import events
from tests.support.databases import PASSWORD, MovableClock
from tests.web.browser_session import send

pytestmark = pytest.mark.one_engine
NEW = "まったく新しい長い合言葉"
SignsIn = Callable[[FlaskClient, str], None]


def signs_in_with(app: Flask, password: str) -> bool:
    answer = send(app.test_client(), "/login", username="msp-a", password=password)
    return answer.status_code == 303


def test_the_new_password_counts_at_once_and_other_browsers_are_signed_out(
    app: Flask, client: FlaskClient, sign_in: SignsIn
) -> None:
    other = app.test_client()
    for browser in (client, other):
        sign_in(browser, "msp-a")
    assert "パスワードの変更" in client.get("/password/").text
    answer = send(client, "/password/", password=NEW, repeated=NEW)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sessions/")
    assert "ほかの端末1台でのログインを終了しました" in client.get("/sessions/").text
    assert other.get("/sessions/").status_code == 303
    assert (signs_in_with(app, PASSWORD), signs_in_with(app, NEW)) == (False, True)
    ((_account, who, _details),) = events(app, "administrator.password_changed")
    assert who == "msp-a"


@pytest.mark.parametrize(
    ("password", "repeated", "words"),
    [
        ("短い", "短い", "12"),
        (NEW, NEW + "x", "一致"),
        ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "パスワード"),
        ("", "", "必須"),
    ],
)
def test_what_is_refused_stands_at_its_field_and_changes_nothing(
    app: Flask, client: FlaskClient, sign_in: SignsIn, password: str, repeated: str, words: str
) -> None:
    sign_in(client, "msp-a")
    answer = send(client, "/password/", password=password, repeated=repeated)
    assert answer.status_code == 422
    assert words in answer.text
    assert signs_in_with(app, PASSWORD)


def test_a_session_that_was_left_open_changes_no_password(
    app: Flask, client: FlaskClient, sign_in: SignsIn, clock: MovableClock
) -> None:
    sign_in(client, "msp-a")
    clock.instant += dt.timedelta(minutes=11)
    assert client.get("/password/").headers["Location"].startswith("/confirm")
    answer = send(client, "/password/", password=NEW, repeated=NEW)
    assert answer.status_code == 422
    assert "confirm_password" in answer.text
    assert signs_in_with(app, PASSWORD)
    confirmed = {"confirm_password": PASSWORD, "password": NEW, "repeated": NEW}
    assert send(client, "/password/", **confirmed).status_code == 303
    assert signs_in_with(app, NEW)


def test_in_english(client: FlaskClient, sign_in: SignsIn) -> None:
    sign_in(client, "customer-a")
    client.set_cookie("lang", "en")
    assert "Change your password" in client.get("/password/").text
