"""The few pages that belong to no list: the way in, the language, the customer portal's first page."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, abort, redirect, request
from flask_admin import BaseView, expose
from werkzeug.wrappers import Response

from admin_views import frame
from admin_views.request_context import LANGUAGE_COOKIE, settings, signed_in
from admin_views.sign_in import to_sign_in
from domain.inputs.return_path import safe_return_path

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
        groups = frame.menu_groups()
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
    """Keep the language in a cookie and go back to the page on which it was chosen."""
    answer = redirect(_page_before() or "/", code=303)
    answer.set_cookie(
        LANGUAGE_COOKIE,
        code,
        max_age=_ONE_YEAR,
        secure=not settings().is_demo,
        httponly=True,
        samesite="Lax",
    )
    return answer


def _page_before() -> str | None:
    try:
        parts = urlsplit(request.referrer or "")
    except ValueError:
        # Not an address at all, such as "http://[".
        return None
    if parts.netloc != request.host or parts.path.startswith("/lang/"):
        return None
    return safe_return_path(f"{parts.path}?{parts.query}" if parts.query else parts.path)
