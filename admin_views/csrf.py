"""One guard for every unsafe request: the session's token, and a browser that does not name another site."""

from __future__ import annotations

import hmac
import secrets

from flask import Flask, request, session
from werkzeug.exceptions import BadRequest

SESSION_KEY = "csrf_token"
FIELD = "csrf_token"
HEADER = "X-CSRFToken"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_OWN_SITES = frozenset({"same-origin", "none"})


class RequestNotFromHere(BadRequest):
    """Say that a request lacks the token of this session, or comes from another site."""


def init_app(app: Flask) -> None:
    """Guard the whole application and give templates `csrf_token()`."""
    app.before_request(refuse_foreign_requests)
    app.jinja_env.globals["csrf_token"] = csrf_token


def csrf_token() -> str:
    """Return this session's token, made at the first call."""
    token = session.get(SESSION_KEY)
    if not isinstance(token, str) or not token:
        token = session[SESSION_KEY] = secrets.token_urlsafe(32)
    return token


def refuse_foreign_requests() -> None:
    """Let safe methods pass; refuse others without the token.

    :raises RequestNotFromHere: answered as 400, with the advice to reload.
    """
    if request.method in _SAFE_METHODS:
        return
    expected = session.get(SESSION_KEY)
    given = request.headers.get(HEADER) or request.form.get(FIELD) or ""
    is_known = isinstance(expected, str) and hmac.compare_digest(
        expected.encode(), given.encode("utf-8", "replace")
    )
    if not is_known or not _comes_from_here():
        raise RequestNotFromHere()


def _comes_from_here() -> bool:
    """Tell by what the browser says of the page that sends; who says nothing, such as a script, has the token.

    Browsers leave Sec-Fetch-Site out over http, but not Origin.
    """
    site = request.headers.get("Sec-Fetch-Site", "")
    if site:
        return site in _OWN_SITES
    origin = request.headers.get("Origin")
    return origin is None or origin in (f"http://{request.host}", f"https://{request.host}")
