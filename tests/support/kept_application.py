"""One application for all the tests of an engine: making its routes anew costs more than most tests.

Each test gets it as if it were new, over its own database: configuration, settings, clock and extensions are put
back, and every connection leads to the database of the test. What SQLAlchemy and Jinja have compiled is kept.
"""

from __future__ import annotations

from typing import Any

from flask import Flask
from sqlalchemy import event, make_url

from models import db
from tests.support.databases import MovableClock, build_app, test_settings


class KeptApplication:
    """The application over one engine, for one test after the other."""

    def __init__(self) -> None:
        self._app: Flask | None = None
        self._url = make_url("sqlite://")
        self._as_made: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def over(self, database_url: str) -> Flask:
        """Return the application as it was made, over another database of the same engine."""
        self._url = make_url(database_url)
        app = self._app = self._app or self._make(database_url)
        for now, before in self._as_made:
            now.clear()
            now.update(before)
        app.config["SQLALCHEMY_DATABASE_URI"] = database_url
        app.extensions["settings"] = test_settings(database_url)
        app.extensions["clock"] = MovableClock()
        with app.app_context():
            db.engine.dispose()
            db.engine.url = self._url
        return app

    def _make(self, database_url: str) -> Flask:
        app = build_app(database_url)
        self._as_made = [(kept, dict(kept)) for kept in (app.config, app.extensions, app.view_functions)]
        with app.app_context():
            event.listen(db.engine, "do_connect", self._lead)
        return app

    def _lead(self, dialect: Any, _record: Any, arguments: list[Any], named: dict[str, Any]) -> None:
        """Let a new connection lead to the database of the test."""
        arguments[:], given = dialect.create_connect_args(self._url)
        named.update(given)
