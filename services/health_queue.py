"""What the queue says of itself, asked briefly: it is only a doorbell, and nothing waits for its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from services.doorbell import QUEUE_NAME, SOCKET_SECONDS


@dataclass(frozen=True)
class QueueFacts:
    """`state`: ok, degraded (does not answer) or off (no address). The numbers are 0 where it says nothing."""

    state: str
    waiting_count: int = 0
    failed_count: int = 0
    #: Workers that the queue knows; one that lost its data knows none of those that run.
    worker_count: int = 0


def look(redis_url: str) -> QueueFacts:
    """Ask the queue at an address, each question for a second at most; never raises for the queue's sake."""
    if not redis_url:
        return QueueFacts("off")
    try:
        with Redis.from_url(
            redis_url,
            socket_connect_timeout=SOCKET_SECONDS,
            socket_timeout=SOCKET_SECONDS,
            retry=Retry(NoBackoff(), 0),
        ) as connection:
            return _facts(connection)
    except (RedisError, ValueError):
        # An address that is none is as good as a queue that is away.
        return QueueFacts("degraded")


def _facts(connection: Any) -> QueueFacts:
    queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)
    return QueueFacts(
        "ok",
        waiting_count=queue.count,
        failed_count=queue.failed_job_registry.get_job_count(cleanup=False),
        worker_count=Worker.count(connection=connection),
    )
