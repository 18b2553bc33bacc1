"""The security log: one line of JSON for each refusal that may be an attack, and how many there were of each.

Lines go to the logger `portal.security` and nowhere else: no table is written, for a page that is only read changes
nothing. The counts are those of this process, since its start. Source: decision 0016.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from collections import Counter
from enum import StrEnum
from typing import Any

log = logging.getLogger("portal.security")

#: What a browser sent is cut off here: an address may be longer than any line should be.
LONGEST_TEXT = 200


class SecurityEvent(StrEnum):
    """What happened, as the line and the metric name it."""

    #: A row was asked for that exists and is not the viewer's; the answer was that of a missing one.
    ROW_FOREIGN = "row.foreign"
    #: A row was asked for that does not exist.
    ROW_MISSING = "row.missing"
    #: Signed in, but without the right to it.
    PERMISSION_REFUSED = "permission.refused"
    #: No token of the session, or a browser that says that it comes from another site.
    REQUEST_NOT_FROM_HERE = "request.not_from_here"
    #: A host name that is none of ours.
    HOST_REFUSED = "host.refused"
    #: More than a form of ours can have: too large, too many fields.
    REQUEST_TOO_LARGE = "request.too_large"
    #: A name and a password, or a code, that were not right, or were while the person is locked out.
    SIGN_IN_REFUSED = "sign_in.refused"
    #: More requests than somebody is granted.
    RATE_LIMITED = "rate.limited"
    #: Something in the queue that is no job of ours.
    JOB_REFUSED = "job.refused"


_counts: Counter[SecurityEvent] = Counter()
_turn = threading.Lock()


def write(event: SecurityEvent, *, now: dt.datetime, **facts: Any) -> None:
    """Write a line and count it. Facts that are None are left out; names of people have no place among them."""
    with _turn:
        _counts[event] += 1
    known = {name: _cut(value) for name, value in facts.items() if value is not None}
    line = {
        "event": event.value,
        "instant": now.astimezone(dt.UTC).isoformat(timespec="milliseconds"),
        **known,
    }
    log.warning("%s", as_line(line))


def as_line(facts: dict[str, Any]) -> str:
    """Return facts as one line of printable ASCII, whatever a browser put into them."""
    return json.dumps(facts, ensure_ascii=True, separators=(",", ":")).replace("\x7f", "\\u007f")


def counts() -> dict[str, int]:
    """Return how many there were of each, of all that there are, in this process."""
    with _turn:
        return {event.value: _counts[event] for event in SecurityEvent}


def _cut(value: Any) -> Any:
    return value[:LONGEST_TEXT] if isinstance(value, str) else value
