"""A real Redis server for tests, on a free port of the loopback, with its data in a temporary folder."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launcher.queue_server import QueueServer, settle_queue_server, wait_until_answering
from tests.support.children import with_us

#: Waited out only by a server that hangs.
START_SECONDS = 60.0


class RedisServer:
    """A server that a test may stop, kill and start again at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: QueueServer = settle_queue_server(folder)
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address for REDIS_URL; the same after each start."""
        return self._server.url

    def start(self) -> None:
        """Start it and wait for its first answer."""
        with (self._folder / "server.log").open("ab") as log:
            # Ctrl-C is pytest's; a run that is killed outright takes its server with it.
            command = [*with_us("TERM"), *self._server.command]
            self._popen = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        if not wait_until_answering(self._server, START_SECONDS):
            raise RuntimeError((self._folder / "server.log").read_text(encoding="utf-8"))

    def stop(self) -> None:
        """End it in good order: its data is there at the next start."""
        if self._popen is not None:
            self._popen.terminate()
            self._popen.wait(60)
            self._popen = None

    def kill_and_forget(self) -> None:
        """End it at once and delete its data, as a lost host does."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait(10)
            self._popen = None
        for file in self._folder.glob("appendonlydir/*"):
            file.unlink()


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """Give a running server and end it afterwards."""
    with tempfile.TemporaryDirectory(prefix="portal-redis-") as folder:
        server = RedisServer(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()
