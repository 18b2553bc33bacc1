"""操作ログ: one event for every change of state, right, assignment, users or dates."""

from __future__ import annotations

import datetime as dt
from typing import Any

from domain.permissions import Viewer
from models import AuditEvent, db


def record(
    *, action: str, viewer: Viewer | None, account_id: int | None, now: dt.datetime, **details: Any
) -> None:
    """Append an event in the transaction that makes the change.

    `viewer` None: the clockwork did it. `details` are JSON values; a change is named old_… and new_….
    """
    db.session.add(
        AuditEvent(
            recorded_at=now,
            action=action,
            account_id=account_id,
            administrator_id=viewer.administrator_id if viewer else None,
            actor_name=viewer.user_name if viewer else "",
            remote_address=viewer.remote_address if viewer else None,
            details=details,
        )
    )
