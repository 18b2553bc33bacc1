"""When wrong passwords lock, and when the lock is over."""

from __future__ import annotations

import datetime as dt

from domain.sign_in_locks import FAILURES_BEFORE_LOCK, LOCK_TIME, is_locked, lock_after

NOW = dt.datetime(2026, 11, 22, 3, tzinfo=dt.UTC)


def test_the_tenth_wrong_password_locks_for_fifteen_minutes() -> None:
    assert FAILURES_BEFORE_LOCK == 10
    assert dt.timedelta(minutes=15) == LOCK_TIME
    assert lock_after(9, NOW) is None
    assert lock_after(10, NOW) == lock_after(11, NOW) == NOW + LOCK_TIME


def test_a_lock_holds_until_its_instant() -> None:
    assert is_locked(NOW + dt.timedelta(microseconds=1), NOW)
    assert not is_locked(NOW, NOW)
    assert not is_locked(None, NOW)
