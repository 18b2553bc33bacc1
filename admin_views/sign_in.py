"""Sign-in, sign-out, and the pages by which one sets a password oneself."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Flask, flash, g, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import LoginManager, UserMixin
from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms.validators import InputRequired

from admin_views import dialogs
from admin_views.fields import LineField, PortalForm
from admin_views.request_context import (
    SESSION_TOKEN,
    is_fragment,
    now,
    return_path,
    session_token,
    settings,
    signed_in,
)
from domain.errors import DomainError
from domain.inputs.emails import MAXIMUM_LENGTH
from domain.sign_in_locks import BROWSER_KNOWN_FOR
from services import (
    doorbell,
    one_time_links,
    password_requests,
    passwords,
    row_scope,
    second_sign_in_step,
    sign_in_attempts,
    sign_ins,
)
from services.mail_texts import mail_brand_from
from services.secret_box import secret_box_from
from services.sign_in_attempts import FirstStep
from services.transaction import InUse, transaction

blueprint = Blueprint("sign_in", __name__)
#: Requests for these need no look at the session, and must work without a database.
_PUBLIC_ENDPOINTS = frozenset({"static", "probes.healthz", "probes.readyz", "metrics.metrics"})
#: These are about whoever is named there, not about who may be signed in in the same browser.
_PATHS_BEFORE_SIGN_IN = ("/login", "/forgot-password", "/set-password/")
#: By this a browser is known again in which somebody signed in before; only the sign-in page gets to see it.
BROWSER_COOKIE = "known_browser"
#: Noting the use of a session may be left to the next request: the page behind it waits for locks itself.
_TOUCH_SECONDS = 0.5
#: Where the session keeps a right password that waits for its code, sealed.
FIRST_STEP = "first_step"
_MARK_SHAPE = re.compile(r"[0-9a-f]{64}")


class SignedInUser(UserMixin):
    """What Flask-Login and Flask-Admin see of who is signed in."""

    def __init__(self, found: sign_ins.SignedIn) -> None:
        self.id = str(found.viewer.administrator_id)


class PasswordForm(PortalForm):
    """A new password, typed twice."""

    password = PasswordField(lazy_gettext("新しいパスワード"), validators=[InputRequired()])
    repeated = PasswordField(lazy_gettext("新しいパスワード(確認)"), validators=[InputRequired()])


class ForgottenForm(PortalForm):
    """Who has forgotten the password."""

    username = LineField(lazy_gettext("ユーザ名またはEメール"), maximum=MAXIMUM_LENGTH, required=True)


def init_app(app: Flask) -> None:
    """Register the pages, Flask-Login, and the look at the session before every request."""
    manager = LoginManager(app)
    manager.session_protection = None
    manager.request_loader(_current_user)
    app.before_request(look_at_session)
    app.register_blueprint(blueprint)


def look_at_session() -> None:
    """Look up who is signed in before anything opens a transaction, and note the use once a minute.

    From then on the request has the rows of who is signed in, and no others.
    """
    if request.endpoint in _PUBLIC_ENDPOINTS:
        g.signed_in = None
        return
    found, token = signed_in(), session_token()
    _note_use(found, token)
    if found is not None and not request.path.startswith(_PATHS_BEFORE_SIGN_IN):
        row_scope.enter(row_scope.of_viewer(found.viewer))


def _note_use(found: sign_ins.SignedIn | None, token: str | None) -> None:
    if found is None or token is None:
        session.pop(SESSION_TOKEN, None)
    elif found.is_touch_due(now()):
        try:
            with transaction(lock_seconds=_TOUCH_SECONDS):
                sign_ins.touch(token=token, now=now())
        except (OperationalError, InUse):
            # The database is busy with longer work; the next request notes the use.
            return


def _current_user(_request: object) -> SignedInUser | None:
    found = signed_in()
    return SignedInUser(found) if found else None


def to_sign_in() -> Response:
    """Return the answer to a request that needs a sign-in: the page, or its address for a dialog's script."""
    if is_fragment():
        return dialogs.json_redirect("/login", status=401)
    is_page = request.method == "GET" and request.path != "/"
    query = urlencode({"next": request.full_path.rstrip("?")}) if is_page else ""
    return redirect(f"/login?{query}" if query else "/login", code=303)


@blueprint.get("/login")
def sign_in_page() -> Response | str:
    """Show the sign-in page; who is signed in already goes on."""
    if signed_in():
        return redirect(return_path() or "/", code=303)
    notice = _("続けるにはログインしてください。") if return_path() else None
    return render_template("sign_in.html", user_name="", return_to=return_path(), notice=notice, error=None)


