"""Measure what the session's guard and the row policies cost, against the same pages without them.

For each page: with both, with the guard alone, with neither; in turn, and the ratio of the medians to "neither".
`python -m benchmarks.row_policies --customers 100000`; on SQLite there is the guard alone.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask_migrate import upgrade

from benchmarks.portal import timed
from config import ROOT
from domain.permissions import Viewer
from models import db
from services import row_scope
from services.customers import customers_source, shortage_summary
from services.demo import create_demo
from services.lists import ListArguments, fetch_page
from services.point_history import history_source
from services.row_guard import ACCOUNT_OF, OF_ADMINISTRATORS
from services.sign_ins import viewer_named
from services.transaction import transaction
from tests.support.databases import START, as_owner, build_app
from tests.support.postgres_server import running_postgres

TURNS = 9
TABLES = ("accounts", *(model.__tablename__ for model in (*ACCOUNT_OF, *OF_ADMINISTRATORS)))


def pages(viewer: Viewer) -> dict[str, Callable[[], Any]]:
    """Return what is measured for a viewer, each as a function of no arguments."""

    def customers(**arguments: Any) -> Callable[[], Any]:
        return lambda: fetch_page(customers_source(viewer=viewer, now=START), ListArguments(**arguments))

    return {
        "customers, first page": customers(),
        "customers, sorted by estimate": customers(sort="estimated_balance"),
        "customers, search of four characters": customers(search="青葉商事"),
        "customers, search of two characters": customers(search="青葉"),
        "headline": lambda: shortage_summary(viewer=viewer, now=START),
        "point history, first page": lambda: fetch_page(history_source(viewer=viewer), ListArguments()),
    }


@contextmanager
def policies_off() -> Iterator[None]:
    """Take the policies away for a block, as only the schema's owner can."""
    _each_table("DISABLE")
    try:
        yield
    finally:
        _each_table("ENABLE")


def _each_table(verb: str) -> None:
    db.session.rollback()
    if db.engine.dialect.name == "postgresql":
        with as_owner() as connection:
            for table in TABLES:
                connection.exec_driver_sql(f"ALTER TABLE {table} {verb} ROW LEVEL SECURITY")


def median(work: Callable[[], Any], scope: row_scope.RowScope) -> float:
    """Return the median seconds of a page under a scope, in a transaction of its own each time."""
    seconds = []
    with row_scope.scoped(scope):
        for _turn in range(TURNS):
            db.session.rollback()
            seconds.append(timed(work)[0])
    return statistics.median(seconds)


def measure(url: str, customers: int) -> None:
    """Measure everything on one database."""
    app = build_app(url)
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        with transaction():
            create_demo(
                customers=customers, msps=20, seed=1, password="x" * 12, brand_name="SingleID", now=START
            )
        if db.engine.dialect.name == "postgresql":
            with as_owner() as connection:
                connection.exec_driver_sql("ANALYZE")
        for user_name in ("msp-a", "distributor"):
            viewer = viewer_named(user_name)
            assert viewer is not None
            measure_viewer(viewer)
        db.session.remove()
        db.engine.dispose()


def measure_viewer(viewer: Viewer) -> None:
    """Measure the pages of one viewer."""
    own = row_scope.of_viewer(viewer)
    for name, work in pages(viewer).items():
        work()
        both = median(work, own)
        with policies_off():
            guard = median(work, own)
            neither = median(work, row_scope.EVERYTHING)
        print(
            f"  {viewer.user_name + ': ' + name:<52}{neither * 1000:>9,.1f} ms   guard {guard / neither:>5.2f} ×   "
            f"guard and policies {both / neither:>5.2f} ×",
            flush=True,
        )


def main() -> None:
    """Measure both engines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    customers = parser.parse_args().customers
    with tempfile.TemporaryDirectory() as folder:
        print(f"SQLite, {customers:,} customers")
        measure(f"sqlite:///{Path(folder) / 'bench.db'}", customers)
    with running_postgres() as server:
        print(f"PostgreSQL, {customers:,} customers")
        measure(server.create_database("bench"), customers)


if __name__ == "__main__":
    main()
