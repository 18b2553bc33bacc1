"""Which rows a request may touch: none but those of sign-in, until it is known who asks."""

from __future__ import annotations

from flask import Flask

from services import row_scope


def init_app(app: Flask) -> None:
    """Set the scope before anything else looks at the request; `sign_in` widens it to that of the viewer."""
    app.before_request(lambda: row_scope.enter(row_scope.BEFORE_SIGN_IN))
    app.teardown_request(lambda _error: row_scope.leave())
