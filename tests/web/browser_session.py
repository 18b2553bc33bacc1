"""What a browser knows: the CSRF token of its session, the forms of a page."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from admin_views.csrf import SESSION_KEY


def csrf_token_of(client: FlaskClient) -> str:
    """Return the token that the session's forms carry."""
    with client.session_transaction() as session:
        token: str = session.setdefault(SESSION_KEY, "a-token-of-this-session")
    return token


def send(client: FlaskClient, address: str, **fields: Any) -> Any:
    """Post a form as its page would."""
    headers = fields.pop("headers", {})
    return client.post(address, data={"csrf_token": csrf_token_of(client), **fields}, headers=headers)
