"""Measure the run of a 25th and a bulk refill against the bare statements over the same rows, on both engines.

Each run has a database and a process of its own, copied from one demo, so that all begin alike; the floor is the bare
INSERT … SELECT of the same lines and the UPDATE of the same balances, committed. Seconds are this machine's: look at
the ratios, and on a machine that does other work at those of the processor, since who waits for another process's
answer a thousand times waits for a thousand turns.

    python -m benchmarks.run_of_the_25th --customers 1000000 --engine postgresql
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask_migrate import upgrade

from config import ROOT
from models import db
from services.demo import create_demo
from services.transaction import transaction
from tests.support.databases import ENGINES, START, build_app, look_after_tables
from tests.support.postgres_server import running_postgres

SMALL = 10_000
Copy = Callable[[], str]


def fill(url: str, customers: int) -> None:
    """Write a demo and let PostgreSQL look at it."""
    app = build_app(url)
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        with transaction():
            create_demo(
                customers=customers, msps=20, seed=1, password="x" * 12, brand_name="SingleID", now=START
            )
        if db.engine.dialect.name == "postgresql":
            look_after_tables()
        db.session.remove()
        db.engine.dispose()


def measured(mode: str, url: str) -> dict[str, Any]:
    """Return the figures of one mode of benchmarks/run_worker.py, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.run_worker", mode, url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{mode}: {done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def show(name: str, words: str) -> None:
    """Print one line of the report."""
    print(f"  {name:<44}{words}", flush=True)


def ratios(figures: dict[str, Any], floor: dict[str, Any]) -> str:
    """Return how many times the floor something takes, by the clock and by the processor."""
    by_clock, by_processor = (figures[name] / floor[name] for name in ("seconds", "processor"))
    return f"{by_clock:.1f} x the floor, {by_processor:.1f} x its processor time"


def show_run(name: str, figures: dict[str, Any], floor: dict[str, Any]) -> None:
    """Print seconds, rate, ratios and memory of a run."""
    seconds, accounts = figures["seconds"], figures["accounts"]
    grown = figures["peak_mb"] - figures["idle_mb"]
    show(
        name,
        f"{seconds:8.2f} s  {accounts:,} accounts, {accounts / seconds:,.0f}/s, {ratios(figures, floor)}, "
        f"memory +{grown:.0f} MB over {figures['idle_mb']:.0f}",
    )


def measure(engine: str, customers: int, copy: Copy) -> float:
    """Measure everything on copies of one demo; return microseconds an account of the run."""
    floor = measured("floor", copy())
    show(
        "bare INSERT … SELECT + UPDATE",
        f"{floor['seconds']:8.2f} s, {floor['processor']:.2f} s of a processor",
    )
    run = measured("run", copy())
    show_run("run of the 25th", run, floor)
    each = run["seconds"] / run["accounts"]
    if engine == "sqlite":
        show_run("the same with the pause between chunks", measured("paused", copy()), floor)
    single = measured("one_by_one", copy())
    single_each = single["seconds"] / single["accounts"]
    show(
        "one transaction an account, on the ORM",
        f"{single_each * 1e6:8.0f} µs an account, {single_each / each:.0f} x the run's {each * 1e6:.0f} µs",
    )
    if engine == "postgresql":
        calm, during = (measured(mode, copy()) for mode in ("additions", "additions_during_a_run"))
        show(
            "ポイント追加, 50 a second",
            f"p99 {calm['p99_ms']:.1f} ms idle, {during['p99_ms']:.1f} ms during a run of "
            f"{during['run_seconds']:.1f} s: {during['p99_ms'] / calm['p99_ms']:.1f} x  ({during['count']} of them)",
        )
    if customers >= SMALL:
        refill_floor, refill = measured("refill_floor", copy()), measured("refill", copy())
        show(
            "refill of 10,000 accounts",
            f"{refill['seconds']:8.2f} s  {refill['accounts']:,} refilled, {ratios(refill, refill_floor)}",
        )
    return each * 1e6


@contextmanager
def copies_of(engine: str, customers: int) -> Iterator[Copy]:
    """Give what makes one copy after the other of a demo; the last copy is forgotten when the next is made."""
    made = 0
    if engine == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            original, working = Path(folder) / "demo.db", Path(folder) / "copy.db"
            fill(f"sqlite:///{original}", customers)

            def copy_file() -> str:
                for suffix in ("", "-wal", "-shm"):
                    working.with_name(working.name + suffix).unlink(missing_ok=True)
                shutil.copy(original, working)
                return f"sqlite:///{working}"

            yield copy_file
        return
    with running_postgres() as server:
        fill(server.create_database("demo"), customers)

        def copy_database() -> str:
            nonlocal made
            if made:
                server.drop_database(f"copy_{made}")
            made += 1
            return server.create_database(f"copy_{made}", template="demo")

        yield copy_database


def main() -> None:
    """Measure a small demo and one of the size that was asked for, and compare what an account costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--engine", choices=[*ENGINES, "both"], default="both")
    options = parser.parse_args()
    for engine in ENGINES if options.engine == "both" else (options.engine,):
        costs = []
        for customers in sorted({SMALL, options.customers}):
            print(f"{engine}, {customers:,} customers", flush=True)
            with copies_of(engine, customers) as copy:
                costs.append(measure(engine, customers, copy))
        show("an account's cost, largest to smallest demo", f"{costs[-1] / costs[0]:.2f} x")


if __name__ == "__main__":
    main()
