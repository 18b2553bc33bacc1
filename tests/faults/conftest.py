"""Faults begin over a database with the schema alone."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.builders import World, begin_world


@pytest.fixture
def content() -> str:
    return "empty"


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with app.app_context():
        yield begin_world()
