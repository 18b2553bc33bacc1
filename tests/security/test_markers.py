"""Whatever way a foreign thing is named: its words are in no answer, and the answer is that for a missing one.

By its id in an address or as a chosen row it is named in test_access_cells; here by search, filter, look-up,
relation field, hidden field, request id and a field that a form does not offer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote_plus

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from models import PointRequest, db
from tests.security.foreign_words import ReadableWords, comparable
from tests.security.matrix import Entry, read_matrix
from tests.security.principals import FOREIGN, MISSING, OWN, TWIN, Person, Trees, enter_portal
from tests.security.walk import Walker, routes_of
from tests.support.html_forms import HtmlForm, forms_of
from tests.support.marks import Mark, marked, marks_in
from tests.support.tenant_tables import CODES, SHARED
from tests.support.tenant_trees import OTHER, is_text
from tests.web.account_rows import account_of
from tests.web.browser_session import csrf_token_of

SignIn = Callable[[FlaskClient, str], None]
MATRIX = read_matrix()
#: A number of no account, as long as those of the other tree.
NOBODY = 8_888
#: Parameters of pages beyond those of their forms: address → (parameter, which name of a thing it takes).
ARGUMENTS = (
    ("/portal/switch/", "search", "text"),
    ("/msp/runs/2026-11-25/rehearsal/", "accounts", "number"),
    ("/msp/runs/2026-10-25/comparison/", "rehearsal", "id"),
    ("/msp/runs/2026-10-25/comparison/export/csv", "rehearsal", "id"),
    ("/msp/customers/{own}/bounces/lift/", "email", "text"),
    ("/login", "next", "text"),
)
#: Its answers hold secrets and codes that are drawn anew each time: two of them are never the same.
_DRAWN_ANEW = "second_factor."
#: Names of columns that no form offers to anybody.
NOT_OFFERED = (
    *("id", "account_id", "parent_id", "privileged_msp_id", "support_account_id", "scope_account_id"),
    *("administrator_id", "applied_by_id", "entered_account", "account_number", "owner_id"),
)


@pytest.mark.one_engine
def test_every_text_of_every_table_bears_the_mark_of_its_account_in_both_trees(app: Flask) -> None:
    unmarked = []
    with app.app_context():
        for table in db.metadata.sorted_tables:
            columns = [
                column
                for column in table.columns
                if is_text(column) and (table.name, column.name) not in CODES
            ]
            if table.name in SHARED or not columns:
                continue
            rows = db.session.execute(select(*columns)).all()
            for place, column in enumerate(columns):
                owners = {number for row in rows for _mark, number in marks_in(str(row[place]))}
                if not (
                    any(number < OTHER for number in owners) and any(number > OTHER for number in owners)
                ):
                    unmarked.append(f"{table.name}.{column.name}")
    assert unmarked == [], "give these columns a mark in tests/support/tenant_trees.py, or a reason in CODES"


class Asking:
    """Somebody who names foreign things and missing ones, and compares."""

    def __init__(self, app: Flask, sign_in: SignIn, label: str, *, is_thorough: bool = False) -> None:
        self.app, self.trees, self.client = app, Trees(app), app.test_client()
        self.person: Person = self.trees.person(label)
        sign_in(self.client, self.trees.user_name(label))
        enter_portal(self.client, self.person)
        self.words = ReadableWords(self.trees, self.person)
        self.label, self.is_thorough = label, is_thorough
        self.wrong: list[str] = []

    def foreign_account(self) -> Any:
        """Return an account of the other tree that has people and users."""
        return self.trees.account[account_of(self.app, self.trees.user_name("customer", other=True))]

    def names(self, kind: str) -> Iterator[tuple[str, str]]:
        """Yield (name of a foreign thing, the same of a missing one)."""
        account = self.foreign_account()
        if kind == "id":
            yield str(account.id), str(NOBODY)
        elif kind == "number":
            yield str(account.account_number), "98765432"
        else:
            yield str(account.account_number), "98765432"
            for mark in (Mark.COMPANY, Mark.TEXT, Mark.USER_NAME, Mark.EMAIL) if self.is_thorough else ():
                yield marked(mark, account.id, "@"), marked(mark, NOBODY, "@")

    def compare(self, address: str, parameter: str, kind: str) -> None:
        """Ask with a foreign name and with a missing one; note what is not the same, and foreign words."""
        for foreign, missing in self.names(kind):
            said = []
            for name in (foreign, missing):
                with self.client.get(address, query_string={parameter: name}) as answer:
                    text = comparable(answer, "")
                for typed in (quote_plus(quote_plus(name)), quote_plus(name), name):
                    text = text.replace(typed, "…")
                said.append(text)
            self.note(f"{address}?{parameter}={foreign}", *said)

    def note(self, what: str, said: str, of_missing: str) -> None:
        """Note an answer about a foreign thing that differs from that about a missing one."""
        if said != of_missing:
            self.wrong.append(f"{what}: differs from a missing one")
        closed = [(mark, number) for mark, number in marks_in(said) if not self.words.is_open(mark, number)]
        self.wrong += [f"{what}: {mark} of account {number}" for mark, number in closed]


@pytest.mark.parametrize(
    ("label", "is_thorough"),
    [
        ("msp", False),
        pytest.param("support", False, marks=pytest.mark.one_engine),
        *(pytest.param(label, True, marks=pytest.mark.soak) for label in ("msp", "support", "distributor")),
    ],
)
def test_no_search_filter_or_look_up_of_a_list_finds_what_is_another_s(
    app: Flask, sign_in: SignIn, label: str, is_thorough: bool
) -> None:
    asking = Asking(app, sign_in, label, is_thorough=is_thorough)
    for address in _lists(app):
        page = asking.client.get(address)
        if page.status_code != 200:
            continue
        for name, kind in _filters(page.text):
            asking.compare(address, name, kind)
            if is_thorough or name == "search":
                asking.compare(f"{address}export/csv", name, kind)
    own = next(name for relation, name in asking.trees.rows("customer", asking.person) if relation == OWN)
    for address, parameter, kind in ARGUMENTS:
        asking.compare(address.format(own=own), parameter, kind)
    assert asking.wrong == []


def _lists(app: Flask) -> list[str]:
    found = (address for key, address in routes_of(app).items() if key.endswith(".index_view"))
    return sorted(address.replace("<billing_date:billing_date>", "2026-10-25") for address in found)


def _filters(page: str) -> Iterator[tuple[str, str]]:
    """Yield (parameter, which name of a thing it could take) of what a list can be asked for."""
    for form in forms_of(page):
        for name, kind in form.kinds.items() if form.method == "get" else ():
            if kind == "select" and name not in ("page_size", "sort"):
                yield name, "id"
            elif kind in ("text", "search"):
                yield name, "text"


@pytest.mark.one_engine
@pytest.mark.parametrize("label", ["msp", "distributor", "customer", "support@customer"])
def test_no_field_of_a_form_takes_what_is_another_s_or_what_is_not_offered(
    app: Flask, sign_in: SignIn, label: str
) -> None:
    asking = Asking(app, sign_in, label)
    foreign = str(asking.foreign_account().id)
    with closing(Walker(app, asking.client, asking.person)) as walker:
        for address, form in _dialogs(walker, asking):
            post = _poster(walker, address, form)
            for name, kind in form.kinds.items():
                if kind in ("select", "hidden", "radio") and name not in (
                    "csrf_token",
                    "portal_account",
                    "version",
                ):
                    said, of_missing = (post({name: value}) for value in (foreign, str(MISSING)))
                    asking.note(f"{address} {name}", *(said[0], of_missing[0]))
                    if said[1] != of_missing[1]:
                        asking.wrong.append(f"{address} {name}: another effect than with a missing one")
            if post(dict.fromkeys(set(NOT_OFFERED) - set(form.kinds), foreign)) != post({}):
                asking.wrong.append(f"{address}: a field that is not offered has an effect")
    assert asking.wrong == []
    assert walker.changes == []


def _dialogs(walker: Walker, asking: Asking) -> Iterator[tuple[str, HtmlForm]]:
    """Yield (address, its form as it is opened) of every dialog about something of one's own."""
    for entry in _dialog_entries(asking.label):
        for cell in walker.cells(entry, asking.trees, asking.person):
            page = asking.client.get(cell.address) if cell.relation == OWN else None
            if page is not None and page.status_code == 200:
                posted = [
                    form for form in forms_of(page.text) if form.action.partition("?")[0] == cell.address
                ]
                yield from ((cell.address, form) for form in posted[:1])


