"""Measure lists, a refill and a tick on a demo of many customers, on both engines, in seconds of this machine.

`CUSTOMERS=1000000 make bench` for more. The run itself: benchmarks/run_of_the_25th.py.
"""

from __future__ import annotations

import datetime as dt
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask_migrate import upgrade

from config import ROOT
from models import db
from services import clockwork, refills
from services.customers import customers_source, shortage_summary
from services.demo import create_demo
from services.lists import ListArguments, fetch_page, matching_ids
from services.sign_ins import viewer_named
from services.transaction import transaction
from tests.builders import SETTINGS, request_id, tokyo
from tests.support.databases import START, build_app
from tests.support.postgres_server import running_postgres

CUSTOMERS = int(os.environ.get("CUSTOMERS", "100000"))
JUST = dt.timedelta(microseconds=1)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that a piece of work takes, and its result."""
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


def show(name: str, seconds: float, more: str = "") -> None:
    """Print one figure."""
    print(f"  {name:<46}{seconds * 1000:>12,.1f} ms  {more}", flush=True)


def measure(url: str) -> None:
    """Measure everything on one database."""
    app = build_app(url)
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        seconds, _result = timed(fill)
        show(f"demo data, {CUSTOMERS:,} customers", seconds, f"{CUSTOMERS / seconds:,.0f} customers/s")
        measure_lists()
        measure_refill()
        measure_tick()
        db.session.remove()
        db.engine.dispose()


def fill() -> None:
    """Write the demo; on PostgreSQL the planner then wants to know what is there."""
    with transaction():
        create_demo(customers=CUSTOMERS, msps=20, seed=1, password="x" * 12, brand_name="SingleID", now=START)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE")


def measure_lists() -> None:
    """Measure pages of the list as an MSP and as the distributor sees it."""
    wanted: dict[str, dict[str, Any]] = {
        "first page": {},
        "sorted by estimate": {"sort": "estimated_balance"},
        "search of two characters": {"search": "青葉"},
        "only short ones": {"filters": {"short": True}},
    }
    for user_name in ("msp-a", "distributor"):
        viewer = viewer_named(user_name)
        assert viewer is not None
        for name, arguments in wanted.items():
            source = customers_source(viewer=viewer, now=START)
            runs = [timed(lambda: fetch_page(source, ListArguments(**arguments))) for _turn in range(7)]  # noqa: B023
            show(
                f"{user_name}: {name}",
                statistics.median(seconds for seconds, _page in runs),
                f"{runs[0][1].total:,} rows",
            )
        seconds, _result = timed(lambda: shortage_summary(viewer=viewer, now=START))  # noqa: B023
        show(f"{user_name}: headline", seconds)


def measure_refill() -> None:
    """Measure plan and execution of a refill of up to 1,000 short customers, whatever their MSP's stock."""
    viewer = viewer_named("distributor")
    assert viewer is not None
    source = customers_source(viewer=viewer, now=START)
    arguments = ListArguments(filters={"short": True, "users": (None, 12)})
    ids = matching_ids(source, arguments, 10**6)[:1_000]
    seconds, plan = timed(
        lambda: refills.plan_refill(viewer=viewer, account_ids=ids, now=START, as_far_as_possible=True)
    )
    show(f"refill plan of {len(ids):,}", seconds)

    def execute() -> refills.RefillResult:
        with transaction():
            return refills.refill(
                viewer=viewer,
                account_ids=ids,
                digest=plan.digest,
                request_id=request_id(),
                now=START,
                as_far_as_possible=True,
            )

    seconds, result = timed(execute)
    show("refill", seconds, f"{result.refilled_count:,} accounts")


def measure_tick() -> None:
    """Measure all that a worker does just before a 25th: leavers, mails, suspensions."""
    cut = tokyo("2026-11-25T00:00:00")
    seconds, _report = timed(lambda: clockwork.run_due_work(now=cut - JUST, settings=SETTINGS))
    show("tick before the 25th: leavers, mails, suspensions", seconds)


def main() -> None:
    """Measure both engines."""
    with tempfile.TemporaryDirectory() as folder:
        print(f"SQLite, {CUSTOMERS:,} customers")
        measure(f"sqlite:///{Path(folder) / 'bench.db'}")
    with running_postgres() as server:
        print(f"PostgreSQL, {CUSTOMERS:,} customers")
        measure(server.create_database("bench"))


if __name__ == "__main__":
    main()
