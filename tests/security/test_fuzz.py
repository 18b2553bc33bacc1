"""Requests that nobody would send, by everybody: no inside error, no word of the database, nobody else's words.

2,000 of them always, the same each time; 20,000 by a printed seed in `make soak`, on both engines.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.properties.profiles import SHORT, chosen_seed
from tests.security.foreign_words import ReadableWords, text_of
from tests.security.headers import wrong_headers
from tests.security.principals import Trees, enter_portal
from tests.security.walk import filled, leads_to_sign_in, routes_of
from tests.support.databases import MovableClock
from tests.support.html_forms import forms_of
from tests.web.browser_session import csrf_token_of

SignIn = Callable[[FlaskClient, str], None]
LABELS = ("operator", "distributor", "msp", "support", "customer", "support@customer", "msp-contract")
INSIDE = re.compile(
    r"Traceback|psycopg|sqlalchemy|sqlite3|werkzeug|SELECT .* FROM|INSERT INTO|UPDATE \w+ SET"
)
NASTY = (
    *(
        "",
        " ",
        "\u3000",
        "0",
        "-1",
        "1.5",
        "1e3",
        "1,000",
        "1_000",
        "+5",
        "٣",
        "²",
        "NaN",
        "１２",
        "9" * 5000,
    ),
    *("2147483648", "9223372036854775808", "1" + "0" * 20, "abc", "1'", "1,2", "' OR 1=1 --", "%", "_", "\\"),
    *(
        "\0",
        "\x1b",
        "\u202e",
        "\u200b",
        "\ud800",
        "か\u3099",
        "㈱",
        "髙",
        "𠮷",
        "🙂",
        "<script>alert(1)</script>",
    ),
    *("{{7*7}}", "%s", "%(x)s", "=1+1", "@SUM(1)", "\t1", "../../etc/passwd", "2026-02-29", "0001-01-01"),
    *("9999-12-31", "2026-11-25T00:00:00", "//evil.example", "/\\evil", "javascript:alert(1)", "a@b, c@d"),
    *("a\r\nBcc: b@c.d", "x" * 300, "on", "1", "true", "a" * 60_000),
)
IDS = (
    "1",
    "2",
    "6",
    "7",
    "5006",
    "987654321",
    "0",
    "01",
    "%EF%BC%91",
    "1e0",
    "-1",
    "1%27",
    "9223372036854775808",
)
OTHER_NAMES = (
    "page",
    "page_size",
    "sort",
    "desc",
    "after",
    "search",
    "encoding",
    "next",
    "id",
    "status",
    "level",
)
METHODS = ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")
HEADERS: Mapping[str, tuple[str, ...]] = {
    "Host": ("evil.example", "localhost:99999", "a..b", "x" * 300, "[::1", ""),
    "X-Forwarded-Host": ("evil.example",),
    "X-Forwarded-For": ("127.0.0.1, x", "'" * 50),
    "Accept-Language": ("xx", "en;q=abc", "," * 500),
    "Referer": ("http://[", "//", "http://localhost\\@evil.example/"),
    "Range": ("bytes=0-1", "bytes=9-1", "x"),
    "If-None-Match": ("*", '"x'),
    "If-Modified-Since": ("yesterday",),
    "X-Fragment": ("1", "2"),
    "Origin": ("null", "https://evil.example"),
    "Sec-Fetch-Site": ("cross-site", "same-origin"),
    "Content-Length": ("99999999",),
    "User-Agent": ("", "x" * 2000),
    "Authorization": ("Bearer x", "Basic ===="),
}
BODIES = ("form", "form", "form", "form", "upload", "json", "text", "multipart without an end")


@dataclass(frozen=True)
class Recipe:
    """What a request is made of; numbers choose among what the application has."""

    who: int
    route: int
    row_id: str
    arguments: Mapping[str, str]
    fields: Mapping[int, str]
    extra: Mapping[str, str]
    header: tuple[str, int] | None
    method: str
    body: str
    has_token: bool


def _quoted(text: str) -> str:
    return quote(text, errors="replace")


_values = st.one_of(
    st.sampled_from(NASTY), st.sampled_from(NASTY), st.text(max_size=40), st.integers().map(str)
)
_names = st.one_of(st.sampled_from(OTHER_NAMES), st.text(min_size=1, max_size=12))
recipes = st.builds(
    Recipe,
    who=st.integers(0, len(LABELS) - 1),
    route=st.integers(0, 10_000),
    row_id=st.one_of(st.sampled_from(IDS), st.text(min_size=1, max_size=8).map(_quoted)),
    arguments=st.dictionaries(_names, _values, max_size=3),
    fields=st.dictionaries(st.integers(0, 40), _values, max_size=4),
    extra=st.dictionaries(_names, _values, max_size=2),
    header=st.one_of(
        st.none(), st.none(), st.tuples(st.sampled_from(sorted(HEADERS)), st.integers(0, 5))
    ),
    method=st.sampled_from(("GET", "GET", "GET", "POST", "POST", "POST", "POST", "other")),
    body=st.sampled_from(BODIES),
    has_token=st.sampled_from((True, True, True, True, False)),
)  # fmt: skip


class Crowd:
    """Everybody signed in, and what they find wrong."""

    def __init__(self, app: Flask, sign_in: SignIn) -> None:
        self.app, self.sign_in = app, sign_in
        app.config["PROPAGATE_EXCEPTIONS"] = False
        self.trees = Trees(app)
        self.people = [self.trees.person(label) for label in LABELS]
        self.words = [ReadableWords(self.trees, person) for person in self.people]
        self.clients = [self._signed_in(number) for number in range(len(LABELS))]
        routes = routes_of(app)
        self.patterns = {method: _patterns(routes, method) for method in ("GET", "POST")}
        self.forms = [dict(self._forms(number)) for number in range(len(LABELS))]
        self.clock: MovableClock = app.extensions["clock"]

    def _signed_in(self, number: int) -> FlaskClient:
        client = self.app.test_client()
        self.sign_in(client, self.trees.user_name(LABELS[number]))
        enter_portal(client, self.people[number])
        return client

    def _forms(self, number: int) -> Iterator[tuple[str, dict[str, list[str]]]]:
        """Yield (address, what its form would send untouched) of the dialogs that somebody can open."""
        for pattern in self.patterns["GET"]:
            if pattern in self.patterns["POST"]:
                for row_id in ("6", "3", "1"):
                    page = self.clients[number].get(filled(pattern, row_id))
                    if page.status_code == 200:
                        for form in forms_of(page.text):
                            if form.method == "post" and form.action.partition("?")[0] == filled(
                                pattern, row_id
                            ):
                                yield (
                                    form.action,
                                    {name: list(form.values.get(name, [])) for name in form.kinds},
                                )
                        break

    def send(self, recipe: Recipe) -> None:
        """Send what a recipe makes and look at the answer."""
        # So that no limit on how often something may be done ends the walk.
        self.clock.instant += dt.timedelta(seconds=20)
        client = self.clients[recipe.who]
        address, sent = self._request(recipe)
        with client.open(address, **sent) as answer:
            text = text_of(answer)
            assert answer.status_code < 500, f"{sent['method']} {address}"
            assert not INSIDE.search(text), address
            if recipe.header is None or recipe.header[0] != "Host":
                assert wrong_headers(answer, address) == [], address
            if not address.startswith(("/dev/", "/set-password/")):
                assert self.words[recipe.who].unreadable(answer) == set(), address
            is_out = leads_to_sign_in(answer)
        if (
            is_out
            or sent["method"] == "POST"
            and address.startswith(("/log", "/portal/enter", "/portal/manage"))
        ):
            self.clients[recipe.who] = self._signed_in(recipe.who)

    def _request(self, recipe: Recipe) -> tuple[str, dict[str, Any]]:
        method = METHODS[recipe.route % len(METHODS)] if recipe.method == "other" else recipe.method
        patterns = self.patterns["POST" if method != "GET" else "GET"]
        address = filled(patterns[recipe.route % len(patterns)], recipe.row_id)
        values: dict[str, Any] = {}
        forms = self.forms[recipe.who]
        if method == "POST" and forms and recipe.route % 3:
            address, values = list(forms.items())[recipe.route % len(forms)]
            values = dict(values)
        for place, value in recipe.fields.items():
            names = sorted(values) or list(OTHER_NAMES)
            values[names[place % len(names)]] = value
        values |= recipe.extra
        sent: dict[str, Any] = {"method": method, "headers": _header(recipe)}
        if method == "GET" or not recipe.route % 5:
            sent["query_string"] = {name: _encodable(value) for name, value in recipe.arguments.items()}
        if method == "POST":
            token = csrf_token_of(self.clients[recipe.who])
            own = {"portal_account": str(self.people[recipe.who].portal_account_id)}
            values |= {**own, "csrf_token": token if recipe.has_token else "x"}
            sent |= _body(recipe, values)
            if recipe.has_token and recipe.body in ("json", "text"):
                sent["headers"]["X-CSRFToken"] = token
        return address, sent


def _patterns(routes: Mapping[str, str], method: str) -> list[str]:
    return sorted({pattern for key, pattern in routes.items() if key.startswith(f"{method} ")})


def _header(recipe: Recipe) -> dict[str, str]:
    if recipe.header is None:
        return {}
    name, number = recipe.header
    return {name: HEADERS[name][number % len(HEADERS[name])]}


def _body(recipe: Recipe, values: Mapping[str, Any]) -> dict[str, Any]:
    if recipe.body == "json":
        return {"json": {name: _encodable(str(value)) for name, value in values.items()}}
    if recipe.body == "text":
        return {"data": repr(values).encode("utf-8", "replace"), "content_type": "text/xml; charset=utf-16"}
    if recipe.body == "multipart without an end":
        return {
            "data": b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1',
            "content_type": "multipart/form-data; boundary=x",
        }
    fields = {name: [_encodable(each) for each in _listed(value)] for name, value in values.items()}
    if recipe.body == "upload":
        content = next(iter(recipe.fields.values()), "a,b").encode("utf-8", "replace")
        fields["file"] = [(io.BytesIO(content), "../" + _encodable(recipe.row_id) + ".csv")]  # type: ignore[list-item]
    return {"data": fields}


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _encodable(text: str) -> str:
    """Return a text as a browser would send it: half a pair of surrogates is no character."""
    return text.encode("utf-8", "replace").decode("utf-8")


def run(app: Flask, sign_in: SignIn, count: int, *, first: int | None = None) -> None:
    """Send a number of requests; hypothesis makes a failing one smaller. `first`: a seed, else the same each time."""
    crowd = Crowd(app, sign_in)

    @settings(SHORT, max_examples=count, derandomize=first is None)
    @given(recipes)
    def send(recipe: Recipe) -> None:
        crowd.send(recipe)

    if first is not None:
        send = seed(first)(send)
    send()


@pytest.mark.one_engine
def test_two_thousand_requests_meet_no_inside_error(app: Flask, sign_in: SignIn) -> None:
    run(app, sign_in, 2_000)


@pytest.mark.soak
def test_twenty_thousand_requests_meet_no_inside_error(app: Flask, sign_in: SignIn) -> None:
    run(app, sign_in, 20_000, first=chosen_seed())
