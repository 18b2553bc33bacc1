"""Going through every cell of the matrix with a real client, and putting the database back after each change."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import make_url

from models import db
from tests.security.matrix import ANONYMOUS, Entry
from tests.security.principals import OWN, Person, Relation, Trees
from tests.web.browser_session import csrf_token_of

#: Parts of addresses that no row decides.
_PLAIN_PARTS: Mapping[str, str] = {"code": "ja", "filename": "css/tokens.css"}
_PART = re.compile(r"<(?:[^<>:]+:)?(\w+)>")


def routes_of(app: Flask) -> dict[str, str]:
    """Return "METHOD endpoint" → address pattern of everything that the application answers."""
    return {
        f"{method} {rule.endpoint}": rule.rule
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    }


@dataclass(frozen=True)
class Cell:
    """One question: somebody asks a route about a thing, or about none."""

    entry: Entry
    relation: Relation
    address: str
    form: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.entry.key} [{self.relation}] {self.address}"


class Walker:
    """Asks cells for somebody; what a cell has changed is put back before the next."""

    def __init__(self, app: Flask, client: FlaskClient, person: Person | None) -> None:
        self.app, self.client, self.person = app, client, person
        self._routes = routes_of(app)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        self._before = _copy_of(app)

    def cells(self, entry: Entry, trees: Trees, person: Person) -> Iterator[Cell]:
        """Yield the cells of an entry for somebody."""
        pattern = self._routes[f"{entry.method} {entry.endpoint}"]
        for relation, name in trees.rows(entry.rows, person):
            form = {entry.field: str(name)} if entry.field and name else {}
            if entry.action:
                form["action"] = entry.action
            address = filled(pattern, "1" if entry.field else str(name))
            if entry.query:
                arguments = entry.query.format(id=name)
                form |= dict(parse_qsl(arguments))
                address += f"?{arguments}" if entry.method == "GET" else ""
            yield Cell(entry, relation, address, form)

    def can_ask(self, cell: Cell, *, may: bool) -> bool:
        """Tell whether a cell can be asked here: where nothing is put back, only what changes nothing."""
        if self._before is not None:
            return True
        return bool(cell.entry.rows) and (cell.entry.method == "GET" or cell.relation != OWN or not may)

    def ask(self, cell: Cell) -> Any:
        """Return the answer; the database is as before."""
        if cell.entry.method == "GET":
            return self.client.get(cell.address)
        form = {"csrf_token": csrf_token_of(self.client), **cell.form}
        if self.person is not None:
            form["portal_account"] = str(self.person.portal_account_id)
        with self.client.session_transaction() as session:
            kept = dict(session)
        answer = self.client.post(cell.address, data=form)
        if answer.status_code < 400:
            self._put_back()
            with self.client.session_transaction() as session:
                session.clear()
                session.update(kept)
        return answer

    def _put_back(self) -> None:
        if self._before is not None:
            with self.app.app_context():
                db.session.remove()
                db.engine.dispose()
            with closing(sqlite3.connect(_path_of(self.app))) as target:
                self._before.backup(target)


def filled(pattern: str, name: str) -> str:
    """Return an address with a row's name in it."""
    return _PART.sub(lambda part: _PLAIN_PARTS.get(part[1], name), pattern)


def leads_to_sign_in(answer: Any) -> bool:
    """Tell whether an answer asks to sign in first."""
    location = answer.headers.get("Location", "")
    return answer.status_code == 401 or (answer.status_code == 303 and location.startswith("/login"))


def is_right(answer: Any, cell: Cell, label: str) -> bool:
    """Tell whether an answer is the one that the matrix has for somebody of that label."""
    entry = cell.entry
    if label not in entry.may:
        return leads_to_sign_in(answer) if label == ANONYMOUS else answer.status_code == 403
    if cell.relation != OWN:
        return bool(answer.status_code == 404)
    # Those who sign out are led to the sign-in page too, and by right.
    is_led_away = leads_to_sign_in(answer) and ANONYMOUS not in entry.may
    return answer.status_code in entry.answers and not is_led_away


def _path_of(app: Flask) -> str:
    return make_url(app.config["SQLALCHEMY_DATABASE_URI"]).database or ""


def _copy_of(app: Flask) -> sqlite3.Connection | None:
    """Return the database as it is, in memory; None for another engine, where no walk changes anything."""
    if not app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        return None
    copy = sqlite3.connect(":memory:")
    with closing(sqlite3.connect(_path_of(app))) as source:
        source.backup(copy)
    return copy
