"""The workers' beats, written by each of their jobs: a queue that lost its data knows no workers any more."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from models import WorkerBeat, db

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
    dialect = postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(WorkerBeat).values(worker_name=worker_name[:120], beat_at=now)
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["worker_name"], set_={"beat_at": now}, where=WorkerBeat.beat_at < now
        )
    )
    db.session.execute(delete(WorkerBeat).where(WorkerBeat.beat_at < now - FORGOTTEN_AFTER))


def seen_workers(*, now: dt.datetime) -> list[SeenWorker]:
    """Return the workers that are not forgotten, the one seen last first."""
    statement = select(WorkerBeat).order_by(WorkerBeat.beat_at.desc(), WorkerBeat.worker_name)
    return [
        SeenWorker(found.worker_name, found.beat_at, now - found.beat_at < ALIVE_WITHIN)
        for found in db.session.execute(statement).scalars()
    ]
