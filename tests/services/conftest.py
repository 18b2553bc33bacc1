"""Use cases are tested over a database with the schema alone."""

import pytest


@pytest.fixture
def content() -> str:
    return "empty"
