"""The few pages that belong to no list: the way in, the language, the customer portal's first page."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, abort, g, redirect, request
from flask_admin import BaseView, expose
from werkzeug.wrappers import Response

from admin_views import frame
from admin_views.request_context import (
    LANGUAGE_COOKIE,
    LANGUAGE_OF_PROFILE,
    LANGUAGE_OWNER_COOKIE,
    LANGUAGES,
    now,
    settings,
    signed_in,
)
from admin_views.sign_in import to_sign_in
from domain.inputs.return_path import safe_return_path
from services import languages
from services.transaction import transaction

blueprint = Blueprint("pages", __name__)
_ONE_YEAR = 365 * 24 * 60 * 60


class MspIndexView(BaseView):
    """`/msp/` itself: it leads to the first list that is open to the viewer."""

    def __init__(self) -> None:
        super().__init__(name="", endpoint="msp", url="/msp")

    def is_visible(self) -> bool:
        """Stay out of the menu."""
        return False

    @expose("/")
    def index(self) -> Response:
        """Lead on."""
        if signed_in() is None:
            return to_sign_in()
        groups = frame.menu_groups("msp")
        if not groups:
            abort(403)
        return redirect(groups[0].entries[0].url, code=303)


@blueprint.get("/")
def home() -> Response:
    """Lead to the portal of who is signed in."""
    found = signed_in()
    if found is None:
        return to_sign_in()
    return redirect("/msp/" if frame.has_msp_portal(found.viewer) else "/portal/", code=303)


@blueprint.get("/lang/<any(ja, en):code>")
def choose_language(code: str) -> Response:
    """Show this browser the language and go back to the page on which it was chosen; no profile is changed."""
    answer = redirect(_page_before() or "/", code=303)
    found = signed_in()
    _keep(answer, LANGUAGE_COOKIE, code)
    if found is None:
        answer.delete_cookie(
            LANGUAGE_OWNER_COOKIE, secure=not settings().is_demo, httponly=True, samesite="Lax"
        )
    else:
        _keep(answer, LANGUAGE_OWNER_COOKIE, str(found.viewer.administrator_id))
    return answer


@blueprint.post("/lang/<any(ja, en):code>")
def remember_language(code: str) -> Response:
    """Remember the language in the profile of who is signed in, and go back; else as the link does."""
    found = signed_in()
    if found is None:
        return choose_language(code)
    with transaction():
        languages.choose(viewer=found.viewer, language=code, now=now())
    answer = redirect(_page_before() or "/", code=303)
    # The profile holds it from now on, in every browser; the cookie is for the pages before the next sign-in.
    _keep(answer, LANGUAGE_COOKIE, code)
    _keep(answer, LANGUAGE_OWNER_COOKIE, LANGUAGE_OF_PROFILE)
    return answer


@blueprint.after_app_request
def give_language_its_owner(answer: Response) -> Response:
    """Bind a language that was chosen before signing in to who has signed in then, and to nobody after."""
    found = g.get("signed_in")
    is_free = (
        request.cookies.get(LANGUAGE_COOKIE) in LANGUAGES and LANGUAGE_OWNER_COOKIE not in request.cookies
    )
    if found is not None and is_free and not request.path.startswith("/lang/"):
        _keep(answer, LANGUAGE_OWNER_COOKIE, str(found.viewer.administrator_id))
    return answer


def _keep(answer: Response, name: str, value: str) -> None:
    answer.set_cookie(
        name, value, max_age=_ONE_YEAR, secure=not settings().is_demo, httponly=True, samesite="Lax"
    )


def _page_before() -> str | None:
    try:
        parts = urlsplit(request.referrer or "")
    except ValueError:
        # Not an address at all, such as "http://[".
        return None
    if parts.netloc != request.host or parts.path.startswith("/lang/"):
        return None
    return safe_return_path(f"{parts.path}?{parts.query}" if parts.query else parts.path)
