"""What somebody plants in the queue: refused, logged, marked as failed, and the worker works on.

A real worker over a real Redis and a database. Each planted job would leave a file behind if anything of it ran.
"""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from jobs import allowed_jobs, tasks
from jobs.allowed_jobs import ALLOWED, CheckedJob
from jobs.checked_queue import CheckedQueue
from jobs.schedule import TIMETABLE
from jobs.worker import PortalWorker
from services import doorbell
from tests.jobs.test_worker import environment, finished_job_names, redis_server, running_worker, wait_until
from tests.support.redis_server import RedisServer

__all__ = ["environment", "redis_server"]

TICK = json.dumps(["jobs.tasks.tick", None, [], {}]).encode()


class Planted:
    """Unpickled, it writes a file."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self._trace}",)


@dataclass
class Planter:
    """Puts things into the queue as somebody would who can write to Redis."""

    connection: Any
    trace: Path

    def plant(self, name: str, data: bytes, **fields: bytes) -> None:
        """Write a job's hash and put it into the queue."""
        found: dict[Any, Any] = {
            "data": zlib.compress(data),
            "origin": "portal",
            "status": "queued",
            **fields,
        }
        self.connection.hset(f"rq:job:{name}", mapping=found)
        self.connection.rpush("rq:queue:portal", name)

    def call(self, name: str, function: str, *arguments: object, **fields: bytes) -> None:
        """Plant a job of RQ's own form."""
        self.plant(name, json.dumps([function, None, arguments, {}]).encode(), **fields)

    def plant_all(self) -> set[str]:
        """Plant one of each kind; return their ids."""
        touch = f"touch {self.trace}"
        self.plant("pickle", pickle.dumps(Planted(self.trace)))
        self.plant("pickled-call", pickle.dumps(("os.system", None, (touch,), {})))
        self.plant("no-json", b"\xff\xfe[")
        self.plant("deep", b"[" * 100_000)
        self.plant("bomb", b" " * 50_000_000)
        self.plant("packed-by-nobody", b"")
        self.connection.hset("rq:job:packed-by-nobody", "data", pickle.dumps(Planted(self.trace)))
        self.call("system", "os.system", touch)
        self.call("eval", "builtins.eval", f"__import__('os').system('{touch}')")
        self.call("bare-eval", "eval", f"__import__('os').system('{touch}')")
        self.call("run", "subprocess.run", ["touch", str(self.trace)])
        self.call("popen", "subprocess.Popen", ["touch", str(self.trace)])
        self.call("private", "jobs.tasks._begin")
        self.call("borrowed", "jobs.tasks.alarms.raise_run_alarms")
        self.call("other-module", "jobs.worker.main")
        self.call("arguments", "jobs.tasks.tick", "more")
        self.plant("instance", json.dumps(["tick", "jobs.tasks", [], {}]).encode())
        for kind in ("success", "failure", "stopped"):
            self.plant(f"{kind}-callback", TICK, **{f"{kind}_callback_name": b"os.system"})
        self.plant("hook", TICK, webhooks=b'[{"url":"http://127.0.0.1:9/","job_status":"finished"}]')
        self.plant("meta", TICK, meta=pickle.dumps(Planted(self.trace)))
        self.plant("result", TICK, result=pickle.dumps(Planted(self.trace)), status=b"nonsense")
        self.plant("dependent", TICK, dependency_ids=b'["system"]')
        self.plant("again", TICK, repeats_left=b"5", repeat_intervals=b"[1]")
        self.plant("retried", TICK, retries_left=b"5")
        return {key.decode().removeprefix("rq:job:") for key in self.connection.keys("rq:job:*")}

    def plant_what_is_no_job(self) -> None:
        """Put what has no hash, and ids that are none, into the queue."""
        self.connection.set("rq:job:text", "x")
        self.connection.rpush("rq:queue:portal", "text", "not-there", b"\xff\xfe", "a:b", "../x", "a" * 70)


@pytest.fixture
def planter(environment: dict[str, str], tmp_path: Path) -> Iterator[Planter]:
    """Give a planter at the worker's Redis."""
    with Redis.from_url(environment["REDIS_URL"]) as connection:
        yield Planter(connection, tmp_path / "trace")


