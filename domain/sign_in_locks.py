"""When wrong passwords lock an administrator out, and for how long. Locked is not disabled: it passes."""

from __future__ import annotations

import datetime as dt

#: So many wrong passwords one after the other lock; a right one begins the count anew.
FAILURES_BEFORE_LOCK = 10
LOCK_TIME = dt.timedelta(minutes=15)
#: For so long a browser in which somebody signed in counts as that person's own.
BROWSER_KNOWN_FOR = dt.timedelta(days=90)


def is_locked(locked_until: dt.datetime | None, now: dt.datetime) -> bool:
    """Tell whether a lock, if there is one, still holds at an instant; at its end it does not."""
    return locked_until is not None and now < locked_until


def lock_after(failed_count: int, now: dt.datetime) -> dt.datetime | None:
    """Return until when so many wrong passwords in a row, the last one just now, lock; None: not yet."""
    return now + LOCK_TIME if failed_count >= FAILURES_BEFORE_LOCK else None
