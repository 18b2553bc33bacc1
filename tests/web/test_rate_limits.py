"""Too often is answered with 429 and how long to wait, and changes nothing; no route can forget its limit."""

from __future__ import annotations

import dataclasses
import logging
import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from admin_views import rate_limits
from admin_views.rate_limits import Kind, limited_as
from config import RateLimits
from models import Administrator, AuditEvent, OutgoingMail, db
from services.rate_limits import RateLimiter
from services.transaction import transaction
from tests.support.redis_server import RedisServer, running_redis
from tests.web.browser_session import send
from tests.web.customer_screens import Screens

pytestmark = pytest.mark.one_engine

PASSWORD = "correct horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
TOO_OFTEN = "短い時間に操作が集中したため、受け付けませんでした。"
#: What the name or the address of a route says when it makes files, sends notices or works on many rows.
COSTLY = re.compile(r"csv|xlsx|export|download|notice|bulk|import|\.action$|send_link")


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """Give a real Redis."""
    with running_redis() as server:
        yield server


@pytest.fixture
def known(app: Flask) -> None:
    """Give msp-a and msp-b a password that the test knows, and a limit of three to everything."""
    with app.app_context(), transaction() as session:
        session.execute(update(Administrator).values(password_hash=CHEAP.hash(PASSWORD)))
    limit(app, RateLimits(3, 3, 3, 3, 3, 3))


def limit(app: Flask, limits: RateLimits, *, redis_url: str = "") -> None:
    """Set limits, with counts that begin anew."""
    app.extensions["settings"] = dataclasses.replace(app.extensions["settings"], rate_limits=limits)
    app.extensions[rate_limits.EXTENSION] = RateLimiter(redis_url)


def sign_in_by_form(client: FlaskClient, password: str, name: str = "msp-a", **headers: str) -> int:
    status: int = send(client, "/login", username=name, password=password, headers=headers).status_code
    return status


def download(client: FlaskClient, address: str) -> int:
    """Take a whole file; return the status."""
    with client.get(address) as answer:
        status: int = answer.status_code
    return status


def assert_too_often(answer: Any) -> None:
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["Cache-Control"] == "no-store"


