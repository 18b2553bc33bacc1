"""Processes are started again when they end, and none outlives the launcher."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launcher.errors import LauncherError, StopRequested
from launcher.process import pids_of_session
from launcher.supervisor import Program, Supervisor

FORK_AND_WAIT = """
import os, time
if os.fork() == 0:
    os.setpgrp()  # as a work-horse does
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture
def stop() -> threading.Event:
    """Return what Ctrl-C sets."""
    return threading.Event()


@pytest.fixture
def supervisor(tmp_path: Path, stop: threading.Event) -> Iterator[Supervisor]:
    """Give a supervisor and stop what it started."""
    made = Supervisor(environment=os.environ, folder=tmp_path, log_folder=tmp_path, stop=stop)
    yield made
    made.stop_all()


def python(code: str) -> tuple[str, ...]:
    """Return the command that runs this code."""
    return (sys.executable, "-c", code)


def wait_until(condition: Callable[[], bool]) -> bool:
    """Wait up to a minute; tell whether it came."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_what_ends_is_named_and_started_again(
    supervisor: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.start(Program("brief", python("print('hello', flush=True)")))
    ended: list[str] = []

    def has_run_twice() -> bool:
        ended.extend(supervisor.look_after())
        return supervisor.log_tail("brief").count("hello") == 2

    assert wait_until(has_run_twice)
    assert ended[0] == "brief"
    assert "brief ended (exit code 0); it starts again in 1 s" in capsys.readouterr().out


def test_stopping_ends_what_was_forked_too(supervisor: Supervisor, tmp_path: Path) -> None:
    note_session = "import os; open('session', 'w').write(str(os.getpid()))"
    supervisor.start(Program("forking", python(note_session + FORK_AND_WAIT)))
    assert wait_until(lambda: supervisor.log_tail("forking").count("up") == 2)
    session = int((tmp_path / "session").read_text(encoding="ascii"))
    assert len(pids_of_session(session)) == 2
    supervisor.stop_all()
    assert pids_of_session(session) == []


def test_the_queue_is_the_last_to_stop(supervisor: Supervisor, tmp_path: Path) -> None:
    note = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (open('order', 'a').write(sys.argv[1] + ' '), sys.exit()))\n"
        "print('up', flush=True)\ntime.sleep(60)"
    )
    supervisor.start(Program("queue", (*python(note), "queue"), is_last_to_stop=True, is_quiet=True))
    supervisor.start(Program("worker", (*python(note), "worker")))
    assert wait_until(lambda: all("up" in supervisor.log_tail(name) for name in ("queue", "worker")))
    supervisor.stop_all()
    assert (tmp_path / "order").read_text(encoding="ascii") == "worker queue "


def test_a_command_that_fails_stops_the_start(supervisor: Supervisor) -> None:
    with pytest.raises(LauncherError, match="upgrade failed with exit code 3"):
        supervisor.run_once("upgrade", python("raise SystemExit(3)"), {})


def test_a_command_is_told_the_extra_variables(supervisor: Supervisor) -> None:
    supervisor.run_once(
        "prepare", python("import os; print(os.environ['PORTAL_NOW'])"), {"PORTAL_NOW": "then"}
    )
    assert supervisor.log_tail("prepare") == "then"


def test_a_command_is_given_up_when_the_launcher_is_to_stop(
    supervisor: Supervisor, stop: threading.Event
) -> None:
    stop.set()
    with pytest.raises(StopRequested):
        supervisor.run_once("upgrade", python("import time; time.sleep(60)"), {})
