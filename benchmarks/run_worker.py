"""One measurement of benchmarks/run_of_the_25th.py in a process of its own: prints its figures as JSON."""

from __future__ import annotations

import datetime as dt
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select, text

from benchmarks.refill_of_ten_thousand import (
    LINE,
    literals,
    msp_a,
    refill,
    refill_floor,
    running_customers,
    timed,
    weighed,
)
from domain.permissions import CHARGED_TYPES, Viewer
from domain.points import PointKind
from models import Account, BillingItem, PointBalance, db
from models.billing import ItemState
from services import billing_runs, engines, ledger, points, prices, run_work
from services.transaction import transaction
from tests.builders import request_id, tokyo
from tests.support.databases import START, build_app

CUT = tokyo("2026-11-25T00:00:00")
BILLING_DATE = dt.date(2026, 11, 25)
SINGLES = 2_000
ADDITIONS = 500
ADDITIONS_A_SECOND = 50


def peak_mb() -> float:
    """Return the largest memory that this process has had, in MB; its ru_maxrss begins with its parent's."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


def floor() -> dict[str, float]:
    """Write the lines and balances of the run in two bare statements, in one transaction."""
    words = literals()
    with transaction() as session:
        session.execute(
            text(
                "CREATE TEMPORARY TABLE floor_rows AS SELECT b.account_id, b.last_line_number + 1 AS line_number, "
                "b.point_balance - 10 AS balance_after FROM point_balances b JOIN accounts a ON a.id = b.account_id "
                "WHERE a.account_type IN ('customer', 'msp', 'support') AND NOT b.is_closed"
            )
        )

    def write() -> None:
        with transaction() as session:
            session.execute(
                text(
                    f"INSERT INTO point_lines ({LINE}, billing_date) SELECT account_id, line_number, 'monthly_fee', "
                    f"-10, balance_after, {words['now']}, '', {words['date']} FROM floor_rows"
                )
            )
            session.execute(
                text(
                    "UPDATE point_balances SET point_balance = f.balance_after, last_line_number = f.line_number, "
                    "negative_since = CASE WHEN f.balance_after < 0 "
                    f"THEN coalesce(negative_since, {words['now']}) END "
                    "FROM floor_rows f WHERE f.account_id = point_balances.account_id"
                )
            )

    return weighed(write)[0]


def charge(pause_seconds: float = 0) -> dict[str, float]:
    """Carry out the run as a worker does: work list, chunks, end."""
    # What a worker has done before: connected, and read.
    db.session.execute(select(Account.id).limit(1)).all()
    idle = peak_mb()

    def work() -> int:
        with transaction():
            run_id = billing_runs.list_run(billing_date=BILLING_DATE, now=CUT).id
        total = 0
        while (posted := run_work.post_next_chunk(run_id=run_id, now=CUT)) is not None:
            total += posted.charged_count
            time.sleep(pause_seconds)
        with transaction():
            billing_runs.finish_run(run_id=run_id, now=CUT)
        return total

    figures, accounts = weighed(work)
    return {**figures, "accounts": accounts, "idle_mb": idle, "peak_mb": peak_mb()}


def paused() -> dict[str, float]:
    """Carry out the run with the pause that keeps the screens alive on SQLite."""
    return charge(engines.SQLITE_PAUSE_SECONDS)


def one_by_one() -> dict[str, float]:
    """Charge some accounts as one would write it first: load, compute, post, commit, for each."""
    ids = select(Account.id).where(Account.account_type.in_(CHARGED_TYPES), Account.canceled_at.is_(None))
    chosen = db.session.execute(
        ids.join(PointBalance, PointBalance.account_id == Account.id).order_by(Account.id).limit(SINGLES)
    ).scalars()
    chosen_ids = list(chosen)

    def charge_one(account_id: int) -> None:
        with transaction() as session:
            account = session.get_one(Account, account_id)
            price = prices.prices_at(CUT)[account.account_type]
            extra = max(0, account.contract_user_count - price.included_user_count)
            fee = price.base_points + extra * price.points_per_additional_user
            session.add(
                BillingItem(
                    billing_date=BILLING_DATE,
                    account_id=account_id,
                    depth=3,
                    contract_user_count=account.contract_user_count,
                    price_version_id=price.id,
                    fee_points=fee,
                    state=ItemState.DONE,
                )
            )
            # A fee's line bears its date, which only the run writes; any other consumption costs the same.
            ledger.post(
                drafts=[ledger.LineDraft(account_id, PointKind.CANCELLATION_WRITE_OFF, -fee)],
                viewer=None,
                now=CUT,
            )

    seconds, _result = timed(lambda: [charge_one(account_id) for account_id in chosen_ids])
    return {"seconds": seconds, "accounts": len(chosen_ids)}


def additions() -> dict[str, float]:
    """Add points to one account after the other, at a steady pace; return the 99th percentile."""
    return _paced(lambda done: done >= ADDITIONS)


def additions_during_a_run() -> dict[str, float]:
    """Do the same while a run goes on in another process, until it is over."""
    command = [sys.executable, "-m", "benchmarks.run_worker", "run", sys.argv[2]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as popen:
        # From its first chunk on; before, it imports and writes its list.
        found = select(BillingItem.account_id).where(BillingItem.billing_date == BILLING_DATE).limit(1)
        while popen.poll() is None and db.session.execute(found).first() is None:
            db.session.rollback()
            time.sleep(0.02)
        figures = _paced(lambda _done: popen.poll() is not None)
        output = popen.stdout.read() if popen.stdout else ""
    return {**figures, "run_seconds": json.loads(output.splitlines()[-1])["seconds"]}


def _paced(is_over: Callable[[int], bool]) -> dict[str, float]:
    viewer = msp_a()
    ids = running_customers(Account.parent_id == viewer.account_id)
    db.session.rollback()
    spent: list[float] = []
    begin = time.perf_counter()
    while not is_over(len(spent)):
        time.sleep(max(0, begin + len(spent) / ADDITIONS_A_SECOND - time.perf_counter()))
        seconds, _result = timed(lambda: _add(viewer, ids[len(spent) % len(ids)]))
        spent.append(seconds * 1000)
    spent.sort()
    return {"p99_ms": spent[int(len(spent) * 0.99)], "p50_ms": spent[len(spent) // 2], "count": len(spent)}


def _add(viewer: Viewer, account_id: int) -> None:
    with transaction():
        points.add(
            viewer=viewer,
            account_id=account_id,
            points=1,
            remark=None,
            request_id=request_id(),
            now=START,
        )


MODES: dict[str, Callable[[], dict[str, float]]] = {
    "floor": floor,
    "run": charge,
    "paused": paused,
    "one_by_one": one_by_one,
    "additions": additions,
    "additions_during_a_run": additions_during_a_run,
    "refill": refill,
    "refill_floor": refill_floor,
}


def main() -> None:
    """Measure one mode on one database: `python -m benchmarks.run_worker MODE URL`."""
    app = build_app(sys.argv[2])
    # As the web server does: what was built once is not looked through again and again.
    gc.collect()
    gc.freeze()
    with app.app_context():
        figures = MODES[sys.argv[1]]()
        db.session.remove()
        db.engine.dispose()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
