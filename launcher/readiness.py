"""Waits until the portal answers."""

from __future__ import annotations

import http.client
import threading
import time

from launcher.environment import Place
from launcher.errors import LauncherError, StopRequested
from launcher.supervisor import LOOK_SECONDS, Supervisor

READY_SECONDS = 60.0
#: A web server that ends this often before the first answer will not come up by itself.
MOST_ENDS = 3


def wait_until_ready(place: Place, supervisor: Supervisor, stop: threading.Event) -> None:
    """Return at the first answer of /healthz.

    :raises LauncherError: when it does not come, with the end of the web server's log.
    :raises StopRequested: when the launcher is asked to stop meanwhile.
    """
    deadline = time.monotonic() + READY_SECONDS
    end_count = 0
    while not _is_healthy(place):
        if stop.wait(LOOK_SECONDS):
            raise StopRequested
        end_count += supervisor.look_after().count("web")
        if end_count >= MOST_ENDS or time.monotonic() > deadline:
            why = f"ended {end_count} times" if end_count else f"did not answer within {READY_SECONDS:.0f} s"
            raise LauncherError(f"the web server {why}. The end of its log:\n{supervisor.log_tail('web')}")


def _is_healthy(place: Place) -> bool:
    connection = http.client.HTTPConnection(place.local_host, place.port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
