"""`python -m launcher`: settle, prepare, start, watch, stop."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from types import FrameType

from launcher.database import prepare_database
from launcher.environment import (
    ROOT,
    Place,
    keep_for_commands,
    settle_environment,
    settle_place,
    sole_use,
)
from launcher.errors import LauncherError, StopRequested
from launcher.greeting import demo_greeting, plain_greeting
from launcher.queue_server import QueueServer, settle_queue_server, wait_until_answering
from launcher.readiness import wait_until_ready
from launcher.supervisor import LOOK_SECONDS, Program, Supervisor, say

WEB = (sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "app:create_app()")
WORKER = (sys.executable, "-m", "jobs.worker")
TIMETABLE = (sys.executable, "-m", "jobs.timetable")


def main() -> int:
    """Run the portal until it is asked to stop; return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show Japanese must not stop the portal.
        sys.stdout.reconfigure(errors="replace")
    stop = _listen_for_stop()
    started_at = time.monotonic()
    try:
        place = settle_place(os.environ)
        with sole_use(place.var_folder):
            run(place, stop, started_at)
    except StopRequested:
        say("stopped before it was ready")
    except LauncherError as error:
        print(f"launcher: {error}", file=sys.stderr)
        return 1
    return 0


def run(place: Place, stop: threading.Event, started_at: float) -> None:
    """Start everything in this place and watch it until asked to stop."""
    environment = settle_environment(os.environ, place)
    portal_now = environment.pop("PORTAL_NOW", "")
    queue_server = None
    if not environment.get("REDIS_URL"):
        queue_server = settle_queue_server(place.var_folder / "queue")
        environment["REDIS_URL"] = queue_server.url
    keep_for_commands(environment, place.var_folder)
    supervisor = Supervisor(environment=environment, folder=ROOT, log_folder=place.log_folder, stop=stop)
    try:
        if queue_server is not None:
            _start_queue(supervisor, queue_server)
        is_demo = environment["PORTAL_ENV"] == "demo"
        prepare_database(supervisor, is_demo=is_demo, portal_now=portal_now)
        for name, command in (("web", WEB), ("worker", WORKER), ("timetable", TIMETABLE)):
            supervisor.start(Program(name, command))
        wait_until_ready(place, supervisor, stop)
        seconds = time.monotonic() - started_at
        if is_demo:
            print(demo_greeting(place.address, environment["DEMO_PASSWORD"], seconds), flush=True)
        else:
            print(plain_greeting(place.address, seconds), flush=True)
        while not stop.wait(LOOK_SECONDS):
            supervisor.look_after()
    finally:
        say("stopping")
        supervisor.stop_all()
        say("stopped")


def _start_queue(supervisor: Supervisor, server: QueueServer) -> None:
    supervisor.start(Program("queue", server.command, is_last_to_stop=True, is_quiet=True))
    if not wait_until_answering(server):
        raise LauncherError(
            f"the embedded queue did not start. The end of its log:\n{supervisor.log_tail('queue')}"
        )


def _listen_for_stop() -> threading.Event:
    stop = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask)
    return stop


if __name__ == "__main__":
    raise SystemExit(main())
