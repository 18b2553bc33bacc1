"""Real workers and timetables over one database and one queue, to be killed at a moment that a test chooses.

A run of the 25th is held in its middle by a lock on the balance of a support account: customers are charged by
then, it is not, and nothing but a run touches it.

The clock of the portal is the one that the database keeps, so that a test moves it for all processes.
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from flask import Flask
from redis import Redis
from sqlalchemy import select

from config import ROOT
from domain.billing_calendar import billing_instant
from models import BillingRun, db
from services import clock, clockwork, doorbell, portal_settings
from services.transaction import transaction
from tests.support.children import with_us
from tests.support.databases import START
from tests.support.postgres_server import APPLICATION
from tests.support.processes import children_of
from tests.support.redis_server import RedisServer

#: A dead worker's work is taken up within this long, whatever died. Source: the promise of docs/reliability.md.
TAKEN_UP_WITHIN = 120.0
#: Never the time between two 25ths to the second: who is suspended must not hang on how late a run was.
SUSPEND_AFTER_DAYS = 40
INHERITED = ("PORTAL_NOW", "VAR_DIR", "MAIL_URL", "DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")


def wait_until(condition: Callable[[], bool], *, seconds: float = TAKEN_UP_WITHIN) -> float:
    """Wait for a condition; return the seconds that it took.

    :raises TimeoutError: when it did not come.
    """
    began_at = time.monotonic()
    while not condition():
        if time.monotonic() - began_at > seconds:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.05)
    return time.monotonic() - began_at


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it has just come to its end by itself
            os.kill(pid, signal.SIGKILL)


@dataclass
class Team:
    """The processes, by name; each tells the database its name."""

    app: Flask
    url: str
    redis: RedisServer
    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, module: str = "jobs.worker") -> None:
        """Start a process; `listens` tells when a worker takes jobs."""
        settings = {
            "PORTAL_ENV": "demo",
            "VAR_DIR": str(self.folder),
            "DATABASE_URL": self.url,
            "REDIS_URL": self.redis.url,
            "SECRET_KEY": secrets.token_urlsafe(32),
            "BILLING_REVIEW_PERCENT": "0",
            "SUSPEND_AFTER_DAYS": str(SUSPEND_AFTER_DAYS),
            "PGAPPNAME": name,
        }
        kept = {key: value for key, value in os.environ.items() if key not in INHERITED}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*with_us("KILL"), sys.executable, "-m", module],
                cwd=ROOT,
                env=kept | settings,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def listens(self, name: str) -> bool:
        """Tell whether a worker takes jobs; one that ended by itself is an error."""
        assert self.processes[name].poll() is None, self.words(name)
        return "listens" in self.words(name)

    def words(self, name: str) -> str:
        """Return what a process has logged."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def horses(self, name: str) -> list[int]:
        """Return the pids of a worker's work-horse: one or none."""
        return children_of(self.processes[name].pid)

    def kill_horse(self, name: str) -> None:
        """Kill a worker's work-horse outright; the worker itself lives on."""
        _kill(self.horses(name))

    def kill(self, name: str) -> None:
        """Kill a process and what it forked outright, as a host that loses its power."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGSTOP)  # so that it starts no other horse
        _kill([*children_of(process.pid), process.pid])
        process.wait(10)

    def ring(self, times: int = 1) -> None:
        """Ask for ticks, as the timetable does."""
        with Redis.from_url(self.redis.url) as connection:
            for _turn in range(times):
                doorbell.enqueue(connection, "tick")

    def set_clock(self, instant: dt.datetime) -> None:
        """Let the portal's clock, of every job that begins from now on, go on from an instant."""
        with self.app.app_context(), transaction():
            offset = instant - dt.datetime.now(dt.UTC)
            portal_settings.keep(clock.OFFSET, str(offset.total_seconds()))

    def is_finished(self, billing_date: dt.date) -> bool:
        """Tell whether the run of a 25th is done."""
        with self.app.app_context():
            found = select(BillingRun.finished_at).where(BillingRun.billing_date == billing_date)
            return db.session.execute(found).scalar_one_or_none() is not None

    def has_ticked_since(self, billing_date: dt.date) -> bool:
        """Tell whether a tick that began at or after the cut of a 25th has come to its end."""
        with self.app.app_context():
            ticked_at = portal_settings.kept(clockwork.LAST_TICK)
            db.session.remove()
        return ticked_at is not None and dt.datetime.fromisoformat(ticked_at) >= billing_instant(billing_date)

    @contextmanager
    def held_run(self, account_id: int) -> Iterator[Callable[[], dict[int, str]]]:
        """Hold an account's balance, so that a run stops before it; give what tells who waits for it.

        That is: number of the connection → name of the worker.
        """
        # The superuser: no row policy hides the row, or who waits for it.
        url = self.url.replace("+psycopg", "").replace(APPLICATION, "postgres")
        with psycopg.connect(url) as holder:
            holder.execute("SELECT 1 FROM point_balances WHERE account_id = %s FOR UPDATE", [account_id])

            def waiting() -> dict[int, str]:
                with psycopg.connect(url, autocommit=True) as asking:
                    rows = asking.execute(
                        "SELECT pid, application_name FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))",
                        [holder.info.backend_pid],
                    )
                    return dict(rows.fetchall())

            yield waiting
            holder.rollback()

    def end(self) -> None:
        """End everything that is left, and show what it said."""
        for name in list(self.processes):
            self.kill(name)
        for path in sorted(self.folder.glob("*.log")):
            print(f"--- {path.name}\n{path.read_text(encoding='utf-8', errors='replace')}")


@contextmanager
def running_team(app: Flask, url: str, redis: RedisServer, folder: Path) -> Iterator[Team]:
    """Give a team without anybody in it yet; all are gone afterwards.

    The portal's clock stands where the demo begins: by that of the machine a 25th may be due as soon as a worker
    starts, before the test has arranged anything for it.
    """
    team = Team(app, url, redis, folder)
    team.set_clock(START)
    try:
        yield team
    finally:
        team.end()
