"""The whole portal as `make run` starts it, for the browser tests: own data, own port, own clock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launcher.environment import ROOT
from tests.support.children import with_us
from tests.support.ports import settled_port

#: Waited out only by a portal that hangs; a machine that does much else takes several times what it takes alone.
READY_SECONDS = 240.0
STOP_SECONDS = 120.0
COMMAND_SECONDS = 240.0
READY_MARK = "/ ready ("
DEMO_PASSWORD = "portal-for-tests"
#: Settings of whoever runs the tests that must not reach the portal under test.
OURS = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "MAIL_URL",
    "SECRET_KEY",
    "PORTAL_ENV",
    "PORTAL_NOW",
    "HOST",
)


class PortalStack:
    """Web, worker, timetable and queue over one folder, started by the launcher."""

    def __init__(
        self, *, var_folder: Path, demo_customers: int = 40, settings: dict[str, str] | None = None
    ) -> None:
        self.port = settled_port()
        self._var_folder = var_folder
        self._output_path = var_folder / "terminal.txt"
        inherited = {name: value for name, value in os.environ.items() if name not in OURS}
        self._environment = {
            **inherited,
            "VAR_DIR": str(var_folder),
            "PORT": str(self.port),
            "DEMO_CUSTOMERS": str(demo_customers),
            "DEMO_PASSWORD": DEMO_PASSWORD,
            **(settings or {}),
        }
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Address without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return self._var_folder / "portal.db"

    @property
    def output(self) -> str:
        """What the terminal shows, since the last start."""
        return self._output_path.read_text(encoding="utf-8", errors="replace")

    def start(self, *, portal_now: str | None = None) -> None:
        """Start it, with its clock at an ISO instant with zone, and wait until it is ready."""
        environment = {**self._environment, **({"PORTAL_NOW": portal_now} if portal_now else {})}
        self._var_folder.mkdir(parents=True, exist_ok=True)
        with self._output_path.open("wb") as output:
            self._popen = subprocess.Popen(
                [*with_us("INT"), sys.executable, "-m", "launcher"],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_SECONDS
        while READY_MARK not in self.output:
            if self._popen.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the portal did not start:\n{self.output}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it as Ctrl-C does; its data stays."""
        if self._popen is None:
            return
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGINT)
            try:
                self._popen.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait(10)
        self._popen = None

    def flask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `flask --app app …` beside the portal, as somebody would type it: only the folder is named."""
        inherited = {name: value for name, value in os.environ.items() if name not in OURS}
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "app", *arguments],
            cwd=ROOT,
            env={**inherited, "VAR_DIR": str(self._var_folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )

    def restart(self, *, portal_now: str | None = None) -> None:
        """Stop and start it over the same data: how a test moves the clock forward."""
        self.stop()
        self.start(portal_now=portal_now)


@contextmanager
def running_portal(
    var_folder: Path,
    *,
    portal_now: str | None = None,
    demo_customers: int = 40,
    settings: dict[str, str] | None = None,
) -> Iterator[PortalStack]:
    """Give a portal that is ready and stop it afterwards."""
    stack = PortalStack(var_folder=var_folder, demo_customers=demo_customers, settings=settings)
    try:
        stack.start(portal_now=portal_now)
        yield stack
    finally:
        stack.stop()
