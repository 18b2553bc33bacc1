"""Wrong passwords lock, each time for longer, and never the owner out of a browser that he used before."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select, update

from models import Administrator, AuditEvent, db
from services import one_time_links, sign_in_attempts
from services.sign_in_attempts import Attempt
from services.transaction import transaction
from tests.builders import START, World

#: Stands for the hash of the right password.
HASHED = "hash"
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def owner(world: World) -> int:
    """An administrator with a password."""
    person = world.msp_a.administrator_id
    with transaction() as session:
        session.execute(update(Administrator).values(password_hash=HASHED))
    return person


def attempt(
    owner: int, *, now: dt.datetime, is_right: bool = False, browser: str | None = None
) -> str | None:
    """Try once, as the caller's transaction does; return the token of the session that it began."""
    concluded = sign_in_attempts.conclude(
        attempt=Attempt(administrator_id=owner, matched_hash=HASHED if is_right else None),
        browser=browser,
        now=now,
        remote_address=None,
        user_agent="",
    )
    assert not isinstance(concluded, sign_in_attempts.FirstStep)
    return concluded


def lock(owner: int, now: dt.datetime) -> dt.datetime:
    """Guess wrong ten times from elsewhere; return until when that locks."""
    with transaction():
        for _attempt in range(10):
            assert attempt(owner, now=now) is None
    locked_until = person(owner).locked_until
    assert locked_until is not None
    return locked_until


def person(owner: int) -> Administrator:
    db.session.rollback()
    return db.session.get_one(Administrator, owner, populate_existing=True)


def locked_minutes(owner: int, now: dt.datetime) -> int:
    return (lock(owner, now) - now) // MINUTE


def test_a_thousand_guesses_from_elsewhere_do_not_shut_the_owner_out(owner: int) -> None:
    with transaction():
        token = attempt(owner, now=START, is_right=True)
    assert token is not None
    mark = sign_in_attempts.browser_mark(token)
    now = START
    with transaction():
        for _guess in range(1_000):
            now += MINUTE
            assert attempt(owner, now=now) is None
    found = person(owner)
    assert found.locked_until is not None
    assert found.locked_until > now
    with transaction():
        assert attempt(owner, now=now, is_right=True) is None
        assert attempt(owner, now=now, browser=mark) is None
        assert attempt(owner, now=now, is_right=True, browser=mark) is not None
    # A guess a minute, and only seventy of them counted: the rest came while a lock held.
    locks = select(AuditEvent.details).where(AuditEvent.action == "administrator.locked")
    assert len(db.session.execute(locks).all()) == found.consecutive_lock_count == 7


def test_locks_that_follow_each_other_grow_until_somebody_signs_in(owner: int) -> None:
    now, minutes = START, []
    for _lock in range(6):
        minutes.append(locked_minutes(owner, now))
        now += minutes[-1] * MINUTE
    assert minutes == [15, 30, 60, 120, 240, 240]
    with transaction():
        assert attempt(owner, now=now, is_right=True) is not None
    assert person(owner).consecutive_lock_count == 0
    assert locked_minutes(owner, now) == 15


def test_an_administrator_s_unlocking_begins_the_waits_anew(owner: int) -> None:
    assert [locked_minutes(owner, START + count * dt.timedelta(hours=1)) for count in range(2)] == [15, 30]
    with transaction():
        assert sign_in_attempts.lift_lock(person(owner), now=START + dt.timedelta(hours=1))
    assert locked_minutes(owner, START + dt.timedelta(hours=2)) == 15


def test_a_new_password_by_link_begins_the_waits_anew(owner: int) -> None:
    lock(owner, START)
    with transaction():
        token = one_time_links.create_one_time_link(administrator_id=owner, now=START)
    with transaction():
        one_time_links.use_one_time_link(token=token, password_hash=HASHED, now=START)
    found = person(owner)
    assert (found.locked_until, found.consecutive_lock_count) == (None, 0)


def test_an_owner_who_comes_from_a_known_browser_leaves_a_lock_from_elsewhere_as_it_is(owner: int) -> None:
    with transaction():
        token = attempt(owner, now=START, is_right=True)
    locked_until = lock(owner, START)
    with transaction():
        mark = sign_in_attempts.browser_mark(token or "")
        assert attempt(owner, now=START, is_right=True, browser=mark) is not None
    found = person(owner)
    assert (found.locked_until, found.consecutive_lock_count) == (locked_until, 1)
