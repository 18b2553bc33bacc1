"""The database handle, the column types of our own, and how connections begin."""

from __future__ import annotations

import datetime as dt
import sqlite3
from enum import StrEnum
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    event,
    make_url,
)
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

#: 64-bit numbers; on SQLite an integer primary key must be INTEGER to number itself.
BigInt = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """Parent of every table."""

    metadata = MetaData(naming_convention=NAMING)


db = SQLAlchemy(model_class=Base)


#: A client that is gone without a word (its host lost its power) gives its locks back within a minute, not
#: after the two hours of TCP; one that was killed while it waited for a lock, within ten seconds.
_NOTICE_THE_DEAD = (
    "-c tcp_keepalives_idle=20 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3 "
    "-c client_connection_check_interval=10s"
)


#: Whoever writes to SQLite waits so long for the one that does, if it does not say otherwise.
SQLITE_LOCK_SECONDS = 30


def engine_options(database_url: str) -> dict[str, Any]:
    """Return how connections are kept; an `options` in the address itself takes the place of ours."""
    url = make_url(database_url)
    # A connection that a restarted database has forgotten is replaced before anybody's request meets it.
    kept: dict[str, Any] = {"pool_pre_ping": True}
    if url.get_backend_name() == "postgresql" and "options" not in url.query:
        kept["connect_args"] = {"options": _NOTICE_THE_DEAD}
    return kept


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An instant: aware on both sides, kept in UTC; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Turn an aware instant into what the engine keeps."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive instant cannot be kept")
        utc = value.astimezone(dt.UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Turn what the engine kept into an aware instant."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class EnumText(TypeDecorator[Any]):
    """A StrEnum kept as its value."""

    impl = String(40)
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__(40)
        self.enum = enum
        self._members = {member.value: member for member in enum}

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Refuse what is no member, keep the member's value."""
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:
        """Return the member."""
        return None if value is None else self._members[value]


def is_one_of(column: str, enum: type[StrEnum]) -> CheckConstraint:
    """Return the check constraint that a column holds a member of an enum."""
    members = ", ".join(f"'{member.value}'" for member in enum)
    return CheckConstraint(f"{column} IN ({members})", name=f"{column}_known")


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, record: Any) -> None:
    """Make SQLite behave: write-ahead log, foreign keys, waiting instead of failing, our own BEGIN."""
    if isinstance(connection, sqlite3.Connection):
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            f"busy_timeout={SQLITE_LOCK_SECONDS * 1000}",
            "foreign_keys=ON",
            "recursive_triggers=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    """Begin as is meant: on SQLite for writing at once, since a read that turns into a write fails without waiting.

    `lock_seconds` is how long the transaction waits for a lock.
    """
    options = connection.get_execution_options()
    is_writing, lock_seconds = options.get("write"), options.get("lock_seconds")
    if connection.dialect.name == "sqlite":
        if is_writing:
            _wait_on_sqlite(connection, lock_seconds or SQLITE_LOCK_SECONDS)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")
    elif lock_seconds:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {lock_seconds * 1000:.0f}")


def _wait_on_sqlite(connection: Connection, seconds: float) -> None:
    """Set how long a connection waits, if it is not set so already: it stays for its next transactions."""
    if connection.info.get("lock_seconds", SQLITE_LOCK_SECONDS) != seconds:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
        connection.info["lock_seconds"] = seconds
