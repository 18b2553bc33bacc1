"""How long a page waits for what others hold, before it asks to try again."""

from __future__ import annotations

from flask import Flask

from services.transaction import wait_for_locks

#: A person is told within five seconds. Jobs and commands wait as long as the lock is held.
LOCK_SECONDS = 4.0


def init_app(app: Flask) -> None:
    """Let each request's transactions wait for a lock so long at most."""
    app.before_request(lambda: wait_for_locks(LOCK_SECONDS))
