"""ログイン中の端末: seen and ended by oneself, and by those who may reset the person's password."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from models import Administrator, SignIn, db
from services.transaction import transaction
from tests.portal.portal_visitor import change, events
from tests.support.databases import MovableClock
from tests.web.account_rows import account_of
from tests.web.browser_session import send

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:143.0) Gecko/20100101 Firefox/143.0"
PEOPLE = "/portal/manage/administrators/"
SignsIn = Callable[[FlaskClient, str], None]


@pytest.fixture
def browsers(app: Flask, client: FlaskClient, sign_in: SignsIn) -> list[FlaskClient]:
    """msp-a in three browsers: the test's own, one in Firefox, one more."""
    found = [client, app.test_client(), app.test_client()]
    for browser in found:
        sign_in(browser, "msp-a")
    write(app, sessions(app, "msp-a")[1], user_agent=FIREFOX, remote_address="192.0.2.7")
    return found


def sessions(app: Flask, user_name: str) -> list[int]:
    """Return the sessions that somebody has begun in this test, oldest first."""
    statement = select(SignIn.id).join(Administrator).where(Administrator.user_name == user_name)
    with app.app_context():
        return list(db.session.execute(statement.order_by(SignIn.id)).scalars())[-3:]


def write(app: Flask, session_id: int, **values: Any) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(SignIn).where(SignIn.id == session_id).values(**values))


def person_id(app: Flask, user_name: str) -> int:
    with app.app_context():
        found = select(Administrator.id).where(Administrator.user_name == user_name)
        return int(db.session.execute(found).scalar_one())


def is_in(client: FlaskClient) -> bool:
    return client.get("/sessions/").status_code == 200


def listed(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'name="session_id" value="(\d+)"', page)]


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "user_name", ["operator", "distributor", "msp-a", "contract-a", "system-a", "support", "customer-a"]
)
def test_everybody_reaches_his_own_from_the_menu_of_each_portal(
    client: FlaskClient, sign_in: SignsIn, user_name: str
) -> None:
    sign_in(client, user_name)
    portals = [client.get(portal, follow_redirects=True) for portal in ("/msp/", "/portal/")]
    assert all('href="/sessions/"' in portal.text for portal in portals)
    page = client.get("/sessions/").text
    assert "<h1>ログイン中の端末</h1>" in page
    assert user_name in page
    assert "この端末" in page
    assert "ほかの端末をすべて終了" not in page


def test_each_running_session_is_listed_with_when_and_where(
    app: Flask, browsers: list[FlaskClient], clock: MovableClock
) -> None:
    mine, firefox, other = sessions(app, "msp-a")
    clock.instant += dt.timedelta(minutes=20)
    page = browsers[0].get("/sessions/").text
    assert listed(page) == [other, firefox]
    rows = re.findall(r"<tr>\s*<td.*?</tr>", page, re.DOTALL)
    assert len(rows) == 3
    words = [re.sub(r"<[^>]+>|\s+", " ", row) for row in rows]
    assert "この端末" in words[0]
    assert "2026/11/20 10:20" in words[0]
    assert all(word in words[2] for word in ("Firefox (Windows)", "192.0.2.7", "2026/11/20 10:00"))
    assert "不明なブラウザ" not in words[2]
    # What is over by itself, was ended, or is somebody else's is not there.
    write(app, other, started_at=clock.now() - dt.timedelta(hours=12))
    clock.instant += dt.timedelta(minutes=10)
    assert listed(browsers[0].get("/sessions/").text) == []
    assert mine not in listed(browsers[0].get("/sessions/").text)


def test_one_of_one_s_own_is_ended_and_opens_nothing_at_the_next_request(
    app: Flask, browsers: list[FlaskClient]
) -> None:
    _mine, firefox, other = sessions(app, "msp-a")
    answer = send(browsers[0], "/sessions/end/", session_id=str(firefox))
    assert (answer.status_code, answer.location) == (303, "/sessions/")
    page = browsers[0].get("/sessions/").text
    assert "ログイン中の端末1台を終了しました。" in page
    assert listed(page) == [other]
    assert [is_in(browser) for browser in browsers] == [True, False, True]
    assert send(browsers[1], "/sessions/end-others/").location == "/login"
    send(browsers[0], "/sessions/end/", session_id=str(firefox))
    assert "すでに終了しています。" in browsers[0].get("/sessions/").text
    account = account_of(app, "msp-a")
    ended = {"user_name": "msp-a", "session_count": 1}
    assert events(app, "administrator.sessions_ended") == [(account, "msp-a", ended)]


