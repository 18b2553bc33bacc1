"""The doorbell: heard when the queue is there, and never in anybody's way when it is not."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from config import Settings
from services import doorbell
from tests.support.redis_server import RedisServer, running_redis


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """Give a real Redis."""
    with running_redis() as server:
        yield server


def application(redis_url: str) -> Flask:
    """Return an application that knows nothing but its settings."""
    app = Flask(__name__)
    app.extensions["settings"] = Settings(database_url="sqlite://", secret_key="", redis_url=redis_url)
    return app


def is_quicker_than(seconds: float) -> bool:
    """Ring in vain until once it took less; a machine that does much else may hold up one or two of five."""

    def seconds_of_a_ring() -> float:
        started_at = time.monotonic()
        assert doorbell.ring("tick") is False
        return time.monotonic() - started_at

    return any(seconds_of_a_ring() < seconds for _attempt in range(5))


def test_a_ring_puts_the_named_job_into_the_queue(redis_server: RedisServer) -> None:
    with application(redis_server.url).app_context():
        assert doorbell.ring("tick") is True
    connection = Redis.from_url(redis_server.url)
    [job] = Queue(doorbell.QUEUE_NAME, connection=connection, serializer=JSONSerializer).jobs
    assert (job.func_name, job.timeout, job.result_ttl, job.failure_ttl) == (
        "jobs.tasks.tick",
        3600,
        300,
        86_400,
    )
    assert 0 < connection.ttl(job.key) <= doorbell.WAITING_TTL
    connection.close()


def test_without_a_queue_nobody_hears_and_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with application("").app_context():
        assert doorbell.ring("tick") is False
    assert not caplog.records


def test_a_stopped_queue_is_noted_and_takes_no_time(caplog: pytest.LogCaptureFixture) -> None:
    with running_redis() as server, application(server.url).app_context():
        assert doorbell.ring("tick") is True
        server.stop()
        assert is_quicker_than(0.5)
        server.start()
        assert doorbell.ring("tick") is True
    assert "the queue did not hear tick" in caplog.text


def test_a_silent_queue_holds_nobody_longer_than_a_second_or_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        with application(url).app_context():
            assert is_quicker_than(2.5)
