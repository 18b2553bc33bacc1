"""When a mail is tried again."""

from __future__ import annotations

import datetime as dt

import pytest

from domain.mail_retries import GIVEN_UP_AFTER, wait_before_retry

MINUTE = dt.timedelta(minutes=1)


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 5), (3, 15), (4, 60), (5, 360), (6, 360)])
def test_waits_grow(attempts: int, minutes: int) -> None:
    assert wait_before_retry(attempts) == minutes * MINUTE


def test_mail_is_given_up_before_the_waits_exceed_three_days() -> None:
    waits: list[dt.timedelta] = []
    while (wait := wait_before_retry(len(waits) + 1)) is not None:
        waits.append(wait)
    assert GIVEN_UP_AFTER - dt.timedelta(hours=6) < sum(waits, dt.timedelta()) <= GIVEN_UP_AFTER


def test_a_retry_without_an_attempt_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match=r"^a retry follows an attempt$"):
        wait_before_retry(0)
