"""The second page of the sign-in: the code, for those who have a second factor. Nothing is signed in before it."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin_views.request_context import now, return_path, settings, signed_in
from admin_views.sign_in import FIRST_STEP, attempt_facts, begin_session, end_former_session
from services import second_sign_in_step
from services.secret_box import secret_box_from
from services.sign_in_attempts import FirstStep
from services.transaction import transaction

blueprint = Blueprint("second_step", __name__)


@blueprint.get("/login/code")
def code_page() -> Response | str:
    """Ask for the code; without a right password just before, lead to where that is asked for."""
    if _first_step() is None:
        return _begin_again()
    return render_template("sign_in_code.html", return_to=return_path(), error=None)


@blueprint.post("/login/code")
def code() -> Response | tuple[str, int]:
    """Begin a session by a right code; every refusal looks the same."""
    step = _first_step()
    if step is None:
        return _begin_again()
    with transaction():
        token = second_sign_in_step.conclude(
            step=step,
            code=request.form.get("code", ""),
            box=secret_box_from(settings()),
            **attempt_facts(),
        )
        if token is not None:
            end_former_session()
    if token is None:
        error = _("コードが正しくないか、すでに使用されています。")
        return render_template("sign_in_code.html", return_to=return_path(), error=error), 422
    return begin_session(token)


def _first_step() -> FirstStep | None:
    sealed = session.get(FIRST_STEP)
    if not isinstance(sealed, str):
        return None
    return second_sign_in_step.open_first_step(sealed, box=secret_box_from(settings()), now=now())


def _begin_again() -> Response:
    if session.pop(FIRST_STEP, None) is not None:
        flash(_("時間が経過したため、もう一度ログインしてください。"), "warning")
    if signed_in():
        return redirect(return_path() or "/", code=303)
    return redirect(url_for("sign_in.sign_in_page", next=return_path()), code=303)