def test_too_many_passwords_from_an_address_are_not_even_compared(
    app: Flask, client: FlaskClient, known: None, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("msp-a", "nobody", "msp-b"):
        assert sign_in_by_form(app.test_client(), "wrong", name) == 422
    with caplog.at_level(logging.WARNING):
        answer = send(client, "/login", username="msp-a", password=PASSWORD)
    assert_too_often(answer)
    assert "操作が多すぎます" in answer.text
    assert TOO_OFTEN in answer.text
    assert '"event":"rate.limited"' in caplog.text
    assert '"endpoint":"sign_in.sign_in"' in caplog.text
    with app.app_context():
        assert db.session.execute(select(func.max(Administrator.failed_sign_in_count))).scalar_one() == 1
    client.get("/lang/en")
    english = send(client, "/login", username="msp-a", password=PASSWORD)
    assert re.search(r"Wait about \d+ seconds", english.text)


def test_a_thousand_guesses_from_an_address_do_not_shut_out_who_signed_in_there_before(
    app: Flask, client: FlaskClient, known: None
) -> None:
    assert sign_in_by_form(client, PASSWORD) == 303
    answers = [sign_in_by_form(app.test_client(), "wrong") for _guess in range(5)]
    assert answers == [422, 422, 429, 429, 429]
    assert sign_in_by_form(client, "slip of the finger") == 422
    assert sign_in_by_form(client, PASSWORD) == 303
    # That browser has limits too, and its mark is worth nothing for anybody else.
    cookie = client.get_cookie("known_browser", path="/login")
    assert cookie is not None
    assert sign_in_by_form(client, "wrong", "msp-b") == 429
    for made_up in ("0" * 64, "x", "' OR 1=1", "\0"):
        stranger = app.test_client()
        stranger.set_cookie("known_browser", made_up, path="/login")
        assert sign_in_by_form(stranger, PASSWORD) == 429


def test_a_known_browser_is_limited_by_itself(app: Flask, client: FlaskClient, known: None) -> None:
    assert sign_in_by_form(client, PASSWORD) == 303
    assert [sign_in_by_form(client, "wrong") for _guess in range(4)] == [422, 422, 422, 429]
    assert sign_in_by_form(app.test_client(), PASSWORD) == 303


def test_the_addresses_of_one_machine_count_together(app: Flask, known: None) -> None:
    def statuses(addresses: list[str]) -> list[int]:
        return [
            app.test_client().get("/set-password/x", environ_base={"REMOTE_ADDR": address}).status_code
            for address in addresses
        ]

    assert statuses([f"2001:db8::{number}" for number in range(1, 5)]) == [404, 404, 404, 429]
    assert statuses(["2001:db8:0:1::1", "192.0.2.1", "192.0.2.2"]) == [404] * 3
    assert statuses(["::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"]) == [404, 404, 429]
    assert statuses(["", "unknown"]) == [404, 404]


def test_links_are_mailed_and_tried_only_so_often(app: Flask, client: FlaskClient, known: None) -> None:
    statuses = [
        send(client, "/forgot-password", username=name).status_code
        for name in ("nobody", "x", "y", "msp-a", "msp-a")
    ]
    assert statuses == [303, 303, 303, 429, 429]
    with app.app_context():
        assert db.session.execute(select(func.count(OutgoingMail.id))).scalar_one() == 0
    assert client.get("/forgot-password").status_code == 200
    tries = [client.get(f"/set-password/{number}").status_code for number in range(2)]
    tries += [send(client, "/set-password/x", password="x", repeated="x").status_code for _try in range(2)]
    assert tries == [404, 404, 404, 429]


def test_downloads_are_counted_by_administrator(
    app: Flask, client: FlaskClient, sign_in: Callable[..., None], known: None
) -> None:
    sign_in(client, "msp-a")
    for address in ("/msp/customers/export/csv", "/msp/points/export/xlsx", "/portal/users/export/csv"):
        assert download(client, address) == 200
    assert_too_often(client.get("/msp/customers/export/csv"))
    assert client.get("/msp/customers/").status_code == 200
    with app.app_context():
        exported = select(func.count(AuditEvent.id)).where(AuditEvent.action == "list.exported")
        assert db.session.execute(exported).scalar_one() == 3
    other = app.test_client()
    sign_in(other, "contract-a")
    assert download(other, "/msp/customers/export/csv") == 200
    for _attempt in range(5):
        assert app.test_client().get("/msp/customers/export/csv").status_code == 303


def test_what_is_run_on_many_rows_is_counted_and_told_in_its_dialog(
    screens: Screens, app: Flask, client: FlaskClient, known: None
) -> None:
    for _attempt in range(3):
        answer = send(client, "/msp/customers/bulk/refill/")
        assert answer.status_code not in (200, 429)
    refused = send(client, "/msp/customers/action/", headers={"X-Fragment": "1"})
    assert_too_often(refused)
    assert 'class="dialog"' in refused.text
    assert TOO_OFTEN in refused.text
    assert "<html" not in refused.text
    # Notices have a count of their own, and what is only opened none.
    assert send(client, "/msp/customers/bulk/delivery-notice/").status_code != 429
    assert client.get("/portal/users/import/").status_code == 200


def test_a_limit_of_nothing_is_none(app: Flask, client: FlaskClient, known: None) -> None:
    limit(app, RateLimits.off())
    assert {client.get("/set-password/x").status_code for _try in range(10)} == {404}


def test_no_route_that_costs_much_is_without_a_limit(app: Flask) -> None:
    free = [
        f"{rule.endpoint} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if COSTLY.search(f"{rule.endpoint} {rule.rule}") and limited_as(rule.endpoint, rule.rule) is None
    ]
    assert free == []
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert set(rate_limits.KINDS) <= endpoints
    kinds = {limited_as(rule.endpoint, rule.rule) for rule in app.url_map.iter_rules()}
    assert kinds == {None, *Kind}
    assert {kind.value for kind in Kind} == {field.name for field in dataclasses.fields(RateLimits)}


def test_processes_count_together_in_redis(
    app: Flask, client: FlaskClient, known: None, redis_server: RedisServer
) -> None:
    limit(app, RateLimits(set_password=3), redis_url=redis_server.url)
    statuses = []
    for _process in range(2):
        app.extensions[rate_limits.EXTENSION] = RateLimiter(redis_server.url)
        statuses += [client.get("/set-password/x").status_code for _try in range(2)]
    assert statuses == [404, 404, 404, 429]
    assert_too_often(client.get("/set-password/x"))


def test_a_redis_that_is_gone_fails_no_page_and_is_asked_again(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter = RateLimiter(redis_server.url)

    def wait(who: str) -> int | None:
        return limiter.hit(kind="export", who=who, per_minute=1)

    assert wait("before") is None
    redis_server.stop()
    try:
        assert [wait("while away") is None for _try in range(2)] == [True, False]
    finally:
        redis_server.start()
    assert wait("before") is None, "left alone for a while, and this process knows nothing of it"
    monkeypatch.setattr("services.rate_limits.LEFT_ALONE_SECONDS", 0.0)
    limiter = RateLimiter(redis_server.url)
    assert [limiter.hit(kind="export", who="again", per_minute=1) is None for _try in range(2)] == [
        True,
        False,
    ]
    assert RateLimiter(redis_server.url).hit(kind="export", who="again", per_minute=1) is not None


def test_a_redis_that_is_silent_is_waited_for_less_than_a_second() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]

        def seconds_of_a_count() -> float:
            started_at = time.monotonic()
            assert RateLimiter(f"redis://127.0.0.1:{port}/0").hit(kind="x", who="y", per_minute=1) is None
            return time.monotonic() - started_at

        # A machine that does much else may hold up one or two of five.
        assert any(seconds_of_a_count() < 1.0 for _attempt in range(5))


def test_an_address_of_redis_that_is_none_is_as_good_as_no_redis() -> None:
    limiter = RateLimiter("no address")
    assert [limiter.hit(kind="x", who="y", per_minute=1) is None for _try in range(2)] == [True, False]
