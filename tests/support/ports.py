"""Ports for the servers of tests, which are chosen a while before they are listened on."""

from __future__ import annotations

import os
import random
import re
import socket
from pathlib import Path

from launcher.queue_server import free_port

LOWEST = 15_000
#: So many processes of one run never choose the same port.
PROCESSES = 16
#: From here on the system takes the ports of outgoing connections, of which a run makes thousands.
_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_given: set[int] = set()


def settled_port() -> int:
    """Return a port of the loopback that nobody listens on and nobody is given before a server listens on it."""
    first_outgoing = int(_OUTGOING.read_text(encoding="ascii").split()[0]) if _OUTGOING.exists() else 0
    width = (first_outgoing - LOWEST) // PROCESSES
    if width < 100:
        return free_port()
    process = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0) % PROCESSES
    first = LOWEST + process * width
    while True:
        port = random.randrange(first, first + width)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
