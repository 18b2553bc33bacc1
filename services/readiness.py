"""Whether the portal can work: the database and its schema decide, the queue is only told."""

from __future__ import annotations

from dataclasses import dataclass

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from redis import Redis, RedisError
from sqlalchemy.exc import SQLAlchemyError

from models import db

OK, AWAY, STALE, DEGRADED, OFF = "ok", "away", "not current", "degraded", "off"
_SOCKET_SECONDS = 0.5


@dataclass(frozen=True)
class Readiness:
    """The state of each part: database ok or away, schema ok or not current, queue ok, degraded or off."""

    database: str
    schema: str
    queue: str

    @property
    def is_ready(self) -> bool:
        """Whether requests can be answered."""
        return self.database == OK and self.schema == OK


def check() -> Readiness:
    """Look at each part, briefly."""
    try:
        # A connection of its own: the session may be in the middle of something.
        with db.engine.connect() as connection:
            current = set(MigrationContext.configure(connection).get_current_heads())
    except SQLAlchemyError:
        return Readiness(database=AWAY, schema=STALE, queue=_queue())
    return Readiness(database=OK, schema=OK if current == _newest() else STALE, queue=_queue())


def _newest() -> set[str]:
    folder = current_app.extensions["migrate"].directory
    return set(ScriptDirectory(folder).get_heads())


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
