"""A PostgreSQL of a test's own that may be killed and started again, and then keeps what it acknowledged."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from launcher.queue_server import free_port
from tests.support.postgres_server import (
    NOBODY,
    PostgresServer,
    command_prefix,
    find_programs,
    initialize,
    server_command,
    stop_server,
    wait_for_answer,
)
from tests.support.processes import children_of

#: What is answered is on the disk: that is the promise under test.
DURABLE_SETTINGS = (
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "max_connections=60",
    "timezone=UTC",
)


@dataclass
class MortalPostgres:
    """A cluster on one port through all its deaths."""

    programs: Path
    prefix: list[str]
    data: Path
    server: PostgresServer
    popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait for its first answer, recovery included."""
        log_path = self.data.with_name("postgres.log")
        command = server_command(self.programs, self.data, self.server.port, DURABLE_SETTINGS)
        with log_path.open("ab") as log:
            self.popen = subprocess.Popen(
                [*self.prefix, *command], stdout=log, stderr=log, start_new_session=True
            )
        wait_for_answer(self.server, self.popen, log_path)

    def kill(self) -> None:
        """Kill the server and each of its processes outright, as a host that loses its power."""
        postmaster = self._running()
        postmaster.send_signal(signal.SIGSTOP)  # so that it forks no more while its children are counted
        for pid in [*children_of(postmaster.pid), postmaster.pid]:
            os.kill(pid, signal.SIGKILL)
        postmaster.wait(10)
        self.popen = None

    def stop_at_once(self) -> None:
        """Stop it by the immediate shutdown: no checkpoint, recovery at the next start."""
        postmaster = self._running()
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(30)
        self.popen = None

    def kill_one_backend(self) -> None:
        """Kill the process of one connection; the server throws all out, recovers by itself and answers again."""
        postmaster = self._running()
        with psycopg.connect(self.server.dsn) as victim, psycopg.connect(self.server.dsn) as witness:
            os.kill(victim.info.backend_pid, signal.SIGKILL)
            try:
                while True:
                    witness.execute("SELECT pg_sleep(0.01)")
            except psycopg.OperationalError:
                witness.close()
                victim.close()
        wait_for_answer(self.server, postmaster, self.data.with_name("postgres.log"))

    def _running(self) -> subprocess.Popen[bytes]:
        assert self.popen is not None, "the server is not running"
        assert self.popen.poll() is None, "the server ended by itself"
        return self.popen


@contextmanager
def running_mortal_postgres() -> Iterator[MortalPostgres]:
    """Give a running, empty cluster and end it afterwards."""
    with tempfile.TemporaryDirectory(prefix="portal-mortal-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        programs = find_programs(folder)
        prefix = command_prefix(folder)
        data = folder / "data"
        data.mkdir(mode=0o700)
        if os.getuid() == 0:
            os.chown(data, NOBODY, NOBODY)
        initialize(prefix, programs, data)
        mortal = MortalPostgres(programs, prefix, data, PostgresServer(port=free_port()))
        try:
            mortal.start()
            mortal.server.create_roles()
            yield mortal
        finally:
            if mortal.popen is not None:
                stop_server(mortal.popen)
                # A folder that a last process still writes into cannot be removed.
                time.sleep(0.05)
