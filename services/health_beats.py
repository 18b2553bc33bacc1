"""The workers' beats, written by each of their jobs: a queue that lost its data knows no workers any more."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import delete, select

from models import WorkerBeat, db
from services.engines import upsert

#: A worker that was not seen for this long is forgotten.
FORGOTTEN_AFTER = dt.timedelta(days=1)
#: One that was seen within this time is at work.
ALIVE_WITHIN = dt.timedelta(minutes=3)


@dataclass(frozen=True)
class SeenWorker:
    """A worker's host and process, when it was seen last, and whether that is lately."""

    name: str
    beat_at: dt.datetime
    is_alive: bool


def beat(*, worker_name: str, now: dt.datetime) -> None:
    """Note that a worker is at work; of two instants the later one counts."""
    statement = upsert(WorkerBeat).values(worker_name=worker_name[:120], beat_at=now)
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["worker_name"], set_={"beat_at": now}, where=WorkerBeat.beat_at < now
        )
    )
    # Two that forget the same at once would wait for each other: a row that another one holds is left to it.
    old = select(WorkerBeat.worker_name).where(WorkerBeat.beat_at < now - FORGOTTEN_AFTER)
    names = db.session.execute(old.with_for_update(skip_locked=True)).scalars().all()
    if names:
        db.session.execute(delete(WorkerBeat).where(WorkerBeat.worker_name.in_(names)))


def seen_workers(*, now: dt.datetime) -> list[SeenWorker]:
    """Return the workers that are not forgotten, the one seen last first."""
    statement = select(WorkerBeat).order_by(WorkerBeat.beat_at.desc(), WorkerBeat.worker_name)
    return [
        SeenWorker(found.worker_name, found.beat_at, now - found.beat_at < ALIVE_WITHIN)
        for found in db.session.execute(statement).scalars()
    ]
