"""Administrators of the demo as tests of the sign-in need them."""

from __future__ import annotations

from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import select, update

from models import Administrator, db
from services import sign_ins
from services.transaction import transaction
from tests.support.authenticator import STEP, Authenticator, switch_on
from tests.support.databases import MovableClock

PASSWORD = "correct horse battery"
#: Comparing takes as long as the stored hash says.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def administrator(app: Flask, user_name: str) -> Administrator:
    """Return an administrator as it is now."""
    with app.app_context():
        statement = select(Administrator).where(Administrator.user_name == user_name)
        return db.session.execute(statement).scalar_one()


def give_passwords(app: Flask) -> None:
    """Give everybody a password that the test knows."""
    with app.app_context(), transaction() as session:
        session.execute(update(Administrator).values(password_hash=CHEAP))


def give_second_factor(app: Flask, clock: MovableClock, user_name: str = "msp-a") -> Authenticator:
    """Give somebody a second factor, and let its first step pass."""
    with app.app_context():
        statement = select(Administrator).where(Administrator.user_name == user_name)
        viewer = sign_ins.viewer_of(db.session.execute(statement).scalar_one())
        found = switch_on(viewer, clock.now())
    clock.instant += STEP
    return found