def _dialog_entries(label: str) -> list[Entry]:
    both = [
        entry
        for entry in MATRIX.entries.values()
        if entry.method == "GET" and label in entry.may and not entry.endpoint.startswith(_DRAWN_ANEW)
    ]
    return [
        entry for entry in both if f"POST {entry.endpoint}" in MATRIX.entries and "anonymous" not in entry.may
    ]


def _poster(walker: Walker, address: str, form: HtmlForm) -> Callable[[dict[str, str]], tuple[str, str]]:
    def post(changed: dict[str, str]) -> tuple[str, str]:
        typed = {name: values for name, values in form.values.items() if values}
        token = csrf_token_of(walker.client)
        return walker.effect_of(address, {**typed, **changed, "csrf_token": token}, *changed.values())

    return post


def test_a_request_id_of_somebody_else_is_refused_and_tells_nothing(app: Flask, sign_in: SignIn) -> None:
    asking = Asking(app, sign_in, "msp")
    with app.app_context():
        request_ids = list(db.session.scalars(select(PointRequest.request_id)))
    rows = dict(asking.trees.rows("customer", asking.person))
    own, others = rows[OWN], (rows[FOREIGN], rows[TWIN])
    for request_id in request_ids[-3:]:
        form = {"direction": "add", "points": "1", "remark": "", "request_id": request_id}
        form["csrf_token"] = csrf_token_of(asking.client)
        answer = asking.client.post(f"/msp/customers/{own}/points/", data=form)
        assert answer.status_code in (409, 422)
        assert asking.words.unreadable(answer) == set()
    for other in others:
        form = {"action": "refill", "csrf_token": csrf_token_of(asking.client)}
        answer = asking.client.post("/msp/customers/action/", data={**form, "rowid": [str(own), str(other)]})
        assert answer.status_code == 404
        assert asking.words.unreadable(answer) == set()
