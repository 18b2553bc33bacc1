"""The facts of the portal's health: what the database and the queue say, without judging it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from config import Settings
from domain.billing_calendar import next_billing_date, start_of_day, tokyo_date
from domain.lifecycle import RUNNING, AccountStatus
from models import (
    Account,
    BillingChunk,
    BillingItem,
    BillingRun,
    OutgoingMail,
    Verification,
    db,
)
from models.billing import ItemState, RunState
from services import (
    alarms,
    audit_seals,
    database_roles,
    health_beats,
    health_queue,
    health_verification,
    portal_settings,
    readiness,
)
from services.audit_seals import Link
from services.cancellation_blockers import BLOCKING
from services.clockwork import LAST_TICK
from services.database_roles import Protection
from services.health_beats import SeenWorker
from services.health_queue import QueueFacts
from services.outgoing_mails import IS_OPEN


@dataclass(frozen=True)
class DueWork:
    """Work of one kind that is due and not done: how many, and since when the oldest is due (None: nothing is)."""

    count: int
    oldest_at: dt.datetime | None


@dataclass(frozen=True)
class RunFacts:
    """The newest run of a 25th, and how far it is."""

    billing_date: dt.date
    state: RunState
    started_at: dt.datetime
    account_count: int
    done_count: int
    #: When a chunk was posted last, or the run was begun or released.
    moved_at: dt.datetime
    open_chunk_count: int


@dataclass(frozen=True)
class HealthFacts:
    """Everything that the health page and the metrics are made of, at one instant."""

    now: dt.datetime
    #: The schema's version in the database, and whether this program wants that one.
    schema_version: str
    is_schema_current: bool
    #: What the row policies do for this process.
    row_protection: Protection
    last_tick_at: dt.datetime | None
    verification: Verification | None
    run: RunFacts | None
    #: Accounts of any 25th whose fee waits for a person.
    parked_count: int
    late_dates: list[dt.date]
    next_date: dt.date
    queue: QueueFacts
    workers: list[SeenWorker]
    cancellations: DueWork
    #: Accounts whose 解約予定日 has come while accounts below them run: a person's matter.
    blocked_count: int
    provisioning: DueWork
    mails: DueWork
    unsent_mail_count: int
    head: Link
    oldest_unsealed_at: dt.datetime | None
    told_on: str | None

    @property
    def dues(self) -> tuple[DueWork, ...]:
        """What a worker has to do, of every kind."""
        return self.cancellations, self.provisioning, self.mails


def collect(*, now: dt.datetime, settings: Settings) -> HealthFacts:
    """Ask for everything; a queue that is away costs a second or two, no more."""
    tick = portal_settings.kept(LAST_TICK)
    cancellations, blocked_count = _due_cancellations(now)
    mails, unsent_count = _mails(now)
    found, wanted = readiness.schema_versions(db.session.connection())
    return HealthFacts(
        now=now,
        schema_version=" ".join(sorted(found)),
        is_schema_current=found == wanted,
        row_protection=database_roles.protection(db.session.connection()),
        last_tick_at=dt.datetime.fromisoformat(tick) if tick else None,
        verification=health_verification.latest(),
        run=_newest_run(),
        parked_count=_parked_count(),
        late_dates=alarms.late_billing_dates(now),
        next_date=next_billing_date(now),
        queue=health_queue.look(settings.redis_url),
        workers=health_beats.seen_workers(now=now),
        cancellations=cancellations,
        blocked_count=blocked_count,
        provisioning=_due_provisioning(now),
        mails=mails,
        unsent_mail_count=unsent_count,
        head=audit_seals.head(),
        oldest_unsealed_at=audit_seals.oldest_unsealed_at(),
        told_on=portal_settings.kept(alarms.TOLD_ON),
    )


def _newest_run() -> RunFacts | None:
    run = db.session.execute(
        select(BillingRun).order_by(BillingRun.billing_date.desc()).limit(1)
    ).scalar_one_or_none()
    if run is None:
        return None
    is_open = BillingChunk.done_at.is_(None)
    done, open_count, last = db.session.execute(
        select(
            func.coalesce(func.sum(BillingChunk.charged_count), 0),
            func.count().filter(is_open),
            func.max(BillingChunk.done_at),
        ).where(BillingChunk.run_id == run.id)
    ).one()
    return RunFacts(
        billing_date=run.billing_date,
        state=run.state,
        started_at=run.started_at,
        account_count=run.account_count,
        done_count=run.done_count if run.finished_at else int(done),
        moved_at=max(instant for instant in (run.started_at, run.released_at, last) if instant is not None),
        open_chunk_count=open_count,
    )


def _parked_count() -> int:
    # Written out, not bound: SQLite uses the index of what is parked only when it can read the condition.
    is_parked = BillingItem.state == literal_column(f"'{ItemState.PARKED.value}'")
    return db.session.execute(select(func.count()).select_from(BillingItem).where(is_parked)).scalar_one()


def _due_cancellations(now: dt.datetime) -> tuple[DueWork, int]:
    is_due = (Account.status.in_(RUNNING), Account.cancellation_date <= tokyo_date(now))
    below = aliased(Account)
    is_blocked = exists().where(below.parent_id == Account.id, below.status.in_(BLOCKING))
    count, oldest = db.session.execute(
        select(func.count(), func.min(Account.cancellation_date)).where(*is_due, ~is_blocked)
    ).one()
    blocked = db.session.execute(select(func.count()).where(*is_due, is_blocked)).scalar_one()
    return DueWork(count, start_of_day(oldest) if oldest else None), blocked


def _due_provisioning(now: dt.datetime) -> DueWork:
    return _due(
        Account.provisioning_next_attempt_at,
        Account.status.in_((AccountStatus.APPROVED, AccountStatus.PROVISIONING_FAILED)),
        Account.provisioning_requested_at.is_not(None),
        Account.provisioning_next_attempt_at <= now,
    )


def _mails(now: dt.datetime) -> tuple[DueWork, int]:
    unsent = db.session.execute(select(func.count()).select_from(OutgoingMail).where(IS_OPEN)).scalar_one()
    return _due(OutgoingMail.next_attempt_at, IS_OPEN, OutgoingMail.next_attempt_at <= now), unsent


def _due(instant: InstrumentedAttribute[Any], *conditions: ColumnElement[bool]) -> DueWork:
    count, oldest = db.session.execute(select(func.count(), func.min(instant)).where(*conditions)).one()
    return DueWork(count, oldest)
