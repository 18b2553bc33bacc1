"""The chunks of a run's work list: taken by any number of workers, posted once each.

The database holds how far a run is: a chunk is taken by locking its row in the transaction that posts it, so a
worker that dies gives it back with the rollback. Each public function that writes is part of one transaction of
the caller's.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, insert, literal, select, update

from domain.permissions import CHARGED_TYPES, DEPTH
from models import BillingChunk, BillingItem, BillingRun, db
from models.billing import ItemState, RunState
from services import fee_posting
from services.fee_posting import Conditions, FeeRange, Posted

CHUNK_SIZE = 5_000
#: Why an account is parked whose fee the database refused; the other reasons are found beforehand.
REFUSED_BY_DATABASE = "database_refused"


def cut_into_chunks(*, run: BillingRun, size: int = CHUNK_SIZE) -> None:
    """Write the chunks of a list, numbered in the order in which they are taken: the deepest level first.

    A step reads the next accounts of a level in the order of the list's key: nothing is sorted.
    """
    rows: list[dict[str, object]] = []
    for depth in sorted({DEPTH[account_type] for account_type in CHARGED_TYPES}, reverse=True):
        last_account_id = 0
        while part := _next_part(run.billing_date, depth, last_account_id, size):
            first_account_id, last_account_id, count, points = part
            rows.append(
                {
                    "run_id": run.id,
                    "number": len(rows) + 1,
                    "depth": depth,
                    "first_account_id": first_account_id,
                    "last_account_id": last_account_id,
                    "account_count": count,
                    "due_points": points,
                }
            )
    if rows:
        db.session.execute(insert(BillingChunk), rows)


def _next_part(
    billing_date: dt.date, depth: int, after_account_id: int, size: int
) -> tuple[int, int, int, int] | None:
    """Return first and last account id, number of accounts and points of the next part; None: there is none."""
    part = (
        select(BillingItem.account_id, BillingItem.fee_points)
        .where(
            BillingItem.billing_date == billing_date,
            BillingItem.account_id > after_account_id,
            BillingItem.depth == depth,
        )
        .order_by(BillingItem.account_id)
        .limit(size)
        .subquery()
    )
    ends = (func.min(part.c.account_id), func.max(part.c.account_id))
    row = db.session.execute(select(*ends, func.count(), func.sum(part.c.fee_points))).one()
    return (row[0], row[1], row[2], int(row[3])) if row[2] else None


@dataclass(frozen=True)
class TakenChunk:
    """A chunk whose row this transaction holds, and the items that are meant by it."""

    run_id: int
    number: int
    #: A range, not a list: everything due at its depth between the two ends.
    meant: FeeRange


def take_chunk(*, run_id: int) -> TakenChunk | None:
    """Lock the next open chunk of a running run, deepest level first, that nobody else holds; None: all is done.

    While others hold all that is open of a level, this waits for them: the next level must not begin before.
    """
    while has_open(run_id=run_id):
        # What was waited for is done by then, unless its worker died.
        chunk = _open_chunk(run_id, skip_locked=True) or _open_chunk(run_id, skip_locked=False)
        if chunk is not None:
            return _taken(chunk)
    return None


def has_open(*, run_id: int) -> bool:
    """Tell whether a run is running and a chunk of it is not done."""
    statement = (
        select(literal(1))
        .select_from(BillingRun)
        .join(BillingChunk, BillingChunk.run_id == BillingRun.id)
        .where(BillingRun.id == run_id, BillingRun.state == RunState.RUNNING, BillingChunk.done_at.is_(None))
        .limit(1)
    )
    return db.session.execute(statement).first() is not None


def _taken(chunk: BillingChunk) -> TakenChunk:
    billing_date = select(BillingRun.billing_date).where(BillingRun.id == chunk.run_id)
    meant = FeeRange(
        db.session.execute(billing_date).scalar_one(),
        chunk.first_account_id,
        chunk.last_account_id,
        chunk.depth,
    )
    return TakenChunk(chunk.run_id, chunk.number, meant)


def _open_chunk(run_id: int, *, skip_locked: bool, number: int | None = None) -> BillingChunk | None:
    is_open = (BillingChunk.run_id == run_id, BillingChunk.done_at.is_(None))
    deepest = select(func.max(BillingChunk.depth)).where(*is_open).scalar_subquery()
    is_next = BillingChunk.depth == deepest if number is None else BillingChunk.number == number
    statement = (
        select(BillingChunk)
        .where(*is_open, is_next)
        .order_by(BillingChunk.number)
        .limit(1)
        .with_for_update(skip_locked=skip_locked)
    )
    return db.session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()


def post_chunk(
    *, chunk: TakenChunk, now: dt.datetime, done_at: dt.datetime | None = None, worker_name: str = ""
) -> Posted:
    """Post the fees of a chunk that `take_chunk` gave, in the same transaction; its lines bear `now`."""
    posted = fee_posting.post_fees(meant=chunk.meant, now=now)
    _close_chunk(chunk, posted, done_at or now, worker_name)
    return posted


def _close_chunk(chunk: TakenChunk, posted: Posted, done_at: dt.datetime, worker_name: str) -> None:
    db.session.execute(
        update(BillingChunk)
        .where(BillingChunk.run_id == chunk.run_id, BillingChunk.number == chunk.number)
        .values(
            done_at=done_at,
            charged_count=posted.charged_count,
            charged_points=posted.charged_points,
            parked_count=posted.parked_count,
            worker_name=worker_name[:120],
        )
        .execution_options(synchronize_session=False)
    )


def isolate(*, chunk: TakenChunk, now: dt.datetime, worker_name: str = "") -> None:
    """Halve a chunk that could not be posted; of a single account, park it: the others are not to wait for it.

    Call it in a transaction of its own, after the one that failed. Source: docs/rules.md J4.
    """
    held = _open_chunk(chunk.run_id, skip_locked=False, number=chunk.number)
    if held is None:
        return
    due = chunk.meant.due()
    count = db.session.execute(select(func.count()).where(*due)).scalar_one()
    if count > 1:
        _halve(held, due, count)
        return
    db.session.execute(
        update(BillingItem)
        .where(*due)
        .values(state=ItemState.PARKED, parked_reason=REFUSED_BY_DATABASE)
        .execution_options(synchronize_session=False)
    )
    _close_chunk(chunk, Posted(parked_count=count), now, worker_name)


def _halve(held: BillingChunk, due: Conditions, count: int) -> None:
    """Give the second half of what is due of a chunk to a new chunk."""
    ids = select(BillingItem.account_id).where(*due).order_by(BillingItem.account_id)
    middle = db.session.execute(ids.offset(count // 2).limit(1)).scalar_one()
    points = select(func.sum(BillingItem.fee_points)).where(*due, BillingItem.account_id >= middle)
    numbers = select(func.max(BillingChunk.number)).where(BillingChunk.run_id == held.run_id)
    rest = BillingChunk(
        run_id=held.run_id,
        number=db.session.execute(numbers).scalar_one() + 1,
        depth=held.depth,
        first_account_id=middle,
        last_account_id=held.last_account_id,
        account_count=count - count // 2,
        due_points=int(db.session.execute(points).scalar_one()),
    )
    held.last_account_id = middle - 1
    held.account_count -= rest.account_count
    held.due_points -= rest.due_points
    db.session.add(rest)
