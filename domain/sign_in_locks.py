"""When wrong passwords lock an administrator out, and for how long. Locked is not disabled: it passes.

Each lock that follows another one is twice as long, up to the longest: who guesses on gets fewer and fewer guesses.
"""

from __future__ import annotations

import datetime as dt

#: So many wrong passwords one after the other lock; a right one begins the count anew.
FAILURES_BEFORE_LOCK = 10
SHORTEST_LOCK = dt.timedelta(minutes=15)
LONGEST_LOCK = dt.timedelta(hours=4)
_DOUBLINGS = (LONGEST_LOCK // SHORTEST_LOCK).bit_length()
#: For so long a browser in which somebody signed in counts as that person's own.
BROWSER_KNOWN_FOR = dt.timedelta(days=90)


def is_locked(locked_until: dt.datetime | None, now: dt.datetime) -> bool:
    """Tell whether a lock, if there is one, still holds at an instant; at its end it does not."""
    return locked_until is not None and now < locked_until


def lock_after(failed_count: int, now: dt.datetime, *, earlier_lock_count: int) -> dt.datetime | None:
    """Return until when so many wrong passwords in a row, the last one just now, lock; None: not yet.

    `earlier_lock_count`: the locks since somebody last signed in by the right password.
    """
    return now + lock_time(earlier_lock_count) if failed_count >= FAILURES_BEFORE_LOCK else None


def lock_time(earlier_lock_count: int) -> dt.timedelta:
    """Return how long the lock holds that comes after so many others."""
    # No power of a number that grows without end.
    doublings = min(earlier_lock_count, _DOUBLINGS)
    return min(SHORTEST_LOCK * 2**doublings, LONGEST_LOCK)
