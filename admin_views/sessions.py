"""ログイン中の端末: where one is signed in oneself, for everybody and outside of both portals."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from admin_views.request_context import now, session_token, viewer
from domain.inputs.row_ids import parse_row_id
from services import session_list
from services.transaction import transaction

blueprint = Blueprint("sessions", __name__, url_prefix="/sessions")
#: The field of a button that ends a session, and its value for all of them.
SESSION_FIELD = "session_id"


@blueprint.get("/")
def index() -> str:
    """Show one's own sessions."""
    found = session_list.running_sessions(
        administrator_id=viewer().administrator_id, token=session_token(), now=now()
    )
    return render_template("sessions/list.html", sessions=found)


@blueprint.post("/end/")
def end() -> Response:
    """End one of one's own sessions."""
    found, session_id = viewer(), sent_session_id()
    with transaction():
        count = session_list.end_own_session(viewer=found, session_id=session_id, now=now())
    _tell(count)
    return redirect(url_for(".index"), code=303)


@blueprint.post("/end-others/")
def end_others() -> Response:
    """End all of one's own sessions but this one."""
    found = viewer()
    with transaction():
        count = session_list.end_own_other_sessions(viewer=found, token=session_token() or "", now=now())
    _tell(count)
    return redirect(url_for(".index"), code=303)


def sent_session_id() -> int:
    """Return the session that a button names; 400 when it names none."""
    return parse_row_id(request.form.get(SESSION_FIELD, "")) or abort(400)


def end_message(count: int) -> str:
    """Return what is told after so many sessions were ended."""
    if not count:
        return str(_("すでに終了しています。"))
    return str(
        ngettext(
            "ログイン中の端末%(num)s台を終了しました。", "ログイン中の端末%(num)s台を終了しました。", count
        )
    )


def _tell(count: int) -> None:
    flash(end_message(count), "success" if count else "info")
