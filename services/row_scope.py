"""Whose rows the code that runs now may touch at all, whatever it asks for: the net below services/access.py.

A request acts for one account: its own row and those below it. What happens before sign-in, and what acts for the
portal itself (the clockwork, the command line), says so. Where nobody said anything there are no rows.
services/row_guard.py holds the ORM to it, on PostgreSQL the row policies hold every statement to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from domain.permissions import AccountType, Viewer
from models import db


class Reach(StrEnum):
    """How far a scope reaches; the words are those that the row policies compare with."""

    NOTHING = "nothing"
    #: Those who might sign in, their sessions and links, and what is written about them.
    BEFORE_SIGN_IN = "before_sign_in"
    #: One account: its own rows and those of the accounts below it.
    ACCOUNT = "account"
    EVERYTHING = "everything"


@dataclass(frozen=True)
class RowScope:
    """Which rows there are; `account_id` is set for Reach.ACCOUNT alone."""

    reach: Reach
    account_id: int | None = None


NOTHING = RowScope(Reach.NOTHING)
BEFORE_SIGN_IN = RowScope(Reach.BEFORE_SIGN_IN)
EVERYTHING = RowScope(Reach.EVERYTHING)

_current: ContextVar[RowScope | None] = ContextVar("row_scope", default=None)
_of_process = NOTHING
_SET = text("SELECT set_config('portal.scope', :reach, true), set_config('portal.account', :account, true)")


def current() -> RowScope:
    """Return the scope of the code that runs now."""
    return _current.get() or _of_process


def of_viewer(viewer: Viewer) -> RowScope:
    """Return the scope of a person who is signed in; the operator's people see every account."""
    if viewer.account_type is AccountType.OPERATOR:
        return EVERYTHING
    return RowScope(Reach.ACCOUNT, viewer.account_id)


def act_for_the_portal() -> None:
    """Let this process touch all rows wherever no request says otherwise: a worker, a timetable, a command."""
    global _of_process
    _of_process = EVERYTHING


def leave() -> None:
    """Forget the scope of a request that is answered; its transaction ends with it."""
    _current.set(None)


def enter(scope: RowScope | None) -> None:
    """Set the scope from now on; None: that of the process. A transaction that has begun goes on under it."""
    _current.set(scope)
    session = db.session.registry() if db.session.registry.has() else None
    if session is not None and session.in_transaction() and session.is_active:
        try:
            connection = session.connection()
        except OperationalError:
            # The database is away: there is nothing to tell now, and the next transaction begins anew.
            return
        tell_database(connection)


@contextmanager
def scoped(scope: RowScope) -> Iterator[None]:
    """Run a block under a scope."""
    before = _current.get()
    enter(scope)
    try:
        yield
    finally:
        enter(before)


@contextmanager
def beyond(reason: str) -> Iterator[None]:
    """Run a block that has to look beyond the viewer's rows; `reason` tells the reader why it may.

    Before sign-in and for the portal itself nothing changes. Rows that were added before belong to the narrower
    scope: they are flushed under it.
    """
    if current().reach is not Reach.ACCOUNT:
        yield
        return
    if not reason:
        raise ValueError("looking beyond one's rows needs a reason")
    db.session.flush()
    with scoped(EVERYTHING):
        yield


def tell_database(connection: Connection) -> None:
    """Tell PostgreSQL the scope until the end of the transaction; on SQLite there is nothing to tell.

    A transaction that has failed takes no statement: it is rolled back, and the next one begins anew.
    """
    if connection.dialect.name != "postgresql" or _has_failed(connection):
        return
    scope = current()
    account = "" if scope.account_id is None else str(scope.account_id)
    connection.execute(_SET, {"reach": scope.reach.value, "account": account})


def _has_failed(connection: Connection) -> bool:
    driver: Any = connection.connection.dbapi_connection
    return bool(driver.info.transaction_status.name == "INERROR")
