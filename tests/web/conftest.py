"""What the tests of screens share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web.browser_session import csrf_token_of
from tests.web.customer_screens import Screens


@pytest.fixture
def screens(app: Flask, client: FlaskClient, sign_in: Callable[..., object]) -> Screens:
    """Give 顧客アカウント一覧 of msp-a."""
    sign_in(client, "msp-a")
    return Screens(app, client, csrf_token_of(client))
