"""When wrong passwords lock, and when the lock is over."""

from __future__ import annotations

import datetime as dt

from domain.sign_in_locks import FAILURES_BEFORE_LOCK, is_locked, lock_after, lock_time

NOW = dt.datetime(2026, 11, 22, 3, tzinfo=dt.UTC)


def test_the_tenth_wrong_password_locks_for_fifteen_minutes() -> None:
    assert FAILURES_BEFORE_LOCK == 10
    assert lock_after(9, NOW, earlier_lock_count=0) is None
    assert lock_after(10, NOW, earlier_lock_count=0) == NOW + dt.timedelta(minutes=15)
    assert lock_after(11, NOW, earlier_lock_count=2) == NOW + dt.timedelta(hours=1)


def test_each_lock_after_another_is_twice_as_long_up_to_four_hours() -> None:
    minutes = [lock_time(count) // dt.timedelta(minutes=1) for count in (0, 1, 2, 3, 4, 5, 10**9)]
    assert minutes == [15, 30, 60, 120, 240, 240, 240]


def test_a_lock_holds_until_its_instant() -> None:
    assert is_locked(NOW + dt.timedelta(microseconds=1), NOW)
    assert not is_locked(NOW, NOW)
    assert not is_locked(None, NOW)
