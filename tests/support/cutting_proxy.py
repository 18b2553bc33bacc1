"""A TCP proxy between a client and PostgreSQL that cuts the line just before the answer to a commit."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

COMMIT = b"COMMIT\x00"


@dataclass
class CuttingProxy:
    """Carries bytes both ways; `lose_commits` counts the commits whose answer is still to be lost."""

    listener: socket.socket
    server_port: int
    lose_commits: int = 0
    lost: int = 0
    open_sockets: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        port: int = self.listener.getsockname()[1]
        return port

    def serve(self) -> None:
        """Take connections until the listener is closed, two threads each."""
        while True:
            try:
                client, _address = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.server_port))
            self.open_sockets += [client, server]
            losing = threading.Event()
            for source, target, is_from_client in ((client, server, True), (server, client, False)):
                arguments = (source, target, losing, is_from_client)
                threading.Thread(target=self._carry, args=arguments, daemon=True).start()

    def _carry(
        self, source: socket.socket, target: socket.socket, losing: threading.Event, is_from_client: bool
    ) -> None:
        with suppress(OSError):
            while octets := source.recv(65_536):
                if is_from_client and COMMIT in octets and self.lose_commits:
                    self.lose_commits -= 1
                    losing.set()
                if not is_from_client and losing.is_set():
                    # The server has answered: it is committed, and nobody is told.
                    self.lost += 1
                    break
                target.sendall(octets)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting_proxy(server_port: int) -> Iterator[CuttingProxy]:
    """Give a running proxy before a port of the loopback and end it afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = CuttingProxy(listener, server_port)
        thread = threading.Thread(target=proxy.serve, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for end in proxy.open_sockets:
                end.close()
    thread.join(10)
