"""The run of a 25th: its work list as of the cut, and its fees posted in chunks, once each.

Each public function that writes is one transaction of the caller's; `run_billing` in services/clockwork.py
strings them together.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import ColumnElement, case, func, insert, literal, select, update

from domain.billing_calendar import billing_instant
from domain.permissions import CHARGED_TYPES
from domain.points import LARGEST_BALANCE_POINTS, LARGEST_LINE_POINTS, PointKind
from models import Account, BillingItem, BillingRun, PointBalance, PointLine, db
from models.billing import ItemState, RunState
from services import audit, cut_gate
from services.access import depth_expression
from services.estimates import charged_at, unlisted_billing_dates
from services.prices import fee_expression, prices_at, users_at

CHUNK_SIZE = 5_000

Conditions = tuple[ColumnElement[bool], ...]


def list_run(*, billing_date: dt.date, now: dt.datetime) -> BillingRun:
    """Write the run of a 25th and its work list: every account in service at the cut, as it was then.

    The list is empty when no account was. A fee that a cancellation has posted already is left alone.
    """
    cut_gate.close_gate()
    run = BillingRun(billing_date=billing_date, state=RunState.RUNNING, started_at=now)
    db.session.add(run)
    db.session.flush()
    _insert_items(billing_date, account_ids=None)
    run.account_count = db.session.execute(
        select(func.count()).select_from(BillingItem).where(BillingItem.billing_date == billing_date)
    ).scalar_one()
    audit.record(
        action="billing_run.listed",
        viewer=None,
        account_id=None,
        now=now,
        billing_date=billing_date.isoformat(),
        account_count=run.account_count,
    )
    return run


def _insert_items(billing_date: dt.date, *, account_ids: Sequence[int] | None) -> None:
    cut = billing_instant(billing_date)
    prices = prices_at(cut)
    users = users_at(cut)
    price_id = case(
        *((Account.account_type == kind, price.id) for kind, price in sorted(prices.items())), else_=0
    )
    listed = select(literal(1)).where(
        BillingItem.account_id == Account.id, BillingItem.billing_date == billing_date
    )
    rows = select(
        Account.id,
        literal(billing_date, BillingItem.billing_date.type),
        depth_expression(),
        users,
        price_id,
        fee_expression(prices, users),
        literal(ItemState.DUE, BillingItem.state.type),
    ).where(Account.account_type.in_(CHARGED_TYPES & set(prices)), charged_at(billing_date), ~listed.exists())
    if account_ids is not None:
        rows = rows.where(Account.id.in_(account_ids))
    columns = [
        "account_id",
        "billing_date",
        "depth",
        "contract_user_count",
        "price_version_id",
        "fee_points",
        "state",
    ]
    db.session.execute(insert(BillingItem).from_select(columns, rows, include_defaults=False))


def charge_chunk(*, run_id: int, now: dt.datetime, size: int = CHUNK_SIZE) -> int:
    """Post the fees of the next chunk of a run's work list, deepest level first; return how many items.

    0: nothing is due any more, and the run is finished. Two workers take turns at the run's row.
    """
    run = db.session.execute(select(BillingRun).where(BillingRun.id == run_id).with_for_update()).scalar_one()
    window = (
        select(BillingItem.account_id, BillingItem.depth)
        .where(BillingItem.billing_date == run.billing_date, BillingItem.state == ItemState.DUE)
        .order_by(BillingItem.depth.desc(), BillingItem.account_id)
        .limit(size)
    )
    due = db.session.execute(window).all()
    if not due:
        _finish(run, now)
        return 0
    level = [account_id for account_id, depth in due if depth == due[0].depth]
    # A range, not a list: everything due at this depth between the two ends is in the window.
    is_meant = (BillingItem.depth == due[0].depth, BillingItem.account_id.between(level[0], level[-1]))
    count, points = post_fees(billing_date=run.billing_date, is_meant=is_meant, now=now)
    run.done_count += count
    run.charged_points += points
    return len(level)


def post_fees(*, billing_date: dt.date, is_meant: Conditions, now: dt.datetime) -> tuple[int, int]:
    """Post the due fees of one 25th to the items meant, set-based; return (accounts, points ≥ 0) charged.

    Balances are locked by id; the items meant are of one level. A balance that is closed or would leave the
    ledger's range is parked with its reason, the others go on.
    """
    due = (BillingItem.billing_date == billing_date, BillingItem.state == ItemState.DUE, *is_meant)
    _lock_balances(due)
    _park_what_cannot_be_charged(due)
    _insert_fee_lines(due, billing_date, now)
    charged = db.session.execute(
        select(func.count(), func.coalesce(func.sum(BillingItem.fee_points), 0)).where(*due)
    ).one()
    _carry_balances(due, now)
    db.session.execute(
        update(BillingItem)
        .where(*due)
        .values(state=ItemState.DONE)
        .execution_options(synchronize_session=False)
    )
    return charged[0], int(charged[1])


def _lock_balances(due: Conditions) -> None:
    """Lock without reading into objects; SQLite's writing transaction holds everything already."""
    if db.session.get_bind().dialect.name == "sqlite":
        return
    meant = select(BillingItem.account_id).where(*due)
    db.session.execute(
        select(PointBalance.account_id)
        .where(PointBalance.account_id.in_(meant))
        .order_by(PointBalance.account_id)
        .with_for_update()
    ).all()


