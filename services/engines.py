"""SQLite and PostgreSQL, where a use case has to tell them apart."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from models import db

#: SQLite's waiting writers are not queued: without a pause between its transactions long work starves the screens.
SQLITE_PAUSE_SECONDS = 0.01
#: PostgreSQL's code of a lock that was not to be had within lock_timeout.
_LOCK_NOT_AVAILABLE = "55P03"


def is_postgresql() -> bool:
    """Tell whether the database is PostgreSQL; otherwise it is SQLite."""
    return db.session.get_bind().dialect.name == "postgresql"


def upsert(model: type[Any]) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT that can say what to do when the row is there already (`on_conflict_…`)."""
    return postgresql.insert(model) if is_postgresql() else sqlite.insert(model)


def is_lock_timeout(error: OperationalError) -> bool:
    """Tell whether a statement failed because something else held a lock for longer than it waited."""
    if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
        return True
    # The lowest byte is the code itself, the others say more of it.
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def let_others_write() -> None:
    """Pause between two transactions of long work, where the engine needs it."""
    if not is_postgresql():
        time.sleep(SQLITE_PAUSE_SECONDS)
