"""What the tests of rights share: two marked tenant trees instead of the demo."""

from __future__ import annotations

import pytest


@pytest.fixture
def content() -> str:
    """Name what the database of `app` holds."""
    return "trees"
