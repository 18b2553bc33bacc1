"""One measurement of benchmarks/run_of_the_25th.py in a process of its own: prints its figures as JSON."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, select, text, update

from domain.lifecycle import AccountStatus
from domain.permissions import CHARGED_TYPES, AccountType, Viewer
from domain.points import PointKind
from models import Account, BillingItem, PointBalance, db
from models.billing import ItemState
from services import billing_runs, engines, ledger, points, prices, refills, run_work
from services.sign_ins import viewer_named
from services.transaction import transaction
from tests.builders import request_id, tokyo
from tests.support.databases import START, build_app

CUT = tokyo("2026-11-25T00:00:00")
BILLING_DATE = dt.date(2026, 11, 25)
SINGLES = 2_000
ADDITIONS = 500
ADDITIONS_A_SECOND = 50
REFILLED = 10_000
LINE = "account_id, line_number, kind, points, balance_after, recorded_at, actor_name"


def literals() -> dict[str, str]:
    """Return the cut's instant and date as each engine writes them."""
    if db.engine.dialect.name == "postgresql":
        return {
            "now": "CAST('2026-11-24 15:00:00+00' AS timestamptz)",
            "date": "CAST('2026-11-25' AS date)",
        }
    return {"now": "'2026-11-24 15:00:00.000000'", "date": "'2026-11-25'"}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that a piece of work takes, and its result."""
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


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

    return {"seconds": timed(write)[0]}


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

    seconds, accounts = timed(work)
    return {"seconds": seconds, "accounts": accounts, "idle_mb": idle, "peak_mb": peak_mb()}


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


def msp_a() -> Viewer:
    """Return the administrator of MSP A."""
    viewer = viewer_named("msp-a")
    assert viewer is not None
    return viewer


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


def running_customers(*conditions: ColumnElement[bool]) -> list[int]:
    """Return customers that nothing is about to happen to, by id."""
    statement = select(Account.id).where(
        Account.account_type == AccountType.CUSTOMER,
        Account.status == AccountStatus.ACTIVE,
        Account.cancellation_date.is_(None),
        *conditions,
    )
    return list(db.session.execute(statement.order_by(Account.id).limit(REFILLED)).scalars())


def _gather() -> list[int]:
    """Put ten thousand customers below MSP A, all short, and give it the points that they need."""
    viewer = msp_a()
    with transaction() as session:
        ids = running_customers()
        session.execute(update(Account).where(Account.id.in_(ids)).values(parent_id=viewer.account_id))
        balances = update(PointBalance).execution_options(synchronize_session=False)
        session.execute(
            balances.where(PointBalance.account_id.in_(ids)).values(point_balance=-5, negative_since=START)
        )
        rich = balances.where(PointBalance.account_id == viewer.account_id)
        session.execute(rich.values(point_balance=10**9, negative_since=None))
    return ids


def refill() -> dict[str, float]:
    """Refill them all, as the button does: plan shown, then executed under lock."""
    ids = _gather()
    viewer = msp_a()
    plan = refills.plan_refill(viewer=viewer, account_ids=ids, now=START)

    def execute() -> refills.RefillResult:
        with transaction():
            return refills.refill(
                viewer=viewer, account_ids=ids, digest=plan.digest, request_id=request_id(), now=START
            )

    seconds, result = timed(execute)
    return {"seconds": seconds, "accounts": result.refilled_count}


def refill_floor() -> dict[str, float]:
    """Write the same two lines an account, and the balances, in bare statements of one transaction."""
    ids = _gather()
    viewer = msp_a()
    words, one = literals(), str(uuid.uuid4())
    meant = f"account_id BETWEEN {ids[0]} AND {ids[-1]} AND point_balance = -5"
    columns = f"INSERT INTO point_lines ({LINE}, transfer_id, request_id) "

    def write() -> None:
        with transaction() as session:
            for who, number, given in (
                ("account_id", "last_line_number + 1", 10),
                (str(viewer.account_id), "1000000 + account_id", -10),
            ):
                session.execute(
                    text(
                        f"{columns} SELECT {who}, {number}, 'addition', {given}, point_balance, {words['now']}, "
                        f"'msp-a', '{one}', '{one}' FROM point_balances WHERE {meant}"
                    )
                )
            session.execute(
                text(
                    "UPDATE point_balances SET point_balance = point_balance + 10, negative_since = NULL, "
                    f"last_line_number = last_line_number + 1 WHERE {meant}"
                )
            )

    return {"seconds": timed(write)[0]}


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
    with app.app_context():
        figures = MODES[sys.argv[1]]()
        db.session.remove()
        db.engine.dispose()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
