"""A real worker over a real queue and a real database: starts without the queue, survives what kills its jobs."""

from __future__ import annotations

import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from redis import Redis, RedisError
from rq import Queue
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from jobs.schedule import TIMETABLE
from launcher.environment import ROOT
from launcher.process import pids_of_session
from services import doorbell
from tests.support.children import with_us
from tests.support.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.faults


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """Give a real Redis of this test's own, to be stopped at will."""
    with running_redis() as server:
        yield server


@pytest.fixture
def environment(tmp_path: Path, redis_server: RedisServer) -> dict[str, str]:
    """Return the environment of a worker whose database is at the current schema."""
    settings = {
        "PORTAL_ENV": "demo",
        "VAR_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'portal.db'}",
        "REDIS_URL": redis_server.url,
        "SECRET_KEY": secrets.token_urlsafe(32),
    }
    environment = {name: value for name, value in os.environ.items() if name != "PORTAL_NOW"} | settings
    command = [sys.executable, "-m", "flask", "--app", "app", "db", "upgrade"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return environment


@contextmanager
def running_worker(environment: dict[str, str], log_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Give a worker process and end it, with its log shown when the test fails."""
    with log_path.open("wb") as log:
        command = [*with_us("TERM"), sys.executable, "-m", "jobs.worker"]
        worker = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield worker
    finally:
        # With its work-horses, which have process groups of their own.
        worker.kill()
        for pid in pids_of_session(worker.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        worker.wait(60)
        print(log_path.read_text(encoding="utf-8", errors="replace"))


def finished_job_names(redis_url: str) -> set[str]:
    """Return the names of the jobs that ended well; none while the queue is away."""
    try:
        with Redis.from_url(redis_url) as connection:
            queue = Queue(doorbell.QUEUE_NAME, connection=connection, serializer=JSONSerializer)
            jobs = [queue.fetch_job(job_id) for job_id in queue.finished_job_registry.get_job_ids()]
    except RedisError:
        return set()
    return {
        str(job.func_name)
        for job in jobs
        if job is not None and job.get_status(refresh=False) == JobStatus.FINISHED
    }


def wait_until(condition: Callable[[], bool], seconds: float = 120.0) -> bool:
    """Wait for a condition; tell whether it came."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


ALL_JOBS = {f"jobs.tasks.{entry.job_name}" for entry in TIMETABLE}


def test_it_does_every_job_at_its_start_and_leaves_when_asked(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with running_worker(environment, tmp_path / "worker.log") as worker:
        assert wait_until(lambda: finished_job_names(environment["REDIS_URL"]) == ALL_JOBS)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0


def test_it_waits_for_a_queue_that_is_away_at_its_start(
    environment: dict[str, str], tmp_path: Path, redis_server: RedisServer
) -> None:
    redis_server.stop()
    log_path = tmp_path / "worker.log"
    with running_worker(environment, log_path) as worker:
        assert wait_until(lambda: b"the queue is away" in log_path.read_bytes())
        assert worker.poll() is None
        redis_server.start()
        assert wait_until(lambda: finished_job_names(environment["REDIS_URL"]) == ALL_JOBS)


def test_it_works_on_after_the_queue_came_back_empty(
    environment: dict[str, str], tmp_path: Path, redis_server: RedisServer
) -> None:
    with running_worker(environment, tmp_path / "worker.log") as worker:
        assert wait_until(lambda: finished_job_names(environment["REDIS_URL"]) == ALL_JOBS)
        redis_server.kill_and_forget()
        redis_server.start()
        with Redis.from_url(environment["REDIS_URL"]) as connection:
            doorbell.enqueue(connection, "tick")
        assert wait_until(lambda: "jobs.tasks.tick" in finished_job_names(environment["REDIS_URL"]))
        assert worker.poll() is None


def test_it_works_on_after_the_queue_died_under_a_running_job(
    environment: dict[str, str], tmp_path: Path, redis_server: RedisServer
) -> None:
    log_path = tmp_path / "worker.log"
    with running_worker(environment, log_path) as worker:
        assert wait_until(lambda: finished_job_names(environment["REDIS_URL"]) == ALL_JOBS)
        with closing(sqlite3.connect(tmp_path / "portal.db", timeout=60, isolation_level=None)) as database:
            # The tick waits for this writer, and the worker for the tick.
            database.execute("BEGIN IMMEDIATE")
            with Redis.from_url(environment["REDIS_URL"]) as connection:
                doorbell.enqueue(connection, "tick")
                queue = Queue(doorbell.QUEUE_NAME, connection=connection, serializer=JSONSerializer)
                assert wait_until(lambda: queue.started_job_registry.get_job_count() == 1)
            redis_server.kill_and_forget()
        assert wait_until(lambda: b"the queue" in log_path.read_bytes())
        redis_server.start()
        assert wait_until(lambda: finished_job_names(environment["REDIS_URL"]) == ALL_JOBS)
        assert worker.poll() is None
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
