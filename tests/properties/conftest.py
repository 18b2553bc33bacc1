"""A small portal that every example begins with anew, on each engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from models import db
from tests.builders import begin_world
from tests.properties.fresh_portal import FreshPortal
from tests.support.databases import DatabaseFactory


@pytest.fixture
def content() -> str:
    return "empty"


@pytest.fixture
def portal(app: Flask, databases: DatabaseFactory, database_url: str) -> Iterator[FreshPortal]:
    """Give the portal with its beginning kept, so that each example can return to it."""
    with app.app_context():
        fresh = FreshPortal(begin_world(), databases, database_url)
        fresh.keep()
        yield fresh
        db.session.remove()
        fresh.forget()
