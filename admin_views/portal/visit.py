"""Whose customer portal a request is about: looked up once, bound to what a form showed."""

from __future__ import annotations

from typing import cast

from flask import Flask, flash, g, redirect, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin_views.dialogs import json_redirect
from admin_views.request_context import is_fragment, session_token, signed_in, viewer
from domain.portal_permissions import PORTAL_LEVELS
from services import portal_visits, sign_ins
from services.access import AccountNotVisible
from services.portal_visits import Visit
from services.transaction import transaction

PREFIX = "/portal/"
#: The hidden field by which a form says in whose portal it was opened.
PORTAL_FIELD = "portal_account"
#: Address at which one goes from portal to portal: it is not about the one that was entered before.
ENTER_PATH = "/portal/enter/"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def init_app(app: Flask) -> None:
    """Check before every request of the customer portal that it is still open, and the one that was shown."""
    app.before_request(check_visit)


def has_portal() -> bool:
    """Tell whether 顧客画面 is open to who is signed in."""
    found = signed_in()
    return found is not None and found.viewer.level in PORTAL_LEVELS


def current_visit() -> Visit:
    """Return whose portal it is: the one that was entered, else the viewer's own.

    :raises AccountNotVisible: when the one that was entered is not open to the viewer any more.
    """
    if "visit" not in g:
        found = signed_in()
        entered = found.portal_account_id if found else None
        g.visit = portal_visits.find_visit(viewer=viewer(), account_id=entered or viewer().account_id)
    return cast(Visit, g.visit)


def check_visit() -> Response | None:
    """Lead out of a portal that was closed meanwhile; refuse a form of another portal than the present one.

    :raises OtherPortal: when another window has gone to another customer since the form was opened.
    """
    if not request.path.startswith(PREFIX) or not has_portal():
        return None
    try:
        visit = current_visit()
    except AccountNotVisible:
        return _lead_out()
    is_bound = request.method not in _SAFE_METHODS and not request.path.startswith(ENTER_PATH)
    if is_bound and request.form.get(PORTAL_FIELD) != str(visit.account_id):
        raise portal_visits.OtherPortal(account_id=visit.account_id)
    return None


def _lead_out() -> Response:
    with transaction():
        sign_ins.set_portal_account(token=session_token() or "", account_id=None)
    flash(_("この顧客の画面は、開けなくなりました。担当を外れたか、アカウントが変わっています。"), "warning")
    return json_redirect(PREFIX) if is_fragment() else redirect(PREFIX, code=303)