def test_all_others_are_ended_and_this_one_stays(app: Flask, browsers: list[FlaskClient]) -> None:
    assert "ほかの端末をすべて終了" in browsers[0].get("/sessions/").text
    send(browsers[0], "/sessions/end-others/")
    assert "ログイン中の端末2台を終了しました。" in browsers[0].get("/sessions/").text
    assert [is_in(browser) for browser in browsers] == [True, False, False]
    send(browsers[0], "/sessions/end-others/")
    assert "すでに終了しています。" in browsers[0].get("/sessions/").text


def test_nobody_ends_a_session_of_somebody_else_by_its_number(
    app: Flask, browsers: list[FlaskClient], sign_in: SignsIn
) -> None:
    stranger = app.test_client()
    sign_in(stranger, "msp-b")
    for named in (str(sessions(app, "msp-b")[-1]), "987654321"):
        assert send(browsers[0], "/sessions/end/", session_id=named).status_code == 404
    for malformed in ("", "all", "-1", "1,2", "１", "9" * 30, "\0"):
        assert send(browsers[0], "/sessions/end/", session_id=malformed).status_code == 400
    assert is_in(stranger)
    assert browsers[0].get("/sessions/end/").status_code == 405


def test_another_administrator_sees_and_ends_them(
    app: Flask, browsers: list[FlaskClient], sign_in: SignsIn
) -> None:
    account, person = account_of(app, "msp-a"), person_id(app, "system-a")
    theirs = [app.test_client(), app.test_client()]
    for browser in theirs:
        sign_in(browser, "system-a")
    address = f"{PEOPLE}{person}/sessions/"
    assert f'href="{address}?next=' in browsers[0].get(PEOPLE).text
    dialog = browsers[0].get(address, headers={"X-Fragment": "1"}).text
    first, second = listed(dialog)
    assert "system-a" in dialog
    assert "すべて終了" in dialog
    answer = change(browsers[0], address, account, session_id=str(first))
    assert (answer.status_code, answer.location) == (303, f"{PEOPLE}#row-{person}")
    assert [is_in(browser) for browser in theirs] == [True, False]
    change(browsers[0], address, account, session_id="all")
    assert [is_in(browser) for browser in theirs] == [False, False]
    assert "ログイン中の端末はありません。" in browsers[0].get(address).text
    change(browsers[0], address, account, session_id=str(second))
    assert "すでに終了しています。" in browsers[0].get(PEOPLE).text
    ended = {"user_name": "system-a", "session_count": 1}
    assert events(app, "administrator.sessions_ended") == [(account, "msp-a", ended)] * 2
    # A session of another person is not this one's.
    own = sessions(app, "msp-a")[1]
    assert change(browsers[0], address, account, session_id=str(own)).status_code == 404
    for malformed in ("", "x"):
        assert change(browsers[0], address, account, session_id=malformed).status_code == 400
    assert is_in(browsers[1])


def test_nobody_sees_or_ends_those_of_a_level_above_his_own(
    app: Flask, client: FlaskClient, browsers: list[FlaskClient], sign_in: SignsIn
) -> None:
    below = app.test_client()
    sign_in(below, "system-a")
    address = f"{PEOPLE}{person_id(app, 'msp-a')}/sessions/"
    assert address not in below.get(PEOPLE).text
    assert below.get(address).status_code == 403
    for named in ("all", str(sessions(app, "msp-a")[0])):
        assert change(below, address, account_of(app, "msp-a"), session_id=named).status_code == 403
    # Nor by way of a person of another account.
    stranger = f"{PEOPLE}{person_id(app, 'customer-a')}/sessions/"
    assert client.get(stranger).status_code == 404
    assert change(client, stranger, account_of(app, "msp-a"), session_id="all").status_code == 404
    assert all(is_in(browser) for browser in browsers)
