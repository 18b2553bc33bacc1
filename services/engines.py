"""SQLite and PostgreSQL, where a use case has to tell them apart."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from models import db

#: SQLite's waiting writers are not queued: without a pause between its transactions long work starves the screens.
SQLITE_PAUSE_SECONDS = 0.01


def is_postgresql() -> bool:
    """Tell whether the database is PostgreSQL; otherwise it is SQLite."""
    return db.session.get_bind().dialect.name == "postgresql"


def upsert(model: type[Any]) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT that can say what to do when the row is there already (`on_conflict_…`)."""
    return postgresql.insert(model) if is_postgresql() else sqlite.insert(model)


def let_others_write() -> None:
    """Pause between two transactions of long work, where the engine needs it."""
    if not is_postgresql():
        time.sleep(SQLITE_PAUSE_SECONDS)
