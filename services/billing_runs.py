"""The run of a 25th: its work list as of the cut, its stop for review, and its end.

Each public function that writes is one transaction of the caller's; services/clockwork.py strings them together.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Select, func, insert, literal, select

from domain.errors import DomainError
from domain.permissions import Permission, Viewer
from models import BillingChunk, BillingItem, BillingRun, db
from models.billing import ItemState, RunState
from services import access, audit, cut_gate, run_chunks
from services.billing_rows import charged_rows


class RunNotInReview(DomainError):
    """The run does not wait for a release: somebody was quicker, or it never did."""

    http_status = 409


class RunUnknown(DomainError):
    """There is no run of that id."""

    http_status = 404


@dataclass(frozen=True)
class ReviewBound:
    """When a run stops before its first line: above `percent` of the last run's list, from so many points on.

    A percent of 0 never stops one. Source: docs/rules.md B6.
    """

    percent: int = 0
    from_points: int = 0

    def is_passed(self, due_points: int, last_due_points: int | None) -> bool:
        """Tell whether a list of so many points is to be looked at by a person first."""
        if not self.percent or last_due_points is None or due_points < self.from_points:
            return False
        return due_points * 100 > last_due_points * self.percent


NO_BOUND = ReviewBound()


def list_run(
    *,
    billing_date: dt.date,
    now: dt.datetime,
    chunk_size: int = run_chunks.CHUNK_SIZE,
    bound: ReviewBound = NO_BOUND,
) -> BillingRun:
    """Write the run of a 25th and its work list: every account in service at the cut, as it was then.

    The list is empty when no account was. A fee that a cancellation has posted already is left alone. A list
    beyond the bound stops in 要確認 until somebody releases it.
    """
    cut_gate.close_gate()
    run = BillingRun(billing_date=billing_date, state=RunState.RUNNING, started_at=now)
    db.session.add(run)
    db.session.flush()
    insert_items(charged_rows(billing_date))
    run_chunks.cut_into_chunks(run=run, size=chunk_size)
    totals = select(
        func.coalesce(func.sum(BillingChunk.account_count), 0),
        func.coalesce(func.sum(BillingChunk.due_points), 0),
    ).where(BillingChunk.run_id == run.id)
    run.account_count, run.due_points = (int(total) for total in db.session.execute(totals).one())
    _record("billing_run.listed", run, None, now, account_count=run.account_count, due_points=run.due_points)
    last = last_due_points(billing_date)
    if bound.is_passed(run.due_points, last):
        run.state = RunState.REVIEW
        _record("billing_run.held", run, None, now, due_points=run.due_points, last_due_points=last)
    return run


def insert_items(rows: Select[tuple[object, ...]]) -> None:
    """Write the rows of `charged_rows` as items that are due."""
    found = rows.add_columns(literal(ItemState.DUE, BillingItem.state.type).label("state"))
    columns = [column.name for column in found.selected_columns]
    db.session.execute(insert(BillingItem).from_select(columns, found, include_defaults=False))


def dates_in_review() -> list[dt.date]:
    """Return the 25ths whose runs wait for a person's release, oldest first."""
    waiting = select(BillingRun.billing_date).where(BillingRun.state == RunState.REVIEW)
    return list(db.session.execute(waiting.order_by(BillingRun.billing_date)).scalars())


def last_due_points(billing_date: dt.date) -> int | None:
    """Return the points (≥ 0) on the list of the run before a 25th; None: there was none."""
    return db.session.execute(
        select(BillingRun.due_points)
        .where(BillingRun.billing_date < billing_date)
        .order_by(BillingRun.billing_date.desc())
        .limit(1)
    ).scalar()


def release_run(*, run_id: int, viewer: Viewer, now: dt.datetime) -> BillingRun:
    """Let a run go on that stopped in 要確認.

    :raises PermissionRefused: :raises RunUnknown: :raises RunNotInReview:
    """
    access.check_permission(viewer=viewer, permission=Permission.RUNS_CHANGE)
    run = lock_run(run_id)
    if run.state is not RunState.REVIEW:
        raise RunNotInReview
    run.state = RunState.RUNNING
    run.released_at = now
    run.released_by_id, run.released_by_name = viewer.administrator_id, viewer.user_name
    _record(
        "billing_run.released", run, viewer, now, account_count=run.account_count, due_points=run.due_points
    )
    return run


def lock_run(run_id: int) -> BillingRun:
    """Return a run, locked.

    :raises RunUnknown:
    """
    statement = select(BillingRun).where(BillingRun.id == run_id).with_for_update()
    run = db.session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()
    if run is None:
        raise RunUnknown
    return run


def finish_run(*, run_id: int, now: dt.datetime, finished_at: dt.datetime | None = None) -> None:
    """Write the end of a run of which nothing is open any more; otherwise, or once it is written, do nothing."""
    run = lock_run(run_id)
    if run.state is RunState.RUNNING and not run_chunks.has_open(run_id=run_id):
        parked = sum_up(run)
        run.finished_at = finished_at or now
        _record(
            "billing_run.finished",
            run,
            None,
            now,
            account_count=run.done_count,
            charged_points=run.charged_points,
            parked_count=parked,
        )


def sum_up(run: BillingRun) -> int:
    """Write what a run has charged, and its state, by its items; return how many are parked.

    Fees that a cancellation posted beforehand belong to this 25th as well.
    """
    totals = {
        state: (count, int(points))
        for state, count, points in db.session.execute(
            select(BillingItem.state, func.count(), func.sum(BillingItem.fee_points))
            .where(BillingItem.billing_date == run.billing_date)
            .group_by(BillingItem.state)
        )
    }
    run.done_count, run.charged_points = totals.get(ItemState.DONE, (0, 0))
    parked = totals.get(ItemState.PARKED, (0, 0))[0]
    run.state = RunState.PARTLY_PARKED if parked else RunState.DONE
    return parked


def _record(
    action: str, run: BillingRun, viewer: Viewer | None, now: dt.datetime, **details: int | None
) -> None:
    audit.record(
        action=action,
        viewer=viewer,
        account_id=None,
        now=now,
        billing_date=run.billing_date.isoformat(),
        **details,
    )
