"""One prepared database, copied again and again to the same address."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from models import db
from tests.support.databases import DatabaseFactory, build_app

LEAVING_SECONDS = 10.0


@dataclass
class CopiedDatabase:
    """A database that is made anew, as it was prepared, at `url`; `facts` is what the preparation returned."""

    databases: DatabaseFactory
    source_url: str
    url: str
    facts: Any

    def renew(self, *, zone: str = "UTC") -> None:
        """Put the prepared state at the address, whoever was connected there; sessions there are of a zone."""
        source, copy = (url.rpartition("/")[2] for url in (self.source_url, self.url))
        server = self.databases.postgres
        if server is not None:
            server.create_database(copy, template=source)
            statement = sql.SQL("ALTER DATABASE {} SET TimeZone = {}").format(sql.Identifier(copy), zone)
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                connection.execute(statement)
            return
        self.databases.drop(self.url)
        shutil.copy(self.databases.folder / source, self.databases.folder / copy)

    def wait_until_left(self) -> None:
        """Wait until the server has noticed that the processes which were connected are dead.

        Until then it keeps their locks, and what they had locked would be passed over.
        """
        server = self.databases.postgres
        if server is None:
            return
        deadline = time.monotonic() + LEAVING_SECONDS
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            while connection.execute(count, [self.url.rpartition("/")[2]]).fetchone() != (0,):
                assert time.monotonic() < deadline, "the server keeps the connections of dead processes"
                time.sleep(0.002)

    def forget(self) -> None:
        """Drop the copy and what it was copied from."""
        self.databases.drop(self.url)
        self.databases.drop(self.source_url)


def prepare_copied(databases: DatabaseFactory, name: str, prepare: Callable[[], Any]) -> CopiedDatabase:
    """Return a database that `prepare` has filled, from the schema alone, within the application."""
    source_url = databases.create("empty")
    app = build_app(source_url)
    with app.app_context():
        facts = prepare()
        db.session.remove()
        if databases.engine == "sqlite":
            # Everything into the one file that is copied.
            with db.engine.connect() as connection:
                connection.exec_driver_sql("COMMIT")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.exec_driver_sql("BEGIN")
        db.engine.dispose()
    folder = "" if databases.postgres is not None else str(Path(databases.folder))
    url = source_url.rpartition("/")[0] + f"/{name}" + (".db" if folder else "")
    return CopiedDatabase(databases, source_url, url, facts)
