"""Workers and the queue die in the middle of runs of the 25th: each fee is posted once, within two minutes.

Compared with the same database on which the clockwork did the same 25ths undisturbed.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import select

from config import ROOT
from domain.billing_calendar import billing_instant
from models import Administrator, db
from services import clockwork, doorbell, invariants
from services.demo import create_demo
from services.transaction import transaction
from tests.builders import SETTINGS
from tests.support.databases import ENGINES, PASSWORD, START, build_app
from tests.support.fingerprints import Fingerprint, differences, fingerprint
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer, running_redis
from tests.support.worker_team import SUSPEND_AFTER_DAYS, TAKEN_UP_WITHIN, Team, running_team, wait_until

pytestmark = pytest.mark.faults

MONTHS = ("2026-11", "2026-12", "2027-01", "2027-02", "2027-03")
DATES = tuple(dt.date.fromisoformat(f"{month}-25") for month in MONTHS)
#: So long mishaps happen to the work of one 25th, if it is not done before.
MISHAP_SECONDS = 20.0
SINCE = dt.timedelta(seconds=30)
#: Whatever was done while the test lasts; which worker did it, and in which order, is no difference.
AT_WORK = (billing_instant(DATES[0]), billing_instant(DATES[-1]) + dt.timedelta(days=1))
#: What the runs write; mails and sealed rows are other jobs', which run at a worker's start as well.
TABLES = ("accounts", "billing_items", "billing_runs", "point_balances", "point_lines")


@dataclass(frozen=True)
class Prepared:
    """An application over demo data, and the address of an equal copy of its database."""

    app: Flask
    url: str
    copy_url: str


def prepare(url: str, copy: Callable[[], str], customers: int) -> Prepared:
    """Fill an empty database with demo data, and have it copied."""
    app = build_app(url)
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        with transaction():
            create_demo(
                customers=customers, msps=2, seed=1, password=PASSWORD, brand_name="SingleID", now=START
            )
        db.session.remove()
        db.engine.dispose()
    return Prepared(app, url, copy())


def check_laws(app: Flask) -> None:
    with app.app_context():
        broken = invariants.verify()
        db.session.remove()
        db.engine.dispose()
    assert broken == []


@pytest.fixture
def on_postgresql(postgres_server: PostgresServer) -> Iterator[Prepared]:
    """Give a small portal on PostgreSQL, where a test can hold a run by a lock."""
    names = ("worker_kills", "worker_kills_copy")
    url = postgres_server.create_database(names[0])
    made = prepare(url, lambda: postgres_server.create_database(names[1], template=names[0]), 60)
    yield made
    check_laws(made.app)
    for name in names:
        postgres_server.drop_database(name)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """Give a real Redis of this test's own, to be stopped at will."""
    with running_redis() as server:
        yield server


def traces(app: Flask) -> Fingerprint:
    with app.app_context():
        whole = fingerprint(db.session(), at_work=AT_WORK, ordered=False)
        db.session.remove()
    return {name: whole[name] for name in TABLES}


def undisturbed(url: str, dates: tuple[dt.date, ...] = DATES) -> Fingerprint:
    """Let the clockwork alone do the same 25ths, and return what came of it."""
    app = build_app(url)
    settings = dataclasses.replace(SETTINGS, suspend_after_days=SUSPEND_AFTER_DAYS)
    with app.app_context():
        for date in dates:
            clockwork.run_due_work(now=billing_instant(date) + SINCE, settings=settings)
        db.session.remove()
    found = traces(app)
    with app.app_context():
        db.engine.dispose()
    return found


def settled(app: Flask, expected: Fingerprint, *, seconds: float) -> list[str]:
    """Wait until everything is as expected; return what is not by then."""
    deadline = time.monotonic() + seconds
    while found := differences(expected, traces(app)):
        if time.monotonic() > deadline:
            return found
        time.sleep(0.2)
    return []


def support_id(app: Flask) -> int:
    with app.app_context():
        found = select(Administrator.account_id).where(Administrator.user_name == "support")
        account_id = db.session.execute(found).scalar_one()
        db.session.remove()
    return account_id


def stop_in_the_middle(team: Team, date: dt.date, disturb: Callable[[str], None]) -> float:
    """Begin a run, disturb it before its last level; return how long it then took to be finished."""
    team.set_clock(billing_instant(date) + SINCE)
    with team.held_run(support_id(team.app)) as waiting:
        team.ring()
        wait_until(lambda: bool(waiting()))
        assert not team.is_finished(date)
        disturb(next(iter(waiting().values())))
    return wait_until(lambda: team.is_finished(date))


def empty_the_queue(redis_server: RedisServer) -> None:
    with Redis.from_url(redis_server.url) as connection:
        connection.flushall()


def is_quiet(redis_server: RedisServer) -> bool:
    """Tell whether no job waits and none is being done."""
    with Redis.from_url(redis_server.url) as connection:
        queue = Queue(doorbell.QUEUE_NAME, connection=connection, serializer=JSONSerializer)
        return not queue.count and not queue.started_job_registry.get_job_ids()


