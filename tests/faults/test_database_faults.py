"""The line to the database breaks after a commit; the same rows are locked from both ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy.exc import OperationalError

from config import ROOT
from models import db
from services import accounts, invariants, refills
from services.transaction import transaction
from tests.builders import START, World, balance, begin_world, lines, request_id
from tests.support.cutting_proxy import CuttingProxy, cutting_proxy
from tests.support.databases import build_app
from tests.support.postgres_server import PostgresServer
from tests.web.browser_session import send

pytestmark = pytest.mark.faults


@pytest.fixture
def proxy(postgres_server: PostgresServer) -> Iterator[CuttingProxy]:
    with cutting_proxy(postgres_server.port) as running:
        yield running


@pytest.fixture
def behind_proxy(postgres_server: PostgresServer, proxy: CuttingProxy) -> Iterator[Flask]:
    """Give the application over a database that it reaches through the proxy alone."""
    postgres_server.create_database("behind_proxy")
    app = build_app(PostgresServer(port=proxy.port).url("behind_proxy"))
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
    yield app
    with app.app_context():
        assert invariants.verify() == []
        db.session.remove()
        db.engine.dispose()
    postgres_server.drop_database("behind_proxy")


def test_a_page_whose_answer_is_lost_after_the_commit_has_one_effect(
    behind_proxy: Flask, proxy: CuttingProxy, sign_in: Callable[[FlaskClient, str], None]
) -> None:
    with behind_proxy.app_context():
        customer = begin_world().customer()
    client = behind_proxy.test_client()
    sign_in(client, "msp-a")
    address = f"/msp/customers/{customer}/points/"
    assert client.get(address).status_code == 200
    form = {"direction": "add", "points": "7", "remark": "", "request_id": request_id()}

    def stored() -> list[tuple[str, int, int]]:
        with behind_proxy.app_context():
            return lines(customer)

    proxy.lose_commits = 1
    answer = send(client, address, **form)
    assert (answer.status_code, proxy.lost) == (503, 1)
    assert stored() == [("addition", 7, 7)], "it was committed, and nobody was told"
    for _again in range(2):
        assert send(client, address, **form).status_code == 303
    assert stored() == [("addition", 7, 7)]


def test_a_refill_whose_answer_is_lost_after_the_commit_has_one_effect(
    behind_proxy: Flask, proxy: CuttingProxy
) -> None:
    with behind_proxy.app_context():
        world = begin_world()
        short = [world.customer(users=users) for users in (20, 30)]
        digest = refills.plan_refill(viewer=world.msp_a, account_ids=short, now=START).digest
        key = request_id()

        def refill() -> refills.RefillResult:
            with transaction():
                return refills.refill(
                    viewer=world.msp_a, account_ids=short, digest=digest, request_id=key, now=START
                )

        proxy.lose_commits = 1
        with pytest.raises(OperationalError):
            refill()
        assert refill() == refills.RefillResult(refilled_count=2, total_points=50)
        assert [lines(customer) for customer in short] == [[("addition", 20, 20)], [("addition", 30, 30)]]
        assert (balance(world.msp_a.account_id), proxy.lost) == (10_000 - 50, 1)


@pytest.mark.soak
def test_refills_from_both_ends_of_the_same_rows_never_deadlock(app: Flask, world: World) -> None:
    customers = [world.customer(users=11) for _position in range(20)]
    db.session.remove()

    def refill(account_ids: list[int]) -> Any:
        """Plan and press, again when another was faster; any error of the database reaches the caller."""
        with app.app_context():
            while True:
                plan = refills.plan_refill(viewer=world.msp_a, account_ids=account_ids, now=START)
                db.session.rollback()
                try:
                    with transaction():
                        return refills.refill(
                            viewer=world.msp_a,
                            account_ids=account_ids,
                            digest=plan.digest,
                            request_id=request_id(),
                            now=START,
                        )
                except refills.RefillPlanChanged:
                    continue
                except refills.NothingToRefill:
                    return None

    with ThreadPoolExecutor(2) as pool:
        for turn in range(100):
            with app.app_context(), transaction():
                for customer in customers:
                    accounts.change_contract_users(
                        viewer=world.msp_a, account_id=customer, contract_user_count=12 + turn, now=START
                    )
            both = list(pool.map(refill, (customers, customers[::-1])))
            assert sum(result.refilled_count for result in both if result is not None) == len(customers)
    assert {balance(customer) for customer in customers} == {111}
