"""Measure how fast a large demo is written, and how fast `ledger verify` is on it, on both engines.

The writer is compared with a bare INSERT … SELECT of the same ledger lines into an empty table of the same columns,
checks and indexes, in the same run; each invariant is timed. `--months 12`: a year of lines for every customer.

    python -m benchmarks.demo_and_verify --customers 1000000 --months 12 --engine postgresql
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from flask_migrate import upgrade
from sqlalchemy import text

from benchmarks.processor import processor_seconds
from config import ROOT
from models import db
from services import invariants
from services.demo import create_demo
from services.transaction import transaction
from tests.support.databases import ENGINES, START, build_app, look_after_tables
from tests.support.postgres_server import running_postgres

SLOW_SECONDS = 0.05
#: The same columns, types, checks, keys and indexes as the ledger, or only what the engine's copy of a table brings.
EMPTY_LEDGER = {
    "postgresql": "CREATE TEMPORARY TABLE bare_lines (LIKE point_lines INCLUDING ALL)",
    "sqlite": "CREATE TABLE bare_lines ({columns}, PRIMARY KEY (id), UNIQUE (account_id, line_number))",
}
INDEXES_ON_SQLITE = (
    "SELECT sql FROM sqlite_master WHERE tbl_name = 'point_lines' AND type = 'index' AND sql <> ''"
)


def measure(url: str, options: argparse.Namespace) -> None:
    """Measure writer, floor and checks on one database."""
    app = build_app(url)
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        begin, used = time.perf_counter(), processor_seconds()
        with transaction():
            create_demo(
                customers=options.customers,
                msps=options.msps,
                seed=1,
                password="x" * 12,
                brand_name="SingleID",
                now=START,
                months=options.months,
                progress=lambda words: print(
                    f"    {time.perf_counter() - begin:7.1f} s  {words}", flush=True
                ),
            )
        seconds, used = time.perf_counter() - begin, processor_seconds() - used
        lines = count("point_lines")
        rates = f"{options.customers / seconds:,.0f} customers/s, {lines / seconds:,.0f} lines/s"
        show("demo data", seconds, f"{used:.1f} s of a processor, {rates}")
        print(f"  {count('accounts'):,} accounts, {lines:,} lines, {count('billing_items'):,} fees")
        print(
            f"  peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,} MB"
        )
        measure_checks()
        floor, floor_used = measure_floor()
        ratios = f"the demo takes {seconds / floor:.1f} x as long, {used / floor_used:.1f} x the processor"
        show(
            "the ledger's lines alone, INSERT … SELECT", floor, f"{floor_used:.1f} s of a processor; {ratios}"
        )
        db.session.remove()
        db.engine.dispose()


def measure_floor() -> tuple[float, float]:
    """Return the seconds, and those of a processor, of copying all lines into a table like the ledger's.

    The copy is rolled back.
    """
    engine = db.engine.dialect.name
    with transaction() as session:
        session.execute(text(EMPTY_LEDGER[engine].format(columns=ledger_columns())))
        if engine == "sqlite":
            for (statement,) in session.execute(text(INDEXES_ON_SQLITE)).all():
                copy = statement.replace("point_lines", "bare_lines").replace("INDEX ", "INDEX bare_", 1)
                session.execute(text(copy))
        begin, used = time.perf_counter(), processor_seconds()
        session.execute(text("INSERT INTO bare_lines SELECT * FROM point_lines"))
        seconds, used = time.perf_counter() - begin, processor_seconds() - used
        session.rollback()
    return seconds, used


def ledger_columns() -> str:
    """Return the columns of the ledger with their types."""
    dialect = db.engine.dialect
    table = db.metadata.tables["point_lines"]
    return ", ".join(f"{column.name} {column.type.compile(dialect)}" for column in table.columns)


def measure_checks() -> None:
    """Time each invariant, and all of them."""
    if db.engine.dialect.name == "postgresql":
        look_after_tables()
    spent: dict[str, float] = {}
    begin, used = time.perf_counter(), processor_seconds()
    violations = invariants.verify(spent.__setitem__)
    seconds = time.perf_counter() - begin
    db.session.rollback()
    for law, law_seconds in sorted(spent.items(), key=lambda pair: -pair[1]):
        if law_seconds >= SLOW_SECONDS:
            show(law, law_seconds)
    more = f"{processor_seconds() - used:.1f} s of a processor, {len(violations)} broken"
    show(f"all {invariants.check_count()} invariants", seconds, more)


def count(table: str) -> int:
    """Return the number of rows of a table."""
    found: int = db.session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
    db.session.rollback()
    return found


def show(name: str, seconds: float, more: str = "") -> None:
    """Print one figure."""
    print(f"  {name:<72}{seconds:>9.2f} s  {more}", flush=True)


def main() -> None:
    """Measure the engines that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--msps", type=int, default=20)
    parser.add_argument("--months", type=int, default=None)
    parser.add_argument("--engine", choices=ENGINES, action="append")
    options = parser.parse_args()
    history = f"{options.months} months" if options.months else "the demo's usual history"
    for engine in options.engine or ENGINES:
        print(f"{engine}, {options.customers:,} customers, {history}", flush=True)
        if engine == "sqlite":
            with tempfile.TemporaryDirectory() as folder:
                measure(f"sqlite:///{Path(folder) / 'bench.db'}", options)
            continue
        with running_postgres() as server:
            measure(server.create_database("bench"), options)


if __name__ == "__main__":
    main()
