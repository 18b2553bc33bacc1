"""Between a 25th's work list and the changes that it depends on: each is wholly before or wholly after.

Users, provisioning and cancellations decide who is charged what as of a cut. A change that read the clock just
before the cut and commits just after the list was written would be missed by it; so changes pass a gate that
the writing of a list closes, and one that comes late counts from just after the cut.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select, text

from domain.billing_calendar import billing_instant
from models import BillingRun, db
from services.engines import is_postgresql

_KEY = 25_000_000
_JUST_AFTER = dt.timedelta(microseconds=1)


def pass_gate(now: dt.datetime) -> dt.datetime:
    """Wait for a list that is being written; return the instant from which a change counts (≥ now).

    Call it before any row is locked. On SQLite every writing transaction is alone already.
    """
    if is_postgresql():
        db.session.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": _KEY})
    newest = db.session.execute(select(func.max(BillingRun.billing_date))).scalar()
    return now if newest is None else max(now, billing_instant(newest) + _JUST_AFTER)


def close_gate() -> None:
    """Wait for the changes under way and keep new ones out until the transaction ends."""
    if is_postgresql():
        db.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _KEY})
