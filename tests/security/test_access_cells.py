"""Every cell of docs/permissions.toml, asked with a real client: who may is answered, nobody else is."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.security.foreign_words import ReadableWords, comparable, text_of
from tests.security.headers import wrong_headers
from tests.security.matrix import ANONYMOUS, Entry, read_matrix
from tests.security.principals import ABSENT, DEAD, FOREIGN, OWN, PRINCIPALS, TWIN, Trees, enter_portal
from tests.security.walk import Cell, Walker, is_right, routes_of
from tests.support.databases import PASSWORD
from tests.support.marks import marks_in
from tests.web.browser_session import csrf_token_of

SignIn = Callable[[FlaskClient, str], None]
MATRIX = read_matrix()
#: Who is asked on both engines: of each kind of rows somebody.
_OVER_ROWS = ("distributor", "msp", "support", "customer", "msp@customer", "support@customer")
_ELSE = [pytest.param(label, marks=pytest.mark.one_engine) for label in PRINCIPALS if label not in _OVER_ROWS]
#: Kept mails are the demo's own look behind the scenes; a link is shown to whoever holds it.
_SHOWS_OTHERS = {"dev_mails", "link"}
_ACTION = re.compile(r'name="action" value="(\w+)"')


class Look:
    """Looks at answers: status, headers, words of others, and that another's is answered as a missing one."""

    def __init__(self, words: ReadableWords | None, label: str) -> None:
        self.words, self.label = words, label
        self.wrong: list[str] = []
        self._of_foreign: list[tuple[Cell, str]] = []

    def at(self, cell: Cell, answer: Any) -> None:
        """Note what is wrong with an answer."""
        found = [] if is_right(answer, cell, self.label) else [f"status {answer.status_code}"]
        found += wrong_headers(answer, cell.address)
        if not _SHOWS_OTHERS & {cell.entry.endpoint.partition(".")[0], cell.entry.rows}:
            found += self.words.unreadable(answer) if self.words else _any_words(cell, answer)
        self.wrong += [f"{cell}: {what}" for what in found]
        if cell.relation in (FOREIGN, TWIN):
            self._of_foreign.append((cell, comparable(answer, cell.name)))
        elif cell.relation == ABSENT:
            of_missing = comparable(answer, cell.name)
            self.wrong += [
                f"{each}: differs from a missing one: {_difference(said, of_missing)}"
                for each, said in self._of_foreign
                if said != of_missing
            ]
            self._of_foreign = []


def _difference(said: str, of_missing: str) -> str:
    """Return the first lines in which two answers differ."""
    lines = difflib.ndiff(of_missing.splitlines(), said.splitlines())
    return " ".join([line.strip() for line in lines if line[0] in "+-"][:4])[:600]


def _any_words(cell: Cell, answer: Any) -> list[str]:
    """Return what an answer to nobody holds of any account, but for what the address itself says."""
    return [str(found) for found in marks_in(text_of(answer)) - marks_in(cell.address)]


def entries_for(label: str) -> list[Entry]:
    """Return the lines that concern somebody: who has entered a portal is asked about the portal alone."""
    entries = MATRIX.entries.values()
    return [entry for entry in entries if "@" not in label or entry.endpoint.startswith("portal")]


@pytest.mark.parametrize("label", [*_OVER_ROWS, *_ELSE])
def test_who_is_signed_in_gets_what_the_matrix_says(app: Flask, sign_in: SignIn, label: str) -> None:
    # Which rows one has depends on the account alone: of its people, one is asked about those of others.
    check_every_cell(app, sign_in, label, of_others="-" not in label)


@pytest.mark.soak
@pytest.mark.parametrize("label", PRINCIPALS)
def test_everybody_gets_what_the_matrix_says_on_both_engines(app: Flask, sign_in: SignIn, label: str) -> None:
    check_every_cell(app, sign_in, label, of_others=True, is_whole=True)


def check_every_cell(
    app: Flask, sign_in: SignIn, label: str, *, of_others: bool, is_whole: bool = False
) -> None:
    """Ask every cell of somebody; `of_others`: about things of others, too; `is_whole`: see Walker.can_ask."""
    trees, client = Trees(app), app.test_client()
    person = trees.person(label)
    sign_in(client, trees.user_name(label))
    enter_portal(client, person)
    look = Look(ReadableWords(trees, person), label)
    with closing(Walker(app, client, person)) as walker:
        for entry in entries_for(label):
            for cell in walker.cells(entry, trees, person):
                may = label in entry.may
                is_asked = walker.can_ask(cell, may=may, is_whole=is_whole)
                if is_asked and (of_others or cell.relation == OWN):
                    with walker.ask(cell, may=may) as answer:
                        look.at(cell, answer)
    assert look.wrong == []
    assert walker.changes == []


@pytest.mark.one_engine
@pytest.mark.parametrize("who", [ANONYMOUS, *DEAD])
def test_a_session_of_nobody_opens_nothing(app: Flask, sign_in: SignIn, who: str) -> None:
    trees, client = Trees(app), app.test_client()
    if who != ANONYMOUS:
        sign_in(client, trees.user_name(who))
    person = trees.person("operator")
    look = Look(None, ANONYMOUS)
    with closing(Walker(app, client, None)) as walker:
        for entry in MATRIX.entries.values():
            cell = next(cell for cell in walker.cells(entry, trees, person) if cell.relation == OWN)
            with walker.ask(cell, may=ANONYMOUS in entry.may) as answer:
                look.at(cell, answer)
    assert look.wrong == []
    assert walker.changes == []


@pytest.mark.one_engine
@pytest.mark.parametrize("who", [*DEAD, "msp-locked"])
def test_the_dead_and_the_locked_do_not_get_in(app: Flask, client: FlaskClient, who: str) -> None:
    form = {"csrf_token": csrf_token_of(client), "username": Trees(app).user_name(who), "password": PASSWORD}
    assert client.post("/login", data=form).status_code == 422
    assert client.get("/", follow_redirects=False).headers["Location"] == "/login"


@pytest.mark.one_engine
@pytest.mark.parametrize("label", PRINCIPALS)
def test_what_may_be_run_on_chosen_rows_is_what_a_list_offers(
    app: Flask, sign_in: SignIn, label: str
) -> None:
    trees, client = Trees(app), app.test_client()
    sign_in(client, trees.user_name(label))
    enter_portal(client, trees.person(label))
    offered, addresses = set(), routes_of(app)
    for key, address in addresses.items():
        endpoint = key.removeprefix("GET ")
        if endpoint.endswith(".index_view") and "<" not in address:
            page = client.get(address)
            if page.status_code == 200:
                view = endpoint.removesuffix(".index_view")
                offered |= {f"POST {view}.action:{name}" for name in _ACTION.findall(page.text)}
    allowed = {entry.key for entry in entries_for(label) if entry.action and label in entry.may}
    reachable = {key for key in allowed if "@" not in label or key.startswith("POST portal")}
    assert {key for key in offered if "@" not in label or key.startswith("POST portal")} == reachable
