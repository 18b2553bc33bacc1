"""Going through every cell of the matrix with a real client, and putting the database back after each change."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import make_url

from admin_views.request_context import FRAGMENT_HEADER
from models import db
from tests.security.foreign_words import comparable
from tests.security.matrix import ANONYMOUS, Entry
from tests.security.principals import OWN, Person, Relation, Trees
from tests.web.browser_session import csrf_token_of

#: Parts of addresses that no row decides.
_PLAIN_PARTS: Mapping[str, str] = {"code": "ja", "filename": "css/tokens.css"}
#: Sessions note their last use.
UNWATCHED = frozenset({"sign_ins"})
#: Who has downloaded a list is an event of its own.
UNCOUNTED_EVENTS = ("'list.exported'",)
#: What is drawn at random in the rows that a request leaves.
_DRAWN_IN_ROWS = re.compile(
    r"[0-9a-f]{64}|(?<=set-password/)[\w-]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|<[^<> ]+@[^<> ]+>"
)
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
    #: What names the thing.
    name: str = ""

    def __str__(self) -> str:
        return f"{self.entry.key} [{self.relation}] {self.address}"


class Walker:
    """Asks cells for somebody; what a cell has changed is put back before the next."""

    def __init__(self, app: Flask, client: FlaskClient, person: Person | None) -> None:
        self.app, self.client, self.person = app, client, person
        self._routes = routes_of(app)
        #: What was changed by requests that may change nothing.
        self.changes: list[str] = []
        app.config["PROPAGATE_EXCEPTIONS"] = False
        self._before = _copy_of(app)
        self._watch = sqlite3.connect(_path_of(app)) if self._before is not None else None

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
            yield Cell(entry, relation, address, form, str(name))

    def can_ask(self, cell: Cell, *, may: bool, is_whole: bool = False) -> bool:
        """Tell whether a cell can be asked here: where nothing is put back, only what changes nothing.

        There, unless the `is_whole` table is asked, only what names a row: the rest no engine changes.
        """
        if self._before is not None:
            return True
        changes_nothing = cell.entry.method == "GET" or cell.relation != OWN or not may
        if is_whole:
            return changes_nothing or min(cell.entry.answers) >= 400
        return bool(cell.entry.rows) and changes_nothing

    def ask(self, cell: Cell, *, may: bool) -> Any:
        """Return the answer; the database is as before."""
        # A refusal within a dialog is a third of the work of one with the frame of a page around it.
        is_short = self._before is not None and (cell.relation != OWN or not may) and self.person is not None
        headers = {FRAGMENT_HEADER: "1"} if is_short else {}
        if cell.entry.method == "GET":
            with self._nothing_changes(cell):
                return self.client.get(cell.address, headers=headers)
        form = {"csrf_token": csrf_token_of(self.client), **cell.form}
        if self.person is not None:
            form["portal_account"] = str(self.person.portal_account_id)
        with self.client.session_transaction() as session:
            kept = dict(session)
        version = self._version()
        answer = self.client.post(cell.address, data=form, headers=headers)
        if answer.status_code < 400:
            self._put_back()
            with self.client.session_transaction() as session:
                session.clear()
                session.update(kept)
        elif version != self._version():
            self._complain(cell)
        return answer

    def effect_of(self, address: str, form: Mapping[str, Any], *typed: str) -> tuple[str, str]:
        """Return an answer to a form and the rows that it left behind, both without what was typed."""
        version = self._version()
        with self.client.post(address, data=form) as answer:
            said = comparable(answer, "")
        left = ""
        if version != self._version() and self._watch is not None:
            names = [
                name for (name,) in self._watch.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            left = "\n".join(row for name in names for row in _rows(self._watch, name))
            left = _DRAWN_IN_ROWS.sub("", left)
            self._put_back()
        for word in typed:
            said = said.replace(word, "…")
        return said, left

    def close(self) -> None:
        """Let go of what looks at the database beside the application."""
        for connection in (self._watch, self._before):
            if connection is not None:
                connection.close()

    @contextmanager
    def _nothing_changes(self, cell: Cell) -> Iterator[None]:
        version = self._version()
        yield
        if version != self._version():
            self._complain(cell)

    def _version(self) -> object:
        """Return what is another after every commit of the application."""
        return self._watch.execute("PRAGMA data_version").fetchone() if self._watch else None

    def _complain(self, cell: Cell) -> None:
        """Note the tables in which a request that may change nothing has changed something."""
        if self._before is None or self._watch is None:
            return
        for (name,) in self._watch.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
            if name not in UNWATCHED and _rows(self._watch, name) != _rows(self._before, name):
                self.changes.append(f"{cell}: {name}")
        self._put_back()

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


def _rows(connection: sqlite3.Connection, table: str) -> list[str]:
    rows = map(repr, connection.execute(f"SELECT * FROM {table}"))
    return sorted(row for row in rows if not any(event in row for event in UNCOUNTED_EVENTS))


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
