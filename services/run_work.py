"""A run of a 25th carried through by one of its workers: listed once, then chunk by chunk until none is open."""

from __future__ import annotations

import datetime as dt
import logging
import os
import socket
import time
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from config import Settings
from models import BillingRun
from models.billing import RunState
from services import billing_runs, doorbell, run_chunks
from services.billing_retries import REFUSALS
from services.billing_runs import ReviewBound
from services.engines import is_postgresql, let_others_write
from services.fee_posting import Posted
from services.transaction import transaction

log = logging.getLogger(__name__)


def bill(
    *,
    billing_date: dt.date,
    now: dt.datetime,
    settings: Settings,
    chunk_size: int = run_chunks.CHUNK_SIZE,
) -> Posted:
    """Write the run of a 25th if it is not there, and post what this worker gets of it; return that.

    It comes back when nothing of the run is open any more, or when the run waits for its release.
    """
    run = _listed_run(billing_date, now, settings, chunk_size)
    total = Posted()
    if run is None or run.state is RunState.REVIEW:
        return total
    run_id, worker_name = run.id, f"{socket.gethostname()}:{os.getpid()}"
    began = time.monotonic()

    def by_now() -> dt.datetime:
        """The portal's clock has gone on since it was read: how a long run comes on is shown by it."""
        return now + dt.timedelta(seconds=time.monotonic() - began)

    while posted := post_next_chunk(run_id=run_id, now=now, by_now=by_now, worker_name=worker_name):
        total += posted
        let_others_write()
    with transaction():
        billing_runs.finish_run(run_id=run_id, now=now, finished_at=by_now())
    return total


def post_next_chunk(
    *,
    run_id: int,
    now: dt.datetime,
    by_now: Callable[[], dt.datetime] | None = None,
    worker_name: str = "",
) -> Posted | None:
    """Take and post a chunk; one that the database refuses is made smaller instead. None: all is done.

    Lines bear `now`, the chunk's end what `by_now` says.
    """
    chunk = None
    try:
        with transaction():
            chunk = run_chunks.take_chunk(run_id=run_id)
            if chunk is None:
                return None
            return run_chunks.post_chunk(
                chunk=chunk, now=now, done_at=by_now and by_now(), worker_name=worker_name
            )
    except REFUSALS as error:
        if chunk is None:
            raise
        log.warning("chunk %s of run %s is refused and made smaller: %s", chunk.number, run_id, error)
        with transaction():
            run_chunks.isolate(chunk=chunk, now=now, worker_name=worker_name)
        return Posted()


def _listed_run(
    billing_date: dt.date, now: dt.datetime, settings: Settings, chunk_size: int
) -> BillingRun | None:
    """Return the run, written now if it is not there yet; None: another worker just did, look again."""
    found = select(BillingRun).where(BillingRun.billing_date == billing_date)
    bound = ReviewBound(settings.billing_review_percent, settings.billing_review_from_points)
    try:
        with transaction() as session:
            run = session.execute(found).scalar_one_or_none()
            if run is not None:
                return run
            run = billing_runs.list_run(
                billing_date=billing_date, now=now, chunk_size=chunk_size, bound=bound
            )
    except IntegrityError:
        log.info("the run of %s was listed by another worker", billing_date)
        return None
    if is_postgresql():
        doorbell.ring("tick")  # a second worker takes chunks too
    return run
