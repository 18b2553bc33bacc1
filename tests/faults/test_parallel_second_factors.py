"""The second factor at once: a code begins one session, whoever sends it again, and a set-up is confirmed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from domain.one_time_codes import one_time_code, step_at
from domain.permissions import Viewer
from models import Administrator, RecoveryCode, SecondFactor, SignIn, db
from services import second_factors, second_sign_in_step
from services.sign_in_attempts import FirstStep, password_stamp
from tests.builders import BRAND, START, World
from tests.faults.test_parallel_requests import together
from tests.support.authenticator import BOX, STEP, switch_on

pytestmark = pytest.mark.faults
NOW = START + STEP


def giving(viewer: Viewer, code: str) -> Callable[[], Any]:
    """Return the second step of a sign-in with a code."""
    step = FirstStep(viewer.administrator_id, password_stamp(None))
    return lambda: second_sign_in_step.conclude(
        step=step,
        code=code,
        box=BOX,
        browser=None,
        now=NOW,
        remote_address=None,
        user_agent="",
    )


def session_count() -> int:
    return db.session.execute(select(func.count(SignIn.id))).scalar_one()


def test_a_code_begins_one_session(app: Flask, world: World) -> None:
    given = switch_on(world.msp_a, START)
    answers = together(app, [giving(world.msp_a, given.code(NOW))] * 8)
    assert len([token for token in answers if token is not None]) == 1
    assert session_count() == 1
    found = db.session.get_one(Administrator, world.msp_a.administrator_id, populate_existing=True)
    # Those that came before the right one are forgiven by it, those after it count.
    assert found.failed_sign_in_count <= 7


def test_a_recovery_code_begins_one_session(app: Flask, world: World) -> None:
    given = switch_on(world.msp_a, START)
    answers = together(app, [giving(world.msp_a, given.recovery_codes[0])] * 8)
    assert len([token for token in answers if token is not None]) == 1
    used = select(func.count(RecoveryCode.id)).where(RecoveryCode.used_at.is_not(None))
    assert (session_count(), db.session.execute(used).scalar_one()) == (1, 1)


def test_a_set_up_is_confirmed_once_and_its_ten_codes_are_the_ones_shown(app: Flask, world: World) -> None:
    begun = second_factors.begin_set_up(viewer=world.msp_a, box=BOX, now=NOW)

    def confirming() -> Any:
        return second_factors.confirm_set_up(
            viewer=world.msp_a,
            token=begun.token,
            code=one_time_code(begun.secret, step_at(NOW)),
            kept_session=None,
            box=BOX,
            brand=BRAND,
            now=NOW,
        )

    answers = together(app, [confirming] * 8)
    assert answers.count("SecondFactorChanged") == 7
    assert db.session.execute(select(func.count(SecondFactor.id))).scalar_one() == 1
    assert db.session.execute(select(func.count(RecoveryCode.id))).scalar_one() == 10
