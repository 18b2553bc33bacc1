"""Faults begin over a database with the schema alone."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.builders import World, begin_world
from tests.support.dying_process import WarmProcess, running_warm_process


@pytest.fixture
def content() -> str:
    return "empty"


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with app.app_context():
        yield begin_world()


@pytest.fixture(scope="session")
def warm_process() -> Iterator[WarmProcess]:
    """Give the process from which those are forked that die at a point of their work, or live in a zone."""
    with running_warm_process() as process:
        yield process
