"""Keeps the portal's processes running and ends them in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.errors import LauncherError, StopRequested
from launcher.process import Process, show, tail

LOOK_SECONDS = 0.1
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
#: A process that ran this long was well; its next pause is the first one again.
WELL_SECONDS = 60.0
#: How long the processes may take to finish what they are at, before they are killed.
GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Program:
    """What is to be kept running."""

    name: str
    command: tuple[str, ...]
    #: Stopped only after all the others are gone.
    is_last_to_stop: bool = False
    #: Its lines go to its log alone.
    is_quiet: bool = False


class _Kept:
    """One program, its process of the moment and when it may start again."""

    def __init__(self, program: Program, process: Process) -> None:
        self.program = program
        self.process = process
        self.started_at = time.monotonic()
        self.pause = FIRST_PAUSE
        self.start_again_at: float | None = None


class Supervisor:
    """Starts programs, starts again what ends, and stops all of it."""

    def __init__(
        self, *, environment: Mapping[str, str], folder: Path, log_folder: Path, stop: threading.Event
    ) -> None:
        self._environment = environment
        self._folder = folder
        self._log_folder = log_folder
        self._stop = stop
        self._kept: list[_Kept] = []

    def run_once(self, name: str, command: tuple[str, ...], extra: Mapping[str, str]) -> None:
        """Run a command to its end, with these environment variables besides the common ones.

        :raises LauncherError: when it fails; the text has the end of its log.
        :raises StopRequested: when the launcher is asked to stop meanwhile.
        """
        process = self._spawn(Program(name, command), extra)
        try:
            while process.return_code is None:
                if self._stop.wait(LOOK_SECONDS):
                    raise StopRequested
        finally:
            process.sweep()
        if process.return_code:
            raise LauncherError(f"{name} failed with exit code {process.return_code}; its lines are above.")

    def start(self, program: Program) -> None:
        """Start a program and keep it running from now on."""
        self._kept.append(_Kept(program, self._spawn(program)))

    def look_after(self) -> list[str]:
        """Start again what ended and has waited long enough; return the names of what ended just now."""
        ended = []
        for kept in self._kept:
            if kept.start_again_at is not None:
                if time.monotonic() >= kept.start_again_at:
                    self._start_again(kept)
            elif kept.process.return_code is not None:
                ended.append(kept.program.name)
                self._plan_restart(kept)
        return ended

    def log_tail(self, name: str) -> str:
        """Return the end of a program's log."""
        return tail(self._log_path(name))

    def stop_all(self) -> None:
        """End every program, the last-to-stop ones last, with whatever they forked."""
        for is_last in (False, True):
            processes = [kept.process for kept in self._kept if kept.program.is_last_to_stop is is_last]
            for process in processes:
                process.ask_to_stop()
            deadline = time.monotonic() + GRACE_SECONDS
            for process in processes:
                if not process.wait(max(0.0, deadline - time.monotonic())):
                    say(f"{process.name} did not stop within {GRACE_SECONDS:.0f} s and is killed")
                process.sweep()
        self._kept.clear()

    def _plan_restart(self, kept: _Kept) -> None:
        # Work-horses of a dead worker would otherwise finish beside the new one.
        kept.process.sweep()
        if time.monotonic() - kept.started_at > WELL_SECONDS:
            kept.pause = FIRST_PAUSE
        reason = _reason(kept.process.return_code)
        say(f"{kept.program.name} ended ({reason}); it starts again in {kept.pause:.0f} s")
        kept.start_again_at = time.monotonic() + kept.pause
        kept.pause = min(kept.pause * 2, LONGEST_PAUSE)

    def _start_again(self, kept: _Kept) -> None:
        kept.process = self._spawn(kept.program)
        kept.started_at = time.monotonic()
        kept.start_again_at = None

    def _spawn(self, program: Program, extra: Mapping[str, str] | None = None) -> Process:
        return Process(
            name=program.name,
            command=program.command,
            environment={**self._environment, **(extra or {})},
            folder=self._folder,
            log_path=self._log_path(program.name),
            is_quiet=program.is_quiet,
        )

    def _log_path(self, name: str) -> Path:
        return self._log_folder / f"{name}.log"


def say(text: str) -> None:
    """Print a line of the launcher itself."""
    show("launcher", text)


def _reason(return_code: int | None) -> str:
    if return_code is not None and return_code < 0:
        return f"signal {-return_code}"
    return f"exit code {return_code}"
