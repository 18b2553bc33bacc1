"""Databases for tests: migrated once for each engine, copied for each test."""

from __future__ import annotations

import atexit
import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Connection, NullPool, create_engine

from app import create_app
from config import EXAMPLE_CONTACT, ROOT, RateLimits, Settings
from models import db
from services import row_scope
from services.demo import create_demo
from services.transaction import transaction
from tests.support.postgres_server import APPLICATION, OWNER, PostgresServer
from tests.support.tenant_trees import fill_trees

#: Where the clock of tests starts: a Friday, five days before a 25th.
START = dt.datetime(2026, 11, 20, 1, 0, tzinfo=dt.UTC)
PASSWORD = "demo-password-1"
CUSTOMERS = 40
ENGINES = ("sqlite", "postgresql")


#: Templates are compiled once for all the applications of a run.
TEMPLATES = FileSystemBytecodeCache(tempfile.mkdtemp(prefix="portal-templates-"))


@atexit.register
def _forget_templates(made_by: int = os.getpid()) -> None:
    """Delete them at the end of this process, not of one that it forks."""
    if os.getpid() == made_by:
        shutil.rmtree(TEMPLATES.directory, ignore_errors=True)


class MovableClock:
    """The only thing that tests fake."""

    def __init__(self, instant: dt.datetime = START) -> None:
        self.instant = instant

    def now(self) -> dt.datetime:
        """Return the instant that the test has set."""
        return self.instant


def owner_url(database_url: str) -> str:
    """Return the address of the schema's owner for that of the application."""
    return database_url.replace(f"//{APPLICATION}@", f"//{OWNER}@")


@contextmanager
def as_owner() -> Iterator[Connection]:
    """Give a transaction of the schema's owner beside the application's, committed at its end."""
    engine = create_engine(owner_url(db.engine.url.render_as_string(hide_password=False)), poolclass=NullPool)
    with engine.begin() as connection:
        yield connection


def look_after_tables() -> None:
    """Do what PostgreSQL's own housekeeping does some minutes after many rows were written."""
    address = owner_url(db.engine.url.render_as_string(hide_password=False))
    engine = create_engine(address, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def test_settings(database_url: str) -> Settings:
    """Return settings for a database; mails are kept."""
    return Settings(
        database_url=database_url,
        database_owner_url=owner_url(database_url),
        secret_key="a-secret-of-tests-0123456789-abcdef",
        environment="demo",
        demo_customers=CUSTOMERS,
        demo_password=PASSWORD,
        portal_url="http://127.0.0.1:8000",
        security_contacts=EXAMPLE_CONTACT,
        # One application serves all tests, at the speed of the machine.
        rate_limits=RateLimits.off(),
    )


def build_app(database_url: str, settings: Settings | None = None) -> Flask:
    """Return the real application over a database, with a clock that the test moves.

    What the test itself does acts for the portal; each request has the rows of who is signed in.
    """
    row_scope.act_for_the_portal()
    app = create_app(settings or test_settings(database_url))
    app.extensions["clock"] = MovableClock()
    app.testing = True
    app.jinja_env.bytecode_cache = TEMPLATES
    return app


@dataclass
class DatabaseFactory:
    """Makes databases of one engine: `empty` is migrated, `demo` has the demo data, `trees` two of it, marked."""

    engine: str
    folder: Path
    postgres: PostgresServer | None = None
    templates: dict[str, str] = field(default_factory=dict)
    made: int = 0

    def create(self, content: str) -> str:
        """Return the address of a fresh database with a content."""
        if content not in self.templates:
            self.templates[content] = self._make_template(content)
        self.made += 1
        template = self.templates[content]
        if self.postgres is not None:
            return self.postgres.create_database(f"test_{self.made}", template=template)
        path = self.folder / f"test_{self.made}.db"
        shutil.copy(template, path)
        return f"sqlite:///{path}"

    def drop(self, url: str) -> None:
        """Forget a database."""
        name = url.rpartition("/")[2]
        if self.postgres is not None:
            self.postgres.drop_database(name)
            return
        for suffix in ("", "-wal", "-shm"):
            (self.folder / f"{name}{suffix}").unlink(missing_ok=True)

    def _make_template(self, content: str) -> str:
        name = f"template_{content}"
        if self.postgres is not None:
            self._fill(self.postgres.create_database(name), FILLERS[content])
            return name
        path = self.folder / f"{name}.db"
        self._fill(f"sqlite:///{path}", FILLERS[content])
        return str(path)

    def _fill(self, url: str, fill: Callable[[], None]) -> None:
        app = build_app(url)
        with app.app_context():
            upgrade(directory=str(ROOT / "migrations"))
            fill()
            if self.engine == "sqlite":
                # Everything into the one file that is copied.
                db.session.remove()
                with db.engine.connect() as connection:
                    connection.exec_driver_sql("COMMIT")
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                    connection.exec_driver_sql("BEGIN")
            db.session.remove()
            db.engine.dispose()


def _fill_demo() -> None:
    with transaction():
        create_demo(customers=CUSTOMERS, msps=2, seed=1, password=PASSWORD, brand_name="SingleID", now=START)


def _fill_nothing() -> None:
    return None


def _fill_trees() -> None:
    fill_trees(now=START, password=PASSWORD)


FILLERS: dict[str, Callable[[], None]] = {"empty": _fill_nothing, "demo": _fill_demo, "trees": _fill_trees}
