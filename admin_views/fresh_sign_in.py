"""The fresh sign-in: the password (and the code) once more before something grave.

What is grave is the use cases' to say: they raise FreshSignInNeeded (domain/fresh_sign_in.py), so that no route can
forget it. A dialog that was sent asks within its own form and keeps what was typed (admin_views/submission.py);
`asks_fresh_sign_in` asks before a dialog is shown at all, and whatever else is refused leads to /confirm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Blueprint, g, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin_views.dialogs import json_redirect
from admin_views.request_context import (
    is_fragment,
    now,
    return_path,
    session_token,
    settings,
    signed_in,
    viewer,
)
from domain.inputs.return_path import safe_return_path
from services import second_sign_in_step, sign_in_attempts
from services.secret_box import secret_box_from
from services.transaction import transaction

blueprint = Blueprint("fresh_sign_in", __name__)
#: The fields of a dialog's own form, beside whatever password it is about.
PASSWORD_FIELD, CODE_FIELD = "confirm_password", "confirm_code"
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Confirmation:
    """What a form shows that asks for the password."""

    has_second_factor: bool
    error: str | None = None


def asks_fresh_sign_in(view: View) -> View:
    """Ask for the password before a page is shown; whoever sends a form is asked by the use case."""

    @wraps(view)
    def asking(*arguments: Any, **named: Any) -> Any:
        authentication = viewer().authentication
        is_opened = request.method == "GET" and authentication is not None
        if is_opened and not cast(Any, authentication).is_fresh(now()):
            return to_confirm()
        return view(*arguments, **named)

    return cast(View, asking)


def to_confirm() -> Response:
    """Lead to the page that asks for the password, and from there back to the page that was wanted."""
    rule = request.url_rule
    is_page = rule is not None and "GET" in (rule.methods or ())
    wanted = (request.full_path.rstrip("?") if request.method == "GET" else request.path) if is_page else "/"
    address = f"/confirm?{urlencode({'next': wanted})}"
    return json_redirect(address, status=401) if is_fragment() else redirect(address, code=303)


def asked(error: str | None = None) -> Confirmation:
    """Return what a form shows of the question."""
    found = signed_in()
    return Confirmation(has_second_factor=bool(found and found.has_second_factor), error=error)


def is_given() -> bool:
    """Tell whether a form came with an answer to the question."""
    return PASSWORD_FIELD in request.form


def confirm(*, password: str, code: str) -> str | None:
    """Check password and code of who is signed in, and note the session as fresh; the words of a refusal."""
    attempt = sign_in_attempts.compare(user_name_or_email=viewer().user_name, password=password)
    with transaction():
        is_right = second_sign_in_step.confirm(
            token=session_token() or "",
            attempt=attempt,
            code=code,
            box=secret_box_from(settings()),
            now=now(),
            remote_address=request.remote_addr,
        )
    if is_right:
        # The rest of the request sees the session as it is now.
        g.pop("signed_in", None)
        return None
    if asked().has_second_factor:
        return _("パスワードまたはコードが正しくありません。")
    return _("パスワードが正しくありません。")


def confirm_by_form() -> str | None:
    """Do the same with what the request's form brought."""
    return confirm(password=request.form.get(PASSWORD_FIELD, ""), code=request.form.get(CODE_FIELD, ""))


@blueprint.get("/confirm")
def confirm_page() -> str:
    """Ask for the password."""
    return _page(None)


@blueprint.post("/confirm")
def confirm_and_go_back() -> Response | tuple[str, int]:
    """Note the session as fresh and lead back; every refusal looks the same."""
    refused = confirm_by_form()
    if refused is None:
        return redirect(return_path() or "/", code=303)
    return _page(refused), 422


def _page(error: str | None) -> str:
    return render_template(
        "confirm.html",
        user_name=viewer().user_name,
        confirmation=asked(error),
        return_to=return_path(),
        cancel_url=_page_before(return_path()),
    )


def _page_before(wanted: str | None) -> str:
    """Return where the page that was wanted would have led back to itself."""
    named = parse_qs(urlsplit(wanted or "").query).get("next", [""])
    return safe_return_path(named[0]) or "/"
