"""`python -m jobs.timetable`: rings the jobs at their times. Of any number that run, one acts."""

from __future__ import annotations

import datetime as dt
import logging
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from flask import Flask
from redis import Redis, RedisError
from redis.lock import Lock
from sqlalchemy.exc import SQLAlchemyError

from app import create_app
from jobs.schedule import TIMETABLE, Entry
from jobs.watch import Watch
from services import doorbell, row_scope

LOCK_NAME = "portal:timetable"
#: A timetable that is gone without a word is followed by another after this long.
LOCK_SECONDS = 15.0
#: How often the lock is renewed, or asked for.
LOOK_SECONDS = 5.0
#: A little after the whole minute, so that what is due at the minute itself is surely due.
AFTER_THE_MINUTE = 0.2

log = logging.getLogger("jobs.timetable")


class Bell:
    """Rings each entry once in each of its intervals, as long as this process holds the lock."""

    def __init__(self, *, connection: Redis, entries: tuple[Entry, ...] = TIMETABLE) -> None:
        self._connection = connection
        self._entries = entries
        self._lock: Lock = connection.lock(LOCK_NAME, timeout=LOCK_SECONDS, thread_local=False)
        self._rung_interval: dict[str, int] = {}

    def look(self, now: dt.datetime) -> list[str]:
        """Ring what has not been rung in its interval yet; return the names. Empty for one who stands by.

        :raises RedisError: when the queue is away; what was not rung then is rung at the next look.
        """
        if not self._holds_lock():
            # Whoever takes over does not know what was rung and rings all: that harms nothing.
            self._rung_interval.clear()
            return []
        rung = []
        for entry in self._entries:
            interval = int(now.timestamp()) // entry.seconds
            if self._rung_interval.get(entry.job_name) != interval:
                doorbell.enqueue(self._connection, entry.job_name)
                self._rung_interval[entry.job_name] = interval
                rung.append(entry.job_name)
        return rung

    def leave(self) -> None:
        """Let another one act at once."""
        try:
            if self._lock.owned():
                self._lock.release()
        except RedisError:
            return  # it runs out by itself

    def _holds_lock(self) -> bool:
        if self._lock.owned():
            return self._lock.reacquire()
        return self._lock.acquire(blocking=False)


def seconds_to_next_look(now: dt.datetime) -> float:
    """Return how long to sleep: to just after the portal's next whole minute, or to the lock's renewal."""
    into_minute = now.timestamp() % 60
    return min(LOOK_SECONDS, 60 - into_minute + AFTER_THE_MINUTE)


def keep_ringing(*, bell: Bell, clock: Callable[[], dt.datetime], stop: threading.Event) -> None:
    """Look again and again until asked to stop, through outages of the queue and the database."""
    is_away = False
    pause = 0.0
    while not stop.wait(pause):
        try:
            now = clock()
            bell.look(now)
        except (RedisError, SQLAlchemyError) as error:
            if not is_away:
                log.warning("the queue or the database is away, trying again: %s", error)
            is_away, pause = True, 1.0
            continue
        if is_away:
            log.info("the queue is back")
        is_away, pause = False, seconds_to_next_look(now)
    bell.leave()


def portal_clock(application: Flask) -> Callable[[], dt.datetime]:
    """Return a function that reads the portal's clock."""

    def read() -> dt.datetime:
        with application.app_context():
            now: dt.datetime = application.extensions["clock"].now()
            return now

    return read


def main() -> int:
    """Ring until asked to stop; return the exit code."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout
    )
    stop = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    row_scope.act_for_the_portal()
    application = create_app()
    redis_url = application.extensions["settings"].redis_url
    if not redis_url:
        log.error("REDIS_URL is not set: without a queue, run `flask --app app work` instead")
        return 2
    connection = Redis.from_url(redis_url, socket_connect_timeout=2, socket_timeout=2)
    # Beside the bell: neither a queue that is away nor a silent mail server holds up the other.
    threading.Thread(target=Watch(application).keep_watching, args=(stop,), daemon=True).start()
    keep_ringing(bell=Bell(connection=connection), clock=portal_clock(application), stop=stop)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
