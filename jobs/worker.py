"""`python -m jobs.worker`: takes jobs from the queue. Any number may run, on any host, without names."""

from __future__ import annotations

import logging
import signal
import sys
import time
from types import FrameType
from typing import Any

from flask import Flask
from redis import Redis, RedisError
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import now as queue_now

from app import create_app
from jobs.allowed_jobs import CheckedJob, JobRefused
from jobs.checked_queue import CheckedQueue
from jobs.schedule import TIMETABLE
from models import db
from services import doorbell, row_scope, security_log
from services.security_log import SecurityEvent

RETRY_SECONDS = 1.0
#: A worker that was killed is missed after this long, and its job taken up by another.
WORKER_TTL = 60
MAINTENANCE_INTERVAL = 30
JOB_MONITORING_INTERVAL = 10

log = logging.getLogger("jobs.worker")


class PortalWorker(Worker):
    """An RQ worker whose work-horses run inside the application, and which runs the timetable's jobs only."""

    max_connection_wait_time = 5.0
    job_class = CheckedJob
    queue_class = CheckedQueue

    def __init__(self, *, application: Flask, connection: Redis) -> None:
        super().__init__(
            [CheckedQueue(doorbell.QUEUE_NAME, connection=connection, serializer=JSONSerializer)],
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL,
            maintenance_interval=MAINTENANCE_INTERVAL,
            job_monitoring_interval=JOB_MONITORING_INTERVAL,
            log_job_description=False,
        )
        # RQ has just told the pool to be patient; connections that were open before wait five seconds only, less
        # than a worker waits for a job.
        connection.connection_pool.disconnect()
        connection.connection_pool.reset()
        self.application = application
        self.is_asked_to_stop = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Remember that leaving is what somebody wants, then do as RQ does."""
        self.is_asked_to_stop = True
        super().request_stop(signum, frame)

    def subscribe(self) -> None:
        """Listen to no commands: whoever can write to Redis shall not stop a worker, or the job in its hands."""

    def unsubscribe(self) -> None:
        """There is nothing to leave."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job in a process of its own; one that is none of ours fails here, and nothing is forked for it."""
        refusal = job.refusal if isinstance(job, CheckedJob) else "it was not checked"
        if refusal is None:
            super().execute_job(job, queue)
            return
        security_log.write(SecurityEvent.JOB_REFUSED, now=queue_now(), job_id=job.id, reason=refusal)
        job.ended_at = queue_now()
        self.handle_job_failure(job, queue, exc_string=f"{JobRefused.__name__}: {refusal}")
        self.connection.lrem(queue.intermediate_queue_key, 0, job.id)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Run one job in the forked process, on database connections of its own."""
        self.application.app_context().push()
        forget_connections(close=False)
        super().main_work_horse(job, queue)


def forget_connections(*, close: bool) -> None:
    """Empty the connection pools; with close=False the connections stay open for the parent process."""
    for engine in db.engines.values():
        engine.dispose(close=close)


def wait_for_queue(connection: Redis) -> None:
    """Return at the queue's first answer, however long it is away."""
    while True:
        try:
            connection.ping()
        except RedisError as error:
            log.warning("the queue is away, trying again: %s", error)
            time.sleep(RETRY_SECONDS)
        else:
            return


def listen(application: Flask, connection: Any) -> bool:
    """Take jobs until asked to stop or the queue is lost; tell whether it was asked to stop."""
    wait_for_queue(connection)
    worker = PortalWorker(application=application, connection=connection)
    try:
        # What became due while no worker was there is not left for the next minute.
        for entry in TIMETABLE:
            doorbell.enqueue(connection, entry.job_name)
        log.info("worker %s listens", worker.name)
        worker.work(logging_level="WARNING")
    except RedisError as error:
        # RQ leaves when the queue goes away under a running job, or while it says goodbye.
        log.warning("the queue was lost: %s", error)
    finally:
        # RQ's own would only tell a worker that is no more.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return worker.is_asked_to_stop


def main() -> int:
    """Work until asked to stop: 0. A lost queue is waited for; without an address of one: 2."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout
    )
    row_scope.act_for_the_portal()
    application = create_app()
    redis_url = application.extensions["settings"].redis_url
    if not redis_url:
        log.error("REDIS_URL is not set: without a queue, run `flask --app app work` instead")
        return 2
    with application.app_context():
        # No connection is open when a work-horse is forked.
        forget_connections(close=True)
    connection: Any = Redis.from_url(redis_url)
    while not listen(application, connection):
        time.sleep(RETRY_SECONDS)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
