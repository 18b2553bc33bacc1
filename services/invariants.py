"""Checks the laws of `services.invariant_queries`, and that the database refuses what it must.

They run after every test, and by `flask --app app ledger verify`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from models import db
from services.invariant_queries import (
    BILLING_DATES,
    CHARGED_ITEM,
    CHECKS,
    CUT,
    FEE_LINE,
    OWED,
    PRICES_AT_CUTS,
    USERS_OVER_TIME,
)

SHOWN_ROWS = 20

_TRIGGERS = {
    "sqlite": (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        {
            "point_lines_refuse_update",
            "point_lines_refuse_delete",
            "audit_events_refuse_update",
            "audit_events_refuse_delete",
            "audit_seals_refuse_update",
            "audit_seals_refuse_delete",
            "point_balances_refuse_closed",
        },
    ),
    "postgresql": (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'",
        {
            "point_lines_append_only",
            "point_lines_refuse_truncate",
            "audit_events_append_only",
            "audit_events_refuse_truncate",
            "audit_seals_append_only",
            "audit_seals_refuse_truncate",
            "point_balances_refuse_closed",
        },
    ),
}
L4 = "L4 the database refuses changes of ledger and audit"


@dataclass(frozen=True)
class Violation:
    """A broken law and up to twenty rows that break it."""

    law: str
    rows: list[tuple[Any, ...]]


#: PostgreSQL: room for the hash tables of a year of lines, for this transaction alone.
_ROOM = "SET LOCAL work_mem = '128MB'"


def verify(told: Callable[[str, float], None] = lambda law, seconds: None) -> list[Violation]:
    """Run every check and return what is broken; empty: all invariants hold.

    `told` is called after each check with its law and the seconds that it took.
    """
    engine = db.session.get_bind().dialect.name
    if engine == "postgresql":
        db.session.execute(text(_ROOM))
    violations = []
    for law, query in CHECKS.items():
        begin = time.perf_counter()
        rows = db.session.execute(_statement(query, engine))
        found = [tuple(row) for row in rows.fetchmany(SHOWN_ROWS)]
        rows.close()
        told(law, time.perf_counter() - begin)
        if found:
            violations.append(Violation(law, found))
    query, wanted = _TRIGGERS[engine]
    missing = wanted - {row[0] for row in db.session.execute(text(query))}
    if missing:
        violations.append(Violation(L4, [(name,) for name in sorted(missing)]))
    return violations


def check_count() -> int:
    """Return how many invariants there are."""
    return len(CHECKS) + 1


def _statement(query: str, engine: str) -> Any:
    cut = CUT[engine]
    parts = {
        "prices_at_cuts": PRICES_AT_CUTS,
        "billing_dates": BILLING_DATES,
        "users_over_time": USERS_OVER_TIME,
        "fee_line": FEE_LINE,
        "charged_item": CHARGED_ITEM,
        "owed": OWED[engine],
        "date_cut": cut.format(date="b.billing_date"),
        "run_cut": cut.format(date="r.billing_date"),
        "cancellation_start": cut.format(date="c.scheduled_on"),
    }
    for name, part in parts.items():
        query = query.replace("{" + name + "}", part)
    # The engines' date functions and intervals hold colons that are no parameters.
    return text(query.replace("%H:%M:%S", "%H\\:%M\\:%S").replace("+09:00", "+09\\:00"))
