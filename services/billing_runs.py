"""The run of a 25th: its work list as of the cut, and its fees posted in chunks, once each.

Each public function that writes is one transaction of the caller's; `run_billing` in services/clockwork.py
strings them together.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import ColumnElement, case, func, insert, literal, literal_column, or_, select, update

from domain.billing_calendar import billing_instant
from domain.permissions import CHARGED_TYPES, DEPTH
from domain.points import LARGEST_BALANCE_POINTS, LARGEST_LINE_POINTS, PointKind
from models import Account, BillingItem, BillingRun, PointBalance, PointLine, db
from models.billing import ItemState, RunState
from services import audit, cut_gate
from services.access import depth_expression
from services.estimates import charged_at, unlisted_billing_dates
from services.prices import fee_expression, prices_at, users_at

CHUNK_SIZE = 5_000

Conditions = tuple[ColumnElement[bool], ...]
#: Written out, not bound: SQLite uses the index of what is open only when it can read the condition.
_IS_OPEN: ColumnElement[bool] = BillingItem.state != literal_column(f"'{ItemState.DONE.value}'")


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
    level = _next_level(run.billing_date, size)
    if level is None:
        _finish(run, now)
        return 0
    depth, first_id, last_id, count = level
    # A range, not a list: everything due at this depth between the two ends is meant.
    is_meant = (BillingItem.depth == depth, BillingItem.account_id.between(first_id, last_id))
    charged, points = post_fees(billing_date=run.billing_date, is_meant=is_meant, now=now)
    run.done_count += charged
    run.charged_points += points
    return count


def _next_level(billing_date: dt.date, size: int) -> tuple[int, int, int, int] | None:
    """Return depth, first and last account id and number of the next due items; None: nothing is due."""
    for depth in sorted({DEPTH[account_type] for account_type in CHARGED_TYPES}, reverse=True):
        window = (
            select(BillingItem.account_id)
            .where(*_due(billing_date), BillingItem.depth == depth)
            .order_by(BillingItem.account_id)
            .limit(size)
            .subquery()
        )
        ends = select(func.min(window.c.account_id), func.max(window.c.account_id), func.count())
        first_id, last_id, count = db.session.execute(ends).one()
        if count:
            return depth, first_id, last_id, count
    return None


def post_fees(*, billing_date: dt.date, is_meant: Conditions, now: dt.datetime) -> tuple[int, int]:
    """Post the due fees of one 25th to the items meant, set-based; return (accounts, points ≥ 0) charged.

    Balances are locked by id; the items meant are of one level. A balance that is closed or would leave the
    ledger's range is parked with its reason, the others go on.
    """
    due = (*_due(billing_date), *is_meant)
    count, points, unchargeable = _lock_and_count(due)
    if unchargeable:
        _park_what_cannot_be_charged(due)
        count, points, _none = _lock_and_count(due)
    _insert_fee_lines(due, billing_date, now)
    _carry_balances(due, now)
    db.session.execute(
        update(BillingItem)
        .where(*due)
        .values(state=ItemState.DONE)
        .execution_options(synchronize_session=False)
    )
    return count, points


def _due(billing_date: dt.date) -> Conditions:
    return (BillingItem.billing_date == billing_date, BillingItem.state == ItemState.DUE, _IS_OPEN)


#: Why an item cannot be charged, in the order in which it is asked.
_PARKING: tuple[tuple[str, ColumnElement[bool]], ...] = (
    ("balance_closed", PointBalance.is_closed.is_(True)),
    ("fee_out_of_range", BillingItem.fee_points > LARGEST_LINE_POINTS),
    (
        "balance_out_of_range",
        PointBalance.point_balance - BillingItem.fee_points < -LARGEST_BALANCE_POINTS,
    ),
)


def _lock_and_count(due: Conditions) -> tuple[int, int, int]:
    """Lock the balances by id; return how many items are due, their points, and how many cannot be charged.

    SQLite's writing transaction holds everything already.
    """
    cannot = case((or_(*(condition for _reason, condition in _PARKING)), 1), else_=0)
    meant = (
        select(BillingItem.fee_points, cannot.label("cannot"))
        .join(PointBalance, PointBalance.account_id == BillingItem.account_id)
        .where(*due)
        .order_by(PointBalance.account_id)
        .with_for_update(of=PointBalance)
        .subquery()
    )
    total = (func.coalesce(func.sum(column), 0) for column in (meant.c.fee_points, meant.c.cannot))
    row = db.session.execute(select(func.count(), *total).select_from(meant)).one()
    return row[0], int(row[1]), int(row[2])


def _park_what_cannot_be_charged(due: Conditions) -> None:
    for reason, condition in _PARKING:
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
        .order_by(BillingItem.billing_date)
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
