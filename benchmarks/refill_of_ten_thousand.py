"""A bulk refill and its floor, for benchmarks/run_worker.py; and what its other measurements need as well."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, select, text, update

from benchmarks.processor import processor_seconds
from domain.lifecycle import AccountStatus
from domain.permissions import AccountType, Viewer
from models import Account, PointBalance, db
from services import refills
from services.sign_ins import viewer_named
from services.transaction import transaction
from tests.builders import request_id
from tests.support.databases import START

REFILLED = 10_000
LINE = "account_id, line_number, kind, points, balance_after, recorded_at, actor_name"


def literals() -> dict[str, str]:
    """Return as each engine writes them: the cut's instant and date, a transfer's name, an event's details."""
    if db.engine.dialect.name == "postgresql":
        return {
            "now": "CAST('2026-11-24 15:00:00+00' AS timestamptz)",
            "date": "CAST('2026-11-25' AS date)",
            "transfer": "CAST(CAST(md5(CAST(account_id AS text)) AS uuid) AS text)",
            "details": "json_build_object('points', 10, 'balance_after', point_balance + 10)",
        }
    return {
        "now": "'2026-11-24 15:00:00.000000'",
        "date": "'2026-11-25'",
        "transfer": "printf('%08x-0000-4000-8000-%012x', account_id * 2654435761 % 4294967296, account_id)",
        "details": "json_object('points', 10, 'balance_after', point_balance + 10)",
    }


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that a piece of work takes, and its result."""
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


def weighed(work: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    """Return the seconds that a piece of work takes, those of a processor, and its result."""
    used = processor_seconds()
    seconds, result = timed(work)
    return {"seconds": seconds, "processor": processor_seconds() - used}, result


def msp_a() -> Viewer:
    """Return the administrator of MSP A."""
    viewer = viewer_named("msp-a")
    assert viewer is not None
    return viewer


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

    figures, result = weighed(execute)
    return {**figures, "accounts": result.refilled_count}


def refill_floor() -> dict[str, float]:
    """Write the same rows in bare statements of one transaction: two lines an account, its event, its balance."""
    ids = _gather()
    viewer = msp_a()
    words, one = literals(), str(uuid.uuid4())
    meant = f"FROM point_balances WHERE account_id BETWEEN {ids[0]} AND {ids[-1]} AND point_balance = -5"
    lines = f"INSERT INTO point_lines ({LINE}, transfer_id, request_id) SELECT"
    said = f"{words['now']}, 'msp-a'"

    def write() -> None:
        with transaction() as session:
            for who, number, given in (
                ("account_id", "last_line_number + 1", 10),
                (str(viewer.account_id), "1000000 + account_id", -10),
            ):
                row = f"{who}, {number}, 'addition', {given}, point_balance, {said}, {words['transfer']}, '{one}'"
                session.execute(text(f"{lines} {row} {meant}"))
            session.execute(
                text(
                    "INSERT INTO audit_events (account_id, details, recorded_at, actor_name, action) "
                    f"SELECT account_id, {words['details']}, {said}, 'points.refilled' {meant}"
                )
            )
            session.execute(
                text(
                    "UPDATE point_balances SET point_balance = point_balance + 10, negative_since = NULL, "
                    f"last_line_number = last_line_number + 1 {meant.partition('point_balances ')[2]}"
                )
            )

    return weighed(write)[0]