@pytest.mark.faults
def test_nothing_planted_runs_and_the_next_honest_job_is_done(
    environment: dict[str, str], tmp_path: Path, planter: Planter
) -> None:
    log_path = tmp_path / "worker.log"
    planted = planter.plant_all()
    planter.plant_what_is_no_job()
    doorbell.enqueue(planter.connection, "tick")
    queue = Queue(doorbell.QUEUE_NAME, connection=planter.connection, serializer=JSONSerializer)
    honest = planter.connection.lrange("rq:queue:portal", -1, -1)[0].decode()
    with running_worker(environment, log_path) as worker:
        assert wait_until(lambda: honest in queue.finished_job_registry.get_job_ids(cleanup=False))
        # Commands of RQ: nobody listens.
        for channel in planter.connection.pubsub_channels("rq:pubsub:*"):
            raise AssertionError(channel)
        assert wait_until(lambda: finished_job_names(environment["REDIS_URL"]) == set(ALLOWED))
        assert worker.poll() is None
    assert not planter.trace.exists()
    failed = set(queue.failed_job_registry.get_job_ids(cleanup=False))
    assert failed == planted
    assert {planter.connection.hget(f"rq:job:{name}", "status") for name in planted} == {b"failed"}
    # What has no hash is RQ's to take away at its next look, and ends no worker then.
    left = planter.connection.lrange("rq:queue:portal:intermediate", 0, -1)
    assert set(left) <= {b"text", b"not-there"}
    checked = CheckedQueue(doorbell.QUEUE_NAME, connection=planter.connection, serializer=JSONSerializer)
    assert [checked.fetch_job(name.decode()) for name in left] == [None] * len(left)
    said = log_path.read_text(encoding="utf-8")
    refused = [json.loads(line[line.index("{") :]) for line in said.splitlines() if "job.refused" in line]
    assert {line.get("job_id") for line in refused} == {*planted, None}
    assert str(planter.trace) not in said
    with closing(sqlite3.connect(tmp_path / "portal.db")) as database:
        assert database.execute("SELECT count(*) FROM worker_beats").fetchone()[0] >= 1


def test_the_table_is_the_timetable_and_nothing_is_looked_up_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {name: found.__name__ for name, found in ALLOWED.items()} == {
        f"jobs.tasks.{entry.job_name}": entry.job_name for entry in TIMETABLE
    }

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} was looked up")

    monkeypatch.setattr("rq.job.import_attribute", refuse)
    job = CheckedJob("one", connection=object())
    job.restore({b"data": zlib.compress(TICK), b"status": b"queued"})
    assert job.func is tasks.tick
    for name in ("success", "failure", "stopped"):
        job.restore({b"data": zlib.compress(TICK), f"{name}_callback_name".encode(): b"os.system"})
        assert job.refusal is not None
        assert getattr(job, f"{name}_callback") is None
        with pytest.raises(allowed_jobs.JobRefused):
            _ = job.func
    assert job.timeout == doorbell.JOB_TIMEOUT


def test_a_job_that_has_run_and_is_read_again_is_still_an_honest_one(
    redis_server: RedisServer,
) -> None:
    with Redis.from_url(redis_server.url) as connection:
        doorbell.enqueue(connection, "seal")
        [job] = Queue(doorbell.QUEUE_NAME, connection=connection, serializer=JSONSerializer).jobs
        job.heartbeat(job.created_at, 60)
        job.save()
        found = CheckedJob.fetch(job.id, connection=connection)
    assert isinstance(found, CheckedJob)
    assert found.refusal is None
    assert found.func is tasks.seal


def test_a_worker_waits_for_jobs_as_long_as_it_means_to(redis_server: RedisServer) -> None:
    with Redis.from_url(redis_server.url) as connection:
        connection.ping()  # as at the start: this connection has the usual, short patience
        worker = PortalWorker(application=Flask(__name__), connection=connection)
        used = connection.connection_pool.get_connection()
        assert used.socket_timeout > worker.dequeue_timeout
        connection.connection_pool.release(used)
