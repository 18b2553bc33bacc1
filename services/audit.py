"""操作ログ: one event for every change of state, right, assignment, users or dates.

A movement of points has an event in the log of each account that it touches. The fees of a 25th are the
exception: they are nobody's operation and as many as there are accounts, so the run has its two events and the
ledger has each fee, with its instant and reason.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, BigInteger, Text, cast, insert, literal, select

from domain.permissions import Viewer
from models import AuditEvent, db
from services.engines import is_postgresql
from services.sent_rows import sent_rows


def record(
    *, action: str, viewer: Viewer | None, account_id: int | None, now: dt.datetime, **details: Any
) -> None:
    """Append an event in the transaction that makes the change.

    `viewer` None: the clockwork did it. `details` are JSON values; a change is named old_… and new_….
    """
    db.session.add(AuditEvent(**_row(action, viewer, account_id, now, details)))


def record_many(
    *,
    action: str,
    viewer: Viewer | None,
    now: dt.datetime,
    details: Mapping[int, Mapping[str, Any]],
) -> None:
    """Append one event for each account of a run over many, in one statement; `details` by account id."""
    if not details:
        return
    # SQLite gets all rows as one JSON text, in which each one's details may stand as they are.
    kept = json.dumps if is_postgresql() else dict
    sent = sent_rows(
        [(account_id, kept(found)) for account_id, found in details.items()],
        {"account_id": BigInteger(), "details": Text()},
    )
    same = _row(action, viewer, None, now, {})
    columns = [name for name in same if name not in ("account_id", "details")]
    rows = select(
        sent.c.account_id,
        cast(sent.c.details, JSON) if is_postgresql() else sent.c.details,
        *(literal(same[name], AuditEvent.__table__.c[name].type) for name in columns),
    ).order_by(sent.c.position)
    names = ["account_id", "details", *columns]
    db.session.execute(insert(AuditEvent).from_select(names, rows, include_defaults=False))


def _row(
    action: str, viewer: Viewer | None, account_id: int | None, now: dt.datetime, details: dict[str, Any]
) -> dict[str, Any]:
    return {
        "recorded_at": now,
        "action": action,
        "account_id": account_id,
        "administrator_id": viewer.administrator_id if viewer else None,
        "actor_name": viewer.user_name if viewer else "",
        "remote_address": viewer.remote_address if viewer else None,
        "details": details,
    }
