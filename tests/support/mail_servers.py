"""SMTP servers that misbehave on the wire, in ways that a real one cannot be told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class RudeServer:
    """Speaks SMTP up to a point; `stored` holds the messages that it took before it dropped the line."""

    listener: socket.socket
    #: "greeting": never says anything; "recipient": falls silent at RCPT; "answer": stores, then hangs up.
    silent_at: str
    stored: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Address for MAIL_URL."""
        return f"smtp://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        """Take connections one after the other until the listener is closed."""
        while True:
            try:
                connection, _address = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(60)
                try:
                    self._talk(connection)
                except OSError:
                    continue

    def _talk(self, connection: socket.socket) -> None:
        if self.silent_at == "greeting":
            self._wait_for_hang_up(connection)
            return
        connection.sendall(b"220 rude.example.jp\r\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                self.commands.append(line.decode().rstrip())
                verb = line[:4].upper()
                if verb == b"RCPT" and self.silent_at == "recipient":
                    self._wait_for_hang_up(connection)
                    return
                if verb == b"DATA":
                    connection.sendall(b"354 go on\r\n")
                    self.stored.append(b"".join(iter(lines.readline, b".\r\n")).decode())
                    return
                connection.sendall(b"250 ok\r\n")

    def _wait_for_hang_up(self, connection: socket.socket) -> None:
        while not self.closing.is_set() and connection.recv(1024):
            pass


@contextmanager
def rude_server(silent_at: str) -> Iterator[RudeServer]:
    """Give a running server and end it afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = RudeServer(listener, silent_at)
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        yield server
        server.closing.set()
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(60)