def test_workers_and_the_queue_die_in_mid_run(
    on_postgresql: Prepared, redis_server: RedisServer, tmp_path: Path
) -> None:
    took: dict[str, float] = {}
    with running_team(on_postgresql.app, on_postgresql.url, redis_server, tmp_path) as team:
        team.start("first")
        team.start("second")
        expected = undisturbed(on_postgresql.copy_url)
        wait_until(lambda: team.listens("first") and team.listens("second"))

        took["work-horse killed"] = stop_in_the_middle(team, DATES[0], team.kill_horse)
        took["worker killed"] = stop_in_the_middle(team, DATES[1], team.kill)
        team.start("third")
        took["FLUSHALL"] = stop_in_the_middle(team, DATES[2], lambda _name: empty_the_queue(redis_server))
        took["queue gone"] = stop_in_the_middle(team, DATES[3], lambda _name: redis_server.kill_and_forget())
        redis_server.start()
        wait_until(lambda: team.listens("third"))
        team.set_clock(billing_instant(DATES[4]) + SINCE)
        team.ring(8)
        took["rung 8 times"] = wait_until(lambda: team.is_finished(DATES[4]) and is_quiet(redis_server))
        assert settled(team.app, expected, seconds=30) == []
    print("taken up and finished within", {what: f"{seconds:.1f} s" for what, seconds in took.items()})


@pytest.mark.soak
def test_a_killed_work_horse_gives_its_locks_back_although_it_waits(
    on_postgresql: Prepared, redis_server: RedisServer, tmp_path: Path
) -> None:
    with running_team(on_postgresql.app, on_postgresql.url, redis_server, tmp_path) as team:
        team.start("only")
        wait_until(lambda: team.listens("only"))
        team.set_clock(billing_instant(DATES[0]) + SINCE)
        with team.held_run(support_id(team.app)) as waiting:
            team.ring()
            wait_until(lambda: bool(waiting()))
            dead = set(waiting())
            team.kill_horse("only")
            noticed = wait_until(lambda: not dead & set(waiting()))
            team.ring()
            # The lock is still held; somebody else has the chunk of the dead one and waits in its place.
            taken_up = wait_until(lambda: bool(waiting()))
        wait_until(lambda: team.is_finished(DATES[0]))
        assert settled(team.app, undisturbed(on_postgresql.copy_url, DATES[:1]), seconds=30) == []
        assert noticed < 15
    print(f"noticed by the database within {noticed:.1f} s, taken up within {taken_up:.1f} s more")


@pytest.fixture(params=ENGINES)
def large(
    request: pytest.FixtureRequest, postgres_server: PostgresServer, tmp_path: Path
) -> Iterator[Prepared]:
    """Give a portal whose runs last long enough to be killed in."""
    names = ("worker_soak", "worker_soak_copy")
    if request.param == "postgresql":
        url = postgres_server.create_database(names[0])
        made = prepare(url, lambda: postgres_server.create_database(names[1], template=names[0]), 12_000)
    else:
        paths = [tmp_path / f"{name}.db" for name in names]

        def copy() -> str:
            with closing(sqlite3.connect(paths[0])) as source, closing(sqlite3.connect(paths[1])) as target:
                source.backup(target)
            return f"sqlite:///{paths[1]}"

        made = prepare(f"sqlite:///{paths[0]}", copy, 12_000)
    yield made
    check_laws(made.app)
    if request.param == "postgresql":
        for name in names:
            postgres_server.drop_database(name)


class Mishaps:
    """What befalls a team of three workers and two timetables; who dies is followed by another, as under systemd."""

    def __init__(self, team: Team, redis_server: RedisServer, chance: random.Random) -> None:
        self.team, self.redis_server, self.chance = team, redis_server, chance
        self.counts: Counter[str] = Counter()
        self._hired = 0
        for module in ("jobs.worker",) * 3 + ("jobs.timetable",) * 2:
            self._hire(module)

    def happen(self) -> None:
        """Let one of them happen."""
        workers = [name for name in self.team.processes if "worker" in name]
        timetables = [name for name in self.team.processes if "timetable" in name]
        what = self.chance.choice(
            ("horse", "horse", "worker", "worker", "timetable", "flushall", "queue", "ring")
        )
        self.counts[what] += 1
        if what == "horse":
            for name in workers:
                self.team.kill_horse(name)
        elif what in ("worker", "timetable"):
            self.team.kill(self.chance.choice(workers if what == "worker" else timetables))
            self._hire(f"jobs.{what}")
        elif what == "flushall":
            empty_the_queue(self.redis_server)
        elif what == "queue":
            self.redis_server.kill_and_forget()
            time.sleep(self.chance.random() * 3)
            self.redis_server.start()
        else:
            self.team.ring(20)

    def _hire(self, module: str) -> None:
        self._hired += 1
        self.team.start(f"{module.removeprefix('jobs.')}-{self._hired}", module)


def disturbed_run(team: Team, mishaps: Mishaps, date: dt.date) -> float:
    """Let the work of a 25th begin among mishaps; return how long after the last of them it was done."""
    team.set_clock(billing_instant(date) + SINCE)
    team.ring()
    began_at = last_at = time.monotonic()
    while not team.has_ticked_since(date) and time.monotonic() - began_at < MISHAP_SECONDS:
        time.sleep(mishaps.chance.random() * 0.5)
        mishaps.happen()
        last_at = time.monotonic()
    wait_until(lambda: team.has_ticked_since(date))
    return time.monotonic() - last_at


@pytest.mark.soak
def test_months_of_runs_while_everything_dies(
    large: Prepared, redis_server: RedisServer, tmp_path: Path
) -> None:
    seed = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    expected = undisturbed(large.copy_url)
    with running_team(large.app, large.url, redis_server, tmp_path) as team:
        mishaps = Mishaps(team, redis_server, chance)
        took = [disturbed_run(team, mishaps, date) for date in DATES]
        found = settled(team.app, expected, seconds=TAKEN_UP_WITHIN)
        counts = mishaps.counts
    print(f"SEED={seed} mishaps={dict(counts)} done {max(took):.1f} s after the last at most")
    assert found == []
