"""パスワードの変更: one's own, for everybody and outside of both portals."""

from __future__ import annotations

from flask import Blueprint, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin_views.dialogs import render_dialog, success
from admin_views.fresh_sign_in import asks_fresh_sign_in
from admin_views.request_context import now, session_token, settings, viewer
from admin_views.sign_in import PasswordForm
from admin_views.submission import posted, submit
from services import own_passwords, passwords
from services.transaction import transaction

blueprint = Blueprint("own_password", __name__, url_prefix="/password")


@blueprint.route("/", methods=("GET", "POST"))
@asks_fresh_sign_in
def change() -> Response:
    """Ask for a new password and set it; the other browsers in which one is signed in are signed out."""
    form = PasswordForm(posted())

    def run() -> Response:
        about = passwords.words_about(own_passwords.own_row(viewer()), brand_name=settings().brand_name)
        new_hash = passwords.new_password_hash(
            password=form.password.data, repeated=form.repeated.data, about=about
        )
        with transaction():
            count = own_passwords.change_own_password(
                viewer=viewer(), token=session_token() or "", password_hash=new_hash, now=now()
            )
        done = (
            _("パスワードを変更し、ほかの端末%(count)s台でのログインを終了しました。", count=count)
            if count
            else _("パスワードを変更しました。")
        )
        return success(to=url_for("sessions.index"), message=done)

    answer = submit(form, run)
    if isinstance(answer, Response):
        return answer
    return render_dialog(
        title=_("パスワードの変更"),
        form=form,
        submit_label=_("変更"),
        back_url=url_for("sessions.index"),
        template="own_password.html",
        status=answer,
        user_name=viewer().user_name,
    )
