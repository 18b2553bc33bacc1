"""A run of a 25th as its page shows it: how far it is, who works at it, why it waits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select

from domain.billing_calendar import billing_instant
from domain.errors import DomainError
from domain.permissions import AccountType, Permission, Viewer
from models import BillingChunk, BillingRun, db
from services import access, billing_runs
from services.run_rows import RunListState, is_late, run_rows

#: Workers that the page names; a run has rarely more than a handful.
SHOWN_WORKERS = 20


class RunNotVisible(DomainError):
    """There is no run of that 25th, and it is not the next one either."""

    http_status = 404


@dataclass(frozen=True)
class Worker:
    """A process that has posted chunks of a run."""

    name: str
    chunk_count: int


@dataclass(frozen=True)
class Chunks:
    """The chunks of a run, for the operator alone: their number would tell how many accounts there are."""

    done_count: int
    count: int
    workers: Sequence[Worker]


@dataclass(frozen=True)
class RunFacts:
    """A run, or one to come, with the numbers that a viewer may see; `run_id` is None before its list is written.

    Points are ≥ 0. `negative_count` is how many would be below 0 afterwards, before the run begins. `chunks` is
    None for all but the operator, and before there are any.
    """

    billing_date: dt.date
    state: RunListState
    run_id: int | None
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    is_late: bool
    is_due: bool
    account_count: int
    handled_count: int
    listed_points: int
    charged_points: int
    parked_count: int
    actor_name: str | None
    negative_count: int | None
    released_at: dt.datetime | None
    chunks: Chunks | None

    @property
    def percent(self) -> int:
        """How much of the work list is handled, 0 … 100, rounded down: 100 says that nothing is left."""
        return 100 * self.handled_count // self.account_count if self.account_count else 0

    @property
    def is_moving(self) -> bool:
        """Whether the numbers change by themselves: it runs, or is about to begin."""
        return self.state is RunListState.RUNNING or (self.state is RunListState.PLANNED and self.is_due)


@dataclass(frozen=True)
class Review:
    """Why a run waits for a release: its points against those of the run before, and the bound as a percentage."""

    due_points: int
    last_due_points: int
    bound_percent: int

    @property
    def percent(self) -> int | None:
        """The points as a percentage of the run before; None: there was nothing to charge then."""
        return 100 * self.due_points // self.last_due_points if self.last_due_points else None


def find_run(*, viewer: Viewer, billing_date: dt.date, now: dt.datetime) -> RunFacts:
    """Return the run of a 25th, or the one that is to come, in a few set queries.

    :raises PermissionRefused: for those who have no part in a run.
    :raises RunNotVisible: when there is none.
    """
    access.check_permission(viewer=viewer, permission=Permission.RUNS_VIEW)
    row = db.session.execute(
        select(run_rows(viewer=viewer, now=now, billing_date=billing_date))
    ).one_or_none()
    if row is None:
        raise RunNotVisible
    return _facts(row, viewer, now)


def _facts(row: Row[Any], viewer: Viewer, now: dt.datetime) -> RunFacts:
    run_id = row.id if row.id > 0 else None
    released_at = select(BillingRun.released_at).where(BillingRun.id == run_id)
    return RunFacts(
        billing_date=row.billing_date,
        state=RunListState(row.state),
        run_id=run_id,
        started_at=row.started_at,
        finished_at=row.finished_at,
        is_late=is_late(row.billing_date, row.started_at or now),
        is_due=billing_instant(row.billing_date) <= now,
        account_count=row.account_count,
        handled_count=row.handled_count,
        listed_points=row.listed_points,
        charged_points=row.charged_points or 0,
        parked_count=row.parked_count or 0,
        actor_name=row.actor_name,
        negative_count=row.negative_count,
        released_at=db.session.execute(released_at).scalar_one_or_none() if run_id else None,
        chunks=_chunks(run_id) if run_id and viewer.account_type is AccountType.OPERATOR else None,
    )


def _chunks(run_id: int) -> Chunks | None:
    is_of_run = BillingChunk.run_id == run_id
    count, done_count = db.session.execute(
        select(func.count(), func.count(BillingChunk.done_at)).where(is_of_run)
    ).one()
    if not count:
        return None
    workers = db.session.execute(
        select(BillingChunk.worker_name, func.count())
        .where(is_of_run, BillingChunk.worker_name != "")
        .group_by(BillingChunk.worker_name)
        .order_by(func.count().desc(), BillingChunk.worker_name)
        .limit(SHOWN_WORKERS)
    )
    return Chunks(done_count, count, [Worker(name, chunk_count) for name, chunk_count in workers])


def review_of(*, facts: RunFacts, viewer: Viewer, bound_percent: int) -> Review | None:
    """Return why a run waits, for who may release it; None when it does not wait or that is not the viewer's."""
    if facts.state is not RunListState.REVIEW or not viewer.can(Permission.RUNS_CHANGE):
        return None
    last = billing_runs.last_due_points(facts.billing_date)
    return Review(facts.listed_points, last or 0, bound_percent)
