"""The only place that commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from models import db


class NestedTransaction(RuntimeError):
    """A use case opened a transaction inside another: the outer one owns the commit."""


@contextmanager
def transaction() -> Iterator[Session]:
    """Run a block as one writing transaction: committed at its end, rolled back on any exception.

    It begins afresh, so that on SQLite the write lock is taken before the first read; what was read
    before is expired.

    :raises NestedTransaction: inside another one.
    """
    session = db.session()
    if session.info.get("is_writing"):
        raise NestedTransaction
    session.rollback()
    session.info["is_writing"] = True
    try:
        session.connection(execution_options={"write": True})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info["is_writing"] = False