@blueprint.post("/login")
def sign_in() -> Response | tuple[str, int]:
    """Begin a session; every refusal looks the same."""
    user_name = request.form.get("username", "")
    attempt = sign_in_attempts.compare(
        user_name_or_email=user_name, password=request.form.get("password", "")
    )
    with transaction():
        concluded = sign_in_attempts.conclude(attempt=attempt, **attempt_facts())
        if isinstance(concluded, str):
            end_former_session()
    if isinstance(concluded, FirstStep):
        return _ask_for_code(concluded)
    if concluded is None:
        error = _("ユーザ名またはパスワードが正しくありません。")
        page = render_template(
            "sign_in.html", user_name=user_name[:320], return_to=return_path(), notice=None, error=error
        )
        return page, 422
    return begin_session(concluded)


def attempt_facts() -> dict[str, Any]:
    """Return what is noted of an attempt to sign in, whatever its secret is."""
    return {
        "browser": browser_mark(),
        "now": now(),
        "remote_address": request.remote_addr,
        "user_agent": request.headers.get("User-Agent", ""),
    }


def end_former_session() -> None:
    """End the session in whose place a new one begins, within the transaction of its beginning."""
    former = session_token()
    if former:
        sign_ins.sign_out(token=former, now=now(), remote_address=request.remote_addr)


def begin_session(token: str) -> Response:
    """Give the browser its new session and lead to where it wanted to go."""
    # Nothing of the anonymous session lives on: neither its id nor its CSRF token.
    session.clear()
    session[SESSION_TOKEN] = token
    answer = redirect(return_path() or "/", code=303)
    _remember_browser(answer, token)
    return answer


def browser_mark() -> str | None:
    """Return what the browser brought to be known by; None: nothing, or nothing that it ever got."""
    mark = request.cookies.get(BROWSER_COOKIE, "")
    return mark if _MARK_SHAPE.fullmatch(mark) else None


def _ask_for_code(step: FirstStep) -> Response:
    session[FIRST_STEP] = second_sign_in_step.seal_first_step(
        step, box=secret_box_from(settings()), now=now()
    )
    return redirect(url_for("second_step.code_page", next=return_path()), code=303)


def _remember_browser(answer: Response, token: str) -> None:
    answer.set_cookie(
        BROWSER_COOKIE,
        sign_in_attempts.browser_mark(token),
        max_age=BROWSER_KNOWN_FOR,
        path="/login",
        secure=not settings().is_demo,
        httponly=True,
        samesite="Lax",
    )


@blueprint.post("/logout")
def sign_out() -> Response:
    """End the session on the server and forget it in the browser."""
    token = session_token()
    if token:
        with transaction():
            sign_ins.sign_out(token=token, now=now(), remote_address=request.remote_addr)
    session.clear()
    flash(_("ログアウトしました。"), "success")
    return redirect("/login", code=303)


@blueprint.get("/forgot-password")
def forgotten_password_page() -> str:
    """Ask who has forgotten the password."""
    return render_template("forgot_password.html", form=ForgottenForm())


@blueprint.post("/forgot-password")
def forgotten_password() -> Response | tuple[str, int]:
    """Mail a link to whom it concerns; the answer is the same for everybody and nobody."""
    form = ForgottenForm(request.form)
    if not form.validate():
        return render_template("forgot_password.html", form=form), 422
    with transaction():
        password_requests.request_link(
            user_name_or_email=form.username.data,
            brand=mail_brand_from(settings()),
            now=now(),
            remote_address=request.remote_addr,
        )
    doorbell.ring("send_mails")
    message = _(
        "入力された管理者が登録されている場合は、登録のEメールへパスワード設定の案内を送信しました。"
        "リンクの有効期限は1日です。"
    )
    flash(message, "info")
    return redirect("/login", code=303)


@blueprint.get("/set-password/<token>")
def set_password_page(token: str) -> str:
    """Show the form behind a one-time link."""
    holder = one_time_links.find_link_holder(token=token, now=now())
    return render_template("set_password.html", form=PasswordForm(), user_name=holder.user_name)


@blueprint.post("/set-password/<token>")
def set_password(token: str) -> Response | tuple[str, int]:
    """Set the password and lead to the sign-in page; the link is then used up."""
    form, status = PasswordForm(request.form), 422
    holder = one_time_links.find_link_holder(token=token, now=now())
    user_name, about = holder.user_name, passwords.words_about(holder, brand_name=settings().brand_name)
    if form.validate():
        try:
            new_hash = passwords.new_password_hash(
                password=form.password.data, repeated=form.repeated.data, about=about
            )
            with transaction():
                one_time_links.use_one_time_link(
                    token=token, password_hash=new_hash, now=now(), remote_address=request.remote_addr
                )
        except DomainError as error:
            status = dialogs.refuse(form, error)
        else:
            session.clear()
            flash(_("パスワードを設定しました。新しいパスワードでログインしてください。"), "success")
            return redirect("/login", code=303)
    return render_template("set_password.html", form=form, user_name=user_name), status
