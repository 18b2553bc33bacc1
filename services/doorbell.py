"""Rings the workers, so that a row that waits for them is picked up at once instead of at the next minute.

Only a courtesy: call it after the commit, and nothing is lost when nobody hears it. This module, the
health of the queue and jobs/ are all that knows RQ.
"""

from __future__ import annotations

import logging
from functools import lru_cache

from flask import current_app
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

QUEUE_NAME = "portal"
#: Seconds that one run may take; a longer one is taken up again where it stopped.
JOB_TIMEOUT = 3600
#: Seconds after which a ring that no worker took is worth nothing: by then the timetable has rung again.
WAITING_TTL = 180
RESULT_TTL = 300
FAILURE_TTL = 86_400
#: A page waits no longer than this for the queue.
SOCKET_SECONDS = 1.0

log = logging.getLogger(__name__)


def ring(job_name: str) -> bool:
    """Ask for a run of a job of `jobs.tasks`, such as "tick"; tell whether the queue took it.

    False when there is no queue or it does not answer within a second; never raises for the queue's sake.
    """
    redis_url = current_app.extensions["settings"].redis_url
    if not redis_url:
        return False
    try:
        enqueue(_impatient_connection(redis_url), job_name)
    except RedisError as error:
        log.warning("the queue did not hear %s: %s", job_name, error)
        return False
    return True


def enqueue(connection: Redis, job_name: str) -> None:
    """Put a run of a job of `jobs.tasks` into the queue.

    :raises RedisError: when the queue does not take it.
    """
    # No job id of our own: a failed job would keep a unique one blocked until its failure is forgotten.
    queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)
    queue.enqueue(
        function_name(job_name),
        job_timeout=JOB_TIMEOUT,
        ttl=WAITING_TTL,
        result_ttl=RESULT_TTL,
        failure_ttl=FAILURE_TTL,
    )


def function_name(job_name: str) -> str:
    """Return the name by which the queue knows a job of `jobs.tasks`; a worker compares it, and imports nothing."""
    return f"jobs.tasks.{job_name}"


@lru_cache(maxsize=4)
def _impatient_connection(redis_url: str) -> Redis:
    return Redis.from_url(
        redis_url,
        socket_connect_timeout=SOCKET_SECONDS,
        socket_timeout=SOCKET_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
