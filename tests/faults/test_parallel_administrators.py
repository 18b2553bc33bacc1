"""Administrators at once: somebody stays, a name is given once, every wrong password counts, a link works once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from domain.permissions import AdminLevel
from models import Administrator, AuditEvent, db
from services import one_time_links, portal_administrators, sign_in_attempts
from services.transaction import transaction
from tests.builders import BRAND, START, World, request_id
from tests.faults.test_parallel_requests import together

pytestmark = pytest.mark.faults


def registering(world: World, account_id: int, name: str, key: str) -> Callable[[], Any]:
    values = portal_administrators.PersonValues(
        full_name=name, email=f"{name}-{key}@example.jp", level=AdminLevel.SYSTEM
    )
    return lambda: (
        portal_administrators.register(
            viewer=world.distributor,
            account_id=account_id,
            user_name=name,
            values=values,
            password_hash=None,
            request_id=key,
            brand=BRAND,
            now=START,
        ).id
    )


def test_people_who_delete_each_other_leave_one(app: Flask, world: World) -> None:
    customer = world.customer()
    with transaction():
        ids = [registering(world, customer, f"new-{number}", request_id())() for number in range(6)]

    def deleting(administrator_id: int) -> Callable[[], Any]:
        return lambda: (
            portal_administrators.delete(
                viewer=world.msp_a, account_id=customer, administrator_id=administrator_id, now=START
            ).id
        )

    answers = together(app, [deleting(found) for found in ids])
    assert answers.count("LastAdministrator") == 1
    left = select(Administrator.id).where(
        Administrator.account_id == customer, Administrator.deleted_at.is_(None)
    )
    assert len(db.session.execute(left).all()) == 1


def test_a_name_is_given_once_and_a_request_registers_once(app: Flask, world: World) -> None:
    customers = [world.customer() for _position in range(8)]
    answers = together(app, [registering(world, found, "new-1", request_id()) for found in customers])
    assert answers.count("UserNameTaken") == 7
    key = request_id()
    answers = together(app, [registering(world, customers[0], "new-2", key)] * 8)
    assert len(set(answers)) == 1
    assert isinstance(answers[0], int)


def test_every_wrong_password_counts_and_the_tenth_locks_once(app: Flask, world: World) -> None:
    person = world.msp_a.administrator_id
    wrong = sign_in_attempts.Attempt(administrator_id=person, matched_hash=None)

    def attempt() -> Any:
        return sign_in_attempts.conclude(
            attempt=wrong, browser=None, now=START, remote_address=None, user_agent=""
        )

    assert together(app, [attempt] * 9) == [None] * 9
    found = db.session.get_one(Administrator, person, populate_existing=True)
    assert (found.failed_sign_in_count, found.locked_until) == (9, None)
    assert together(app, [attempt] * 9) == [None] * 9
    db.session.rollback()
    found = db.session.get_one(Administrator, person, populate_existing=True)
    assert found.locked_until == START + dt.timedelta(minutes=15)
    locks = select(func.count()).where(AuditEvent.action == "administrator.locked")
    assert db.session.execute(locks).scalar_one() == 1


def test_a_link_sets_one_password(app: Flask, world: World) -> None:
    person = world.msp_a.administrator_id
    with transaction():
        token = one_time_links.create_one_time_link(administrator_id=person, now=START)

    def setting(text: str) -> Callable[[], Any]:
        return lambda: one_time_links.use_one_time_link(token=token, password_hash=text, now=START).id

    def sending() -> Any:
        return portal_administrators.send_link(
            viewer=world.msp_a,
            account_id=world.msp_a.account_id,
            administrator_id=person,
            request_id=request_id(),
            brand=BRAND,
            now=START,
        ).id

    works = [setting(str(number)) if number % 4 else sending for number in range(16)]
    answers = together(app, works)
    assert answers.count("OneTimeLinkInvalid") >= 11
    assert set(answers) <= {person, "OneTimeLinkInvalid"}
