"""When a mail that was not taken is tried again, and when it is given up."""

from __future__ import annotations

import datetime as dt

_FIRST_WAITS = (
    dt.timedelta(minutes=1),
    dt.timedelta(minutes=5),
    dt.timedelta(minutes=15),
    dt.timedelta(minutes=60),
)
_LATER_WAIT = dt.timedelta(hours=6)
GIVEN_UP_AFTER = dt.timedelta(days=3)


def wait_before_retry(attempts: int) -> dt.timedelta | None:
    """Return how long to wait after a number of answered attempts (1 or more); None: give the mail up.

    The waits before the last attempt add up to at most GIVEN_UP_AFTER. Attempts are counted, not days on the
    calendar, so that a server or worker that was away for a week uses up nothing.
    """
    if attempts < 1:
        raise ValueError("a retry follows an attempt")
    waits = [*_FIRST_WAITS[:attempts]]
    waits += [_LATER_WAIT] * (attempts - len(waits))
    return waits[-1] if sum(waits, dt.timedelta()) <= GIVEN_UP_AFTER else None
