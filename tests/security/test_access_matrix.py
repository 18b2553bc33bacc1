"""docs/permissions.toml against the application: each route has a line, each line a route, and the page is theirs."""

from __future__ import annotations

import os
import re

import pytest
from flask import Flask

from tests.security import matrix_page
from tests.security.matrix import ANONYMOUS, PATH, read_matrix
from tests.security.principals import PRINCIPALS
from tests.security.walk import routes_of

MATRIX = read_matrix()


@pytest.mark.one_engine
def test_every_route_has_a_line_and_every_line_a_route(app: Flask) -> None:
    lines = {f"{entry.method} {entry.endpoint}" for entry in MATRIX.entries.values()}
    routes = set(routes_of(app))
    assert lines - routes == set(), "lines of docs/permissions.toml without a route"
    assert routes - lines == set(), "routes without a line in docs/permissions.toml"


def test_lines_stand_in_order_and_groups_name_people() -> None:
    keys = re.findall(r'^"([^"]+)" = \{', PATH.read_text(encoding="utf-8"), re.MULTILINE)
    assert keys == sorted(set(keys), key=lambda key: (key.split(" ")[1], key))
    assert frozenset().union(*MATRIX.groups.values()) == {ANONYMOUS, *PRINCIPALS}


@pytest.mark.one_engine
def test_the_page_for_people_is_made_from_the_matrix(app: Flask) -> None:
    with app.test_request_context():
        views = [view for admin in app.extensions["admin"] for view in admin._views]
        page = matrix_page.page_of(MATRIX, {view.endpoint: str(view.name) for view in views if view.name})
    if os.environ.get("UPDATE_GOLDEN"):
        matrix_page.PATH.write_text(page, encoding="utf-8")
    assert matrix_page.PATH.read_text(encoding="utf-8") == page, "run make matrix"
