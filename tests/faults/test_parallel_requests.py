"""Many at once: one effect for one request id, no lost update, no stock below zero, no deadlock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from domain.errors import DomainError
from models import db
from services import accounts, cancellations, clockwork, points, refills
from services.cancellation_previews import preview
from services.transaction import transaction
from tests.builders import SETTINGS, START, World, balance, lines, request_id, tokyo

pytestmark = pytest.mark.faults
THREADS = 8


def together(app: Flask, works: list[Callable[[], Any]]) -> list[Any]:
    """Run each in a thread with its own session and connection; a refusal is an answer too."""
    db.session.remove()

    def run(work: Callable[[], Any]) -> Any:
        with app.app_context():
            try:
                with transaction():
                    return work()
            except DomainError as refusal:
                return type(refusal).__name__

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, works))


def adding(world: World, account_id: int, count: int, key: str | None = None) -> Callable[[], Any]:
    return lambda: points.add(
        viewer=world.msp_a,
        account_id=account_id,
        points=count,
        remark=None,
        request_id=key or request_id(),
        now=START,
    )


def test_fifty_equal_posts_are_one_movement(app: Flask, world: World) -> None:
    customer, key = world.customer(), request_id()
    answers = together(app, [adding(world, customer, 7, key)] * 50)
    assert len(set(answers)) == 1
    assert lines(customer) == [("addition", 7, 7)]


def test_no_update_is_lost_and_the_stock_never_falls_below_zero(app: Flask, world: World) -> None:
    customers = [world.customer() for _position in range(3)]
    works = [adding(world, customers[turn % 3], 500) for turn in range(30)]
    answers = together(app, works)
    assert answers.count("InsufficientStock") == 10
    assert balance(world.msp_a.account_id) == 0
    assert sum(balance(customer) for customer in customers) == 10_000


def test_refills_over_the_same_rows_in_opposite_order_do_not_block_each_other(
    app: Flask, world: World
) -> None:
    customers = [world.customer(users=20) for _position in range(10)]

    def refilling(ids: list[int]) -> Callable[[], Any]:
        digest = refills.plan_refill(viewer=world.msp_a, account_ids=ids, now=START).digest
        return lambda: refills.refill(
            viewer=world.msp_a, account_ids=ids, digest=digest, request_id=request_id(), now=START
        )

    orders = [customers, customers[::-1]] * 8
    answers = together(app, [refilling(ids) for ids in orders])
    assert sum(isinstance(answer, refills.RefillResult) for answer in answers) == 1
    assert {answer for answer in answers if isinstance(answer, str)} == {"RefillPlanChanged"}
    assert [balance(customer) for customer in customers] == [20] * 10


def test_a_cancellation_among_movements_leaves_zero_and_nothing_afterwards(app: Flask, world: World) -> None:
    customer = world.customer(points_held=50)
    found = preview(viewer=world.msp_a, account_id=customer, scheduled_on=None, now=START)

    def canceling() -> Any:
        return cancellations.cancel(
            viewer=world.msp_a,
            account_id=customer,
            consent=True,
            shown=(found.top_up_points, found.write_off_points),
            now=START,
        ).write_off_points

    answers = together(
        app, [adding(world, customer, 1), canceling, adding(world, customer, 1), canceling] * 3
    )
    assert set(answers[1::2]) <= {50, "CancellationChanged", "AccountNotRunning"}
    if 50 in answers:
        assert balance(customer) == 0


def test_ticks_and_people_side_by_side(app: Flask, world: World) -> None:
    customers = [world.customer(users=20, points_held=100) for _position in range(20)]
    cut = tokyo("2026-11-25T00:00:00")
    db.session.remove()

    def ticking() -> None:
        with app.app_context():
            clockwork.run_due_work(now=cut, settings=SETTINGS)

    def changing(position: int) -> None:
        with app.app_context(), transaction():
            account_id = customers[position % 20]
            if position % 2:
                adding(world, account_id, 1)()
            else:
                accounts.change_contract_users(
                    viewer=world.msp_a, account_id=account_id, contract_user_count=30, now=cut
                )

    with ThreadPoolExecutor(THREADS) as pool:
        done = [pool.submit(ticking) for _turn in range(3)]
        done += [pool.submit(changing, position) for position in range(20)]
        for future in done:
            future.result()
    fees = [line for customer in customers for line in lines(customer) if line[0] == "monthly_fee"]
    assert len(fees) == 20
