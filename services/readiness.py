"""Whether the portal can work: the database and its schema decide, the queue is only told."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from redis import Redis, RedisError
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from models import PortalSetting, db
from services.clockwork import LAST_TICK, LATE_TICK

OK, AWAY, STALE, DEGRADED, OFF = "ok", "away", "not current", "degraded", "off"
_SOCKET_SECONDS = 0.5


@dataclass(frozen=True)
class Readiness:
    """The state of each part.

    Database: ok or away; schema: ok or not current; queue: ok, degraded or off; workers: ok or degraded.
    """

    database: str
    schema: str
    queue: str
    workers: str

    @property
    def is_ready(self) -> bool:
        """Whether requests can be answered."""
        return self.database == OK and self.schema == OK


def check(*, now: dt.datetime) -> Readiness:
    """Look at each part, briefly. Workers are ok when a tick has been done lately."""
    try:
        # A connection of its own: the session may be in the middle of something.
        with db.engine.connect() as connection:
            found, newest = schema_versions(connection)
            is_current = found == newest
            ticked_at = _last_tick(connection) if is_current else None
    except SQLAlchemyError:
        return Readiness(database=AWAY, schema=STALE, queue=_queue(), workers=DEGRADED)
    return Readiness(
        database=OK,
        schema=OK if is_current else STALE,
        queue=_queue(),
        workers=OK if ticked_at is not None and now - ticked_at < LATE_TICK else DEGRADED,
    )


def _last_tick(connection: Connection) -> dt.datetime | None:
    value = connection.execute(
        select(PortalSetting.value).where(PortalSetting.name == LAST_TICK)
    ).scalar_one_or_none()
    return dt.datetime.fromisoformat(value) if value else None


def schema_versions(connection: Connection) -> tuple[set[str], set[str]]:
    """Return the version of the schema in the database, and the one that this program wants."""
    folder = current_app.extensions["migrate"].directory
    found = MigrationContext.configure(connection).get_current_heads()
    return set(found), set(ScriptDirectory(folder).get_heads())


def _queue() -> str:
    address = current_app.extensions["settings"].redis_url
    if not address:
        return OFF
    try:
        with Redis.from_url(
            address, socket_connect_timeout=_SOCKET_SECONDS, socket_timeout=_SOCKET_SECONDS
        ) as redis:
            redis.ping()
    except RedisError:
        return DEGRADED
    return OK
