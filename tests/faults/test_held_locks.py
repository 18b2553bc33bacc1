"""Something holds a lock for long: a page says so within five seconds, and what is no page waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import PointBalance, db
from services import points
from services.transaction import InUse, transaction
from tests.builders import START, World, balance, begin_world, lines, request_id
from tests.web.browser_session import send

pytestmark = pytest.mark.faults


@contextmanager
def held(app: Flask, account_id: int) -> Iterator[None]:
    """Hold the balance of an account by another session; on SQLite that holds the whole database."""
    with app.app_context(), Session(db.engine) as holder:
        holder.connection(execution_options={"write": True})
        found = select(PointBalance.point_balance).where(PointBalance.account_id == account_id)
        holder.execute(found.with_for_update()).one()
        yield


def test_a_page_says_within_five_seconds_that_something_else_is_at_work(
    app: Flask, client: FlaskClient, sign_in: Callable[[FlaskClient, str], None]
) -> None:
    # Each request has its own application context, as on a server.
    with app.app_context():
        customer = begin_world().customer()

    def stored() -> list[tuple[str, int, int]]:
        with app.app_context():
            return lines(customer)

    sign_in(client, "msp-a")
    address = f"/msp/customers/{customer}/points/"
    form = {"direction": "add", "points": "7", "remark": "typed", "request_id": request_id()}
    with held(app, customer):
        began = time.monotonic()
        answer = send(client, address, **form)
        assert time.monotonic() - began < 5
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "他の処理が使用中です。何も変更していません。" in answer.text
        assert all(f'value="{form[name]}"' in answer.text for name in ("points", "request_id"))
        assert client.get(address).status_code == 200
    assert stored() == []
    assert send(client, address, **form).status_code == 303
    assert stored() == [("addition", 7, 7)]


def test_what_is_no_page_waits_until_the_lock_is_given_back(app: Flask, world: World) -> None:
    customer = world.customer()
    db.session.remove()

    def add(lock_seconds: float | None) -> None:
        with app.app_context(), transaction(lock_seconds=lock_seconds):
            points.add(
                viewer=world.msp_a,
                account_id=customer,
                points=1,
                remark=None,
                request_id=request_id(),
                now=START,
            )

    with ThreadPoolExecutor(1) as pool:
        with held(app, customer):
            for _again in range(2):
                with pytest.raises(InUse):
                    add(0.1)
            waiting = pool.submit(add, None)
            time.sleep(0.3)
            assert not waiting.done()
        waiting.result()
    assert balance(customer) == 1
