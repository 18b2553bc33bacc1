"""The only place that commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from domain.errors import DomainError
from models import db
from services import row_guard  # noqa: F401 - importing it puts the guard in place
from services.engines import is_lock_timeout


class NestedTransaction(RuntimeError):
    """A use case opened a transaction inside another: the outer one owns the commit."""


class InUse(DomainError):
    """Something else holds a lock that this transaction needs, longer than it waits. Nothing was changed."""

    http_status = 503


def wait_for_locks(seconds: float) -> None:
    """Let the transactions of this session wait so long for a lock; usually they wait as long as it is held."""
    db.session().info["lock_seconds"] = seconds


@contextmanager
def transaction(*, lock_seconds: float | None = None) -> Iterator[Session]:
    """Run a block as one writing transaction: committed at its end, rolled back on any exception.

    It begins afresh, so that on SQLite the write lock is taken before the first read; what was read
    before is expired. `lock_seconds` takes the place of what `wait_for_locks` has said.

    :raises NestedTransaction: inside another one.
    :raises InUse: when a lock is held longer than this one may wait.
    """
    session = db.session()
    if session.info.get("is_writing"):
        raise NestedTransaction
    session.rollback()
    session.info["is_writing"] = True
    patience = lock_seconds or session.info.get("lock_seconds")
    try:
        session.connection(execution_options={"write": True, "lock_seconds": patience})
        yield session
        session.commit()
    except BaseException as error:
        session.rollback()
        if patience and isinstance(error, OperationalError) and is_lock_timeout(error):
            raise InUse from error
        raise
    finally:
        session.info["is_writing"] = False
