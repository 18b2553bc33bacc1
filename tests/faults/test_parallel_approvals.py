"""Two who approve at the same moment, one who withdraws, and many who ask: one of them decides, once."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from models import ApprovalRequest, db
from services import approval_asking, approvals, four_eyes_rules
from services.points import Movement
from services.transaction import transaction
from tests.builders import BRAND, START, World, balance, colleague, lines, request_id
from tests.faults.test_parallel_requests import together

pytestmark = pytest.mark.faults
ROUNDS = 4


def test_one_of_many_decides_once(app: Flask, world: World) -> None:
    second = colleague(world.msp_a, "second-a")
    with transaction():
        four_eyes_rules.change(
            viewer=world.msp_a,
            account_id=world.msp_a.account_id,
            shown=None,
            threshold_points=100,
            brand=BRAND,
            now=START,
        )
    customer, key = world.customer(), request_id()

    def ask() -> int:
        return approval_asking.ask_for_movement(
            movement=Movement(customer, True, 500),
            viewer=world.msp_a,
            request_id=key,
            brand=BRAND,
            now=START,
        ).id

    def approve(viewer: Any) -> int:
        return approvals.approve(
            viewer=viewer, approval_id=number, shown=(500,), consent=False, brand=BRAND, now=START
        ).moved_points

    def withdraw() -> str:
        state = approvals.withdraw(viewer=world.msp_a, approval_id=number, brand=BRAND, now=START).state
        return str(state)

    (number,) = set(together(app, [ask] * 8))
    works = [lambda: approve(second), lambda: approve(world.distributor), withdraw] * ROUNDS
    answers = together(app, works)
    db.session.rollback()
    assert db.session.execute(select(func.count(ApprovalRequest.id))).scalar_one() == 1
    if "withdrawn" in answers:
        assert answers.count("withdrawn") == 1
        assert lines(customer) == []
        assert set(answers) == {"withdrawn", "ApprovalDecided"}
        return
    assert lines(customer) == [("addition", 500, 500)]
    assert balance(world.msp_a.account_id) == 9_500
    # Who approved gets the same answer again; everybody else is too late.
    assert set(answers) == {500, "ApprovalDecided"}
    assert answers.count(500) == ROUNDS
