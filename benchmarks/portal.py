"""Measure lists, a refill, the run of a 25th and the invariants on a demo of many customers, on both engines.

Prints seconds of this machine and, for the run, the ratio to the bare INSERT … SELECT and UPDATE of as many rows
of the same tables in the same run. `CUSTOMERS=1000000 make bench` for more.
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
from sqlalchemy import text

from config import ROOT
from domain.billing_calendar import tokyo_date
from models import db
from services import billing_runs, clockwork, invariants, refills, run_work
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
#: What the run has to write at the least: the same lines and balances, in the same tables, in one piece.
FLOOR_ROWS = (
    "CREATE TEMPORARY TABLE floor_rows AS SELECT b.account_id, b.last_line_number + 1 AS line_number, "
    "b.point_balance - 10 AS balance_after FROM point_balances b JOIN accounts a ON a.id = b.account_id "
    "WHERE a.account_type IN ('customer', 'msp', 'support') AND NOT b.is_closed"
)
FLOOR_DATE, FLOOR_NOW = "CAST('2026-11-25' AS date)", "CAST('2026-11-24 15:00:00+00' AS timestamptz)"
FLOOR_STATEMENTS = (
    "INSERT INTO point_lines (account_id, line_number, kind, points, balance_after, recorded_at, billing_date, "
    "actor_name) SELECT account_id, line_number, 'monthly_fee', -10, balance_after, {now}, {date}, '' "
    "FROM floor_rows",
    "UPDATE point_balances SET point_balance = f.balance_after, last_line_number = f.line_number, "
    "negative_since = CASE WHEN f.balance_after < 0 THEN coalesce(negative_since, {now}) END "
    "FROM floor_rows f WHERE f.account_id = point_balances.account_id",
)


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
        measure_run()
        seconds, broken = timed(invariants.verify)
        show("ledger verify", seconds, f"{len(broken)} broken")
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
    """Measure pages of the list as a reseller and as the distributor sees it."""
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


def measure_run() -> None:
    """Measure the run of a 25th, work list included, against the bare statements over the same rows."""
    cut = tokyo("2026-11-25T00:00:00")
    seconds, _report = timed(lambda: clockwork.run_due_work(now=cut - JUST, settings=SETTINGS))
    show("tick before the 25th: leavers, mails, suspensions", seconds)
    floor = measure_floor()
    seconds, count = timed(lambda: run_billing(cut))
    show(
        "run of the 25th",
        seconds,
        f"{count:,} accounts, {count / seconds:,.0f}/s, {seconds / floor:.1f} x the bare statements",
    )


def measure_floor() -> float:
    """Return the seconds of the bare INSERT … SELECT and UPDATE, which are then rolled back."""
    values = {"now": "'2026-11-24 15:00:00.000000'", "date": "'2026-11-25'"}
    if db.engine.dialect.name == "postgresql":
        values = {"now": FLOOR_NOW, "date": FLOOR_DATE}
    with db.engine.connect().execution_options(write=True) as connection:
        connection.execute(text(FLOOR_ROWS))
        connection.commit()
        seconds, _result = timed(
            lambda: [connection.execute(text(each.format(**values))) for each in FLOOR_STATEMENTS]
        )
        connection.rollback()
        connection.execute(text("DROP TABLE floor_rows"))
        connection.commit()
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM point_lines, point_balances")
    return seconds


def run_billing(now: dt.datetime) -> int:
    """Write the work list and post every chunk; return how many accounts were charged."""
    with transaction():
        run_id = billing_runs.list_run(billing_date=tokyo_date(now), now=now).id
    total = 0
    while (posted := run_work.post_next_chunk(run_id=run_id, now=now)) is not None:
        total += posted.charged_count
    with transaction():
        billing_runs.finish_run(run_id=run_id, now=now)
    return total


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