def _park_what_cannot_be_charged(due: Conditions) -> None:
    too_far = PointBalance.point_balance - BillingItem.fee_points < -LARGEST_BALANCE_POINTS
    too_large = BillingItem.fee_points > LARGEST_LINE_POINTS
    for condition, reason in (
        (PointBalance.is_closed, "balance_closed"),
        (too_large, "fee_out_of_range"),
        (too_far, "balance_out_of_range"),
    ):
        found = select(PointBalance.account_id).where(
            PointBalance.account_id == BillingItem.account_id, condition
        )
        db.session.execute(
            update(BillingItem)
            .where(*due, found.exists())
            .values(state=ItemState.PARKED, parked_reason=reason)
            .execution_options(synchronize_session=False)
        )


def _insert_fee_lines(due: Conditions, billing_date: dt.date, now: dt.datetime) -> None:
    fee, balance = BillingItem.fee_points, PointBalance.point_balance
    rows = (
        select(
            PointBalance.account_id,
            PointBalance.last_line_number + 1,
            literal(PointKind.MONTHLY_FEE, PointLine.kind.type),
            -fee,
            balance - fee,
            literal(now, PointLine.recorded_at.type),
            literal(billing_date, PointLine.billing_date.type),
            literal(""),
        )
        .join(BillingItem, BillingItem.account_id == PointBalance.account_id)
        .where(*due, fee > 0)
    )
    columns = ["account_id", "line_number", "kind", "points", "balance_after", "recorded_at"]
    columns += ["billing_date", "actor_name"]
    db.session.execute(insert(PointLine).from_select(columns, rows, include_defaults=False))


def _carry_balances(due: Conditions, now: dt.datetime) -> None:
    after = PointBalance.point_balance - BillingItem.fee_points
    db.session.execute(
        update(PointBalance)
        .where(PointBalance.account_id == BillingItem.account_id, BillingItem.fee_points > 0, *due)
        .values(
            point_balance=after,
            last_line_number=PointBalance.last_line_number + 1,
            negative_since=case(
                (
                    after < 0,
                    func.coalesce(
                        PointBalance.negative_since, literal(now, PointBalance.negative_since.type)
                    ),
                )
            ),
        )
        .execution_options(synchronize_session=False)
    )


def charge_due_fees(*, account_id: int, now: dt.datetime) -> int:
    """Post every fee of one account whose cut has passed, before it is settled; return the points (≥ 0)."""
    for billing_date in unlisted_billing_dates(now):
        _insert_items(billing_date, account_ids=[account_id])
    dates = db.session.execute(
        select(BillingItem.billing_date)
        .where(BillingItem.account_id == account_id, BillingItem.state == ItemState.DUE)
        .order_by(BillingItem.billing_date, BillingItem.id)
    ).scalars()
    return sum(
        post_fees(billing_date=billing_date, is_meant=(BillingItem.account_id == account_id,), now=now)[1]
        for billing_date in dates.all()
    )


def _finish(run: BillingRun, now: dt.datetime) -> None:
    if run.finished_at is not None:
        return
    totals = {
        state: (count, int(points or 0))
        for state, count, points in db.session.execute(
            select(BillingItem.state, func.count(), func.sum(BillingItem.fee_points))
            .where(BillingItem.billing_date == run.billing_date)
            .group_by(BillingItem.state)
        )
    }
    # Fees that a cancellation posted beforehand belong to this 25th as well.
    run.done_count, run.charged_points = totals.get(ItemState.DONE, (0, 0))
    parked = totals.get(ItemState.PARKED, (0, 0))[0]
    run.state = RunState.PARTLY_PARKED if parked else RunState.DONE
    run.finished_at = now
    audit.record(
        action="billing_run.finished",
        viewer=None,
        account_id=None,
        now=now,
        billing_date=run.billing_date.isoformat(),
        account_count=run.done_count,
        charged_points=run.charged_points,
        parked_count=parked,
    )
