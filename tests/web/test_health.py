"""稼働状況: the operator's page says in one sentence whether everything is all right, whatever is away."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import func, select, text

from jobs import tasks
from models import PointBalance, db
from services import doorbell
from services.transaction import transaction
from tests.support.databases import MovableClock
from tests.support.redis_server import RedisServer, running_redis
from tests.web.customer_screens import text_of

SignIn = Callable[[FlaskClient, str], Any]
HEALTH = "/msp/health/"


@pytest.fixture
def redis_server(app: Flask) -> Iterator[RedisServer]:
    """Give a real Redis, which the application uses."""
    before = app.extensions["settings"]
    with running_redis() as server:
        app.extensions["settings"] = dataclasses.replace(before, redis_url=server.url)
        yield server
    app.extensions["settings"] = before


def states_of(page: str) -> dict[str, str]:
    """Return the word of each check by its name."""
    rows = re.findall(r'<tr data-check="(\w+)">(.*?)</tr>', page, re.DOTALL)
    return {
        name: next(word for word in ("正常", "注意", "異常") if word in text_of(row)) for name, row in rows
    }


def verdict_of(page: str) -> str:
    found = re.search(r'<div class="notice verdict (\w+)" role="status">(.*?)</div>', page, re.DOTALL)
    assert found
    return f"{found[1]}: {' '.join(text_of(found[2]).split())}"


def work(app: Flask) -> None:
    with app.app_context():
        for job in (tasks.tick, tasks.send_mails, tasks.provision, tasks.seal, tasks.verify):
            job()


def test_all_is_well_then_the_worker_the_queue_and_a_law_break(
    app: Flask, client: FlaskClient, clock: MovableClock, sign_in: SignIn, redis_server: RedisServer
) -> None:
    sign_in(client, "operator")
    page = client.get(HEALTH).text
    assert verdict_of(page) == "danger: 異常 対応が必要な項目が 2 件あります。"
    work(app)
    page = client.get(HEALTH).text
    assert verdict_of(page) == "success: 正常 すべての項目に問題はありません。"
    assert set(states_of(page).values()) == {"正常"}
    assert len(states_of(page)) == 9
    assert tasks.WORKER_NAME in page
    assert f'href="{HEALTH}">再読込' in page
    assert 'http-equiv="refresh"' not in page
    # A job that failed, one that waits, and a worker that the queue knows.
    with Redis.from_url(redis_server.url) as connection:
        queue = Queue(doorbell.QUEUE_NAME, connection=connection, serializer=JSONSerializer)
        queue.enqueue("jobs.tasks.no_such_job")
        worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer)
        worker.work(burst=True, logging_level="CRITICAL")
        worker.register_birth()
        doorbell.enqueue(connection, "tick")
        words = text_of(client.get(HEALTH).text)
        assert "待っている処理: 1。失敗した処理: 1。" in words
        assert "最近動いたもの: 1。キューに登録されているもの: 1。" in words
    redis_server.kill_and_forget()
    answer = client.get(HEALTH)
    assert answer.status_code == 200
    assert verdict_of(answer.text) == "warning: 注意 確認が必要な項目が 1 件あります。"
    assert states_of(answer.text)["queue"] == "注意"
    broken = text("UPDATE point_balances SET point_balance = point_balance + :points WHERE account_id = :id")
    with app.app_context():
        account_id = db.session.execute(select(func.min(PointBalance.account_id))).scalar_one()
        with transaction() as session:
            session.execute(broken, {"points": 7, "id": account_id})
    clock.instant += dt.timedelta(hours=1)
    work(app)
    sign_in(client, "operator")
    page = client.get(HEALTH).text
    assert states_of(page)["verification"] == "異常"
    assert "L2 a balance is the sum of its lines" in page
    assert verdict_of(page).startswith("danger: 異常")
    with app.app_context(), transaction() as session:
        session.execute(broken, {"points": -7, "id": account_id})


def test_a_silent_queue_holds_the_page_up_for_a_second_or_two(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "operator")
    before = app.extensions["settings"]
    try:
        with closing(socket.create_server(("127.0.0.1", 0))) as silent:
            for address in (f"redis://127.0.0.1:{silent.getsockname()[1]}/0", "no-address"):
                app.extensions["settings"] = dataclasses.replace(before, redis_url=address)
                started = time.monotonic()
                page = client.get(HEALTH)
                assert time.monotonic() - started < 4
                assert (page.status_code, states_of(page.text)["queue"]) == (200, "注意")
    finally:
        app.extensions["settings"] = before


def test_only_the_operator_comes_in(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    assert client.get(HEALTH).status_code == 303
    for user_name in ("distributor", "msp-a", "contract-a", "support", "system-a", "customer-a"):
        visitor = app.test_client()
        sign_in(visitor, user_name)
        assert visitor.get(HEALTH).status_code == 403, user_name
    sign_in(client, "distributor")
    assert HEALTH not in client.get("/msp/accounts/").text
    assert client.get("/msp/mails/operator_alarm/").status_code == 404
    sign_in(client, "operator")
    assert f'href="{HEALTH}"' in client.get("/msp/accounts/").text
    assert client.get("/msp/mails/operator_alarm/").status_code == 200
    assert client.post(HEALTH).status_code in (400, 405)
