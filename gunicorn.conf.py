"""The web server: `gunicorn 'app:create_app()'` reads this file by itself."""

import gc
import os
from typing import Any

#: Reachable from this machine only, unless HOST says otherwise (a proxy that ends TLS belongs in front).
bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{os.environ.get('PORT') or '8000'}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = 4
timeout = 60
graceful_timeout = 10
#: The application is built once and shared by the workers' memory.
preload_app = True
control_socket_disable = True
#: The longest address of the portal is that of a list with every filter and a return address.
limit_request_line = 8190
limit_request_fields = 60
limit_request_field_size = 8190


def when_ready(server: Any) -> None:
    """Take what was built out of the collector's sight, so that its pages stay shared after the fork."""
    from config import Settings

    for weakness in Settings.from_environment().weaknesses():
        server.log.warning(weakness)
    gc.collect()
    gc.freeze()


def post_fork(server: Any, worker: Any) -> None:
    """Forget the database connections that were opened before the fork: they belong to the parent."""
    from models import db

    application = worker.app.wsgi()
    with application.app_context():
        for engine in db.engines.values():
            engine.dispose(close=False)
