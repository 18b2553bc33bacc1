"""The timetable rings each job once an interval, whoever else runs and whatever becomes of the queue."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from redis import Redis, RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from jobs import tasks
from jobs.schedule import TIMETABLE, Entry
from jobs.timetable import LOCK_NAME, Bell, keep_ringing, seconds_to_next_look
from services import doorbell
from tests.support.redis_server import RedisServer, running_redis

NOON = dt.datetime(2026, 11, 25, 3, 0, 0, 200_000, tzinfo=dt.UTC)
ENTRIES = (Entry("tick", 60), Entry("send_mails", 120))


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """Give a real Redis."""
    with running_redis() as server:
        yield server


@pytest.fixture
def connection(redis_server: RedisServer) -> Iterator[Redis]:
    """Give a connection to an empty Redis."""
    with Redis.from_url(redis_server.url) as opened:
        opened.flushall()
        yield opened


def waiting_jobs(connection: Redis) -> list[str]:
    """Return the names of the jobs in the queue, oldest first."""
    queue = Queue(doorbell.QUEUE_NAME, connection=connection, serializer=JSONSerializer)
    return [str(job.func_name) for job in queue.jobs]


def test_every_entry_of_the_timetable_names_a_job() -> None:
    assert [entry.job_name for entry in TIMETABLE if not callable(getattr(tasks, entry.job_name, None))] == []


def test_it_rings_all_at_the_start_and_then_each_at_its_interval(connection: Redis) -> None:
    bell = Bell(connection=connection, entries=ENTRIES)
    assert bell.look(NOON) == ["tick", "send_mails"]
    assert bell.look(NOON + dt.timedelta(seconds=59)) == []
    assert bell.look(NOON + dt.timedelta(seconds=60)) == ["tick"]
    assert bell.look(NOON + dt.timedelta(seconds=120)) == ["tick", "send_mails"]
    rung = ("tick", "send_mails", "tick", "tick", "send_mails")
    assert waiting_jobs(connection) == [f"jobs.tasks.{name}" for name in rung]


def test_of_two_only_one_rings_until_it_leaves(connection: Redis) -> None:
    first, second = (Bell(connection=connection, entries=ENTRIES) for _ in range(2))
    first.look(NOON)
    assert second.look(NOON) == []
    first.leave()
    assert second.look(NOON) == ["tick", "send_mails"]
    assert first.look(NOON) == []


def test_the_lock_is_kept_by_looking_and_runs_out_by_itself(connection: Redis) -> None:
    Bell(connection=connection, entries=ENTRIES).look(NOON)
    assert 0 < connection.pttl(LOCK_NAME) <= 15_000
    connection.pexpire(LOCK_NAME, 1)
    time.sleep(0.05)
    assert Bell(connection=connection, entries=ENTRIES).look(NOON) == ["tick", "send_mails"]


def test_a_queue_that_lost_its_data_is_served_on(connection: Redis) -> None:
    bell = Bell(connection=connection, entries=ENTRIES)
    bell.look(NOON)
    connection.flushall()
    assert bell.look(NOON + dt.timedelta(seconds=60)) == ["tick"]


@pytest.mark.parametrize(
    ("second", "pause"), [(0.0, 5.0), (0.2, 5.0), (54.0, 5.0), (58.0, 2.2), (59.9, 0.3)], ids=str
)
def test_it_looks_just_after_the_whole_minute(second: float, pause: float) -> None:
    now = dt.datetime(2026, 11, 24, 14, 59, tzinfo=dt.UTC) + dt.timedelta(seconds=second)
    assert seconds_to_next_look(now) == pytest.approx(pause, abs=0.001)


def test_it_rings_again_by_itself_after_an_outage_and_leaves_when_asked() -> None:
    with running_redis() as server, Redis.from_url(server.url, socket_timeout=30) as connection:
        stop = threading.Event()
        bell = Bell(connection=connection, entries=ENTRIES)
        server.kill_and_forget()
        with pytest.raises(RedisError):
            bell.look(NOON)
        thread = threading.Thread(
            target=keep_ringing, kwargs={"bell": bell, "clock": lambda: NOON, "stop": stop}
        )
        thread.start()
        server.start()
        try:
            assert wait_until(lambda: len(waiting_jobs(connection)) == 2)
        finally:
            stop.set()
            thread.join(10)
        assert not thread.is_alive()
        assert connection.get(LOCK_NAME) is None


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait for a condition; tell whether it came."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
