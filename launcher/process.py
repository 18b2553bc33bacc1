"""One process of the portal: a session of its own, its lines shown and kept, stopped with all it forked."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

LOG_LIMIT = 5_000_000
NAME_WIDTH = 10
_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing may be loaded.
_LIBC = ctypes.CDLL(None)


class Process:
    """A command that is running, or was.

    It has a session of its own: Ctrl-C in the terminal reaches the launcher alone, which stops things in
    order, and whatever the command forks (work-horses leave its process group) is found again by the session.
    """

    def __init__(
        self,
        *,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log_path: Path,
        is_quiet: bool = False,
    ) -> None:
        self.name = name
        self.log_path = log_path
        _keep_log_small(log_path)
        self.popen = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        assert self.popen.stdout is not None
        pump_args = (name, self.popen.stdout, log_path, is_quiet)
        self._pump = threading.Thread(target=_pump, args=pump_args, daemon=True)
        self._pump.start()

    @property
    def return_code(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        return self.popen.poll()

    @property
    def pid(self) -> int:
        """Process id, which is the session's id as well."""
        return self.popen.pid

    def ask_to_stop(self) -> None:
        """Send SIGTERM, which every process of the portal takes as: finish and leave."""
        if self.return_code is None:
            self.popen.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> bool:
        """Wait for the end; tell whether it came."""
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def sweep(self) -> None:
        """End at once whatever is left of it, work-horses of a dead worker included."""
        for pid in {self.pid, *pids_of_session(self.pid)}:
            if pid != self.pid or self.return_code is None:
                _kill(pid)
        self.wait(5)
        self._pump.join(2)


def pids_of_session(session: int) -> list[int]:
    """List the living processes of a session; empty where there is no /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            # pid (name) state ppid pgrp session ... ; the name may hold spaces and brackets.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended between the listing and the reading
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def show(name: str, text: str) -> None:
    """Print a line under a process's name."""
    try:
        print(f"{name:<{NAME_WIDTH}}| {text}", flush=True)
    except OSError:
        return  # the terminal is gone; the log under var/ has the line, and stopping must go on


def tail(path: Path, line_count: int = 25) -> str:
    """Return the last lines of a log; empty when there is none."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-line_count:])


def _die_with_parent() -> None:
    # A launcher that is killed outright must not leave the portal running behind its back.
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _pump(name: str, stream: IO[bytes], log_path: Path, is_quiet: bool) -> None:
    with stream, log_path.open("ab", buffering=0) as log:
        for line in stream:
            log.write(line)
            if not is_quiet:
                show(name, line.decode("utf-8", errors="replace").rstrip("\n"))


def _keep_log_small(path: Path) -> None:
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_suffix(".log.1"))
