"""2段階認証: one's own second factor, whether one's account requires it, and the hold until a due one is set up."""

from __future__ import annotations

from urllib.parse import urlencode

import segno
from flask import Blueprint, Flask, abort, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin_views.dialogs import json_redirect, refuse, render_dialog, success
from admin_views.fields import LineField, PortalForm
from admin_views.fresh_sign_in import asks_fresh_sign_in
from admin_views.request_context import (
    is_fragment,
    now,
    return_path,
    session_token,
    settings,
    signed_in,
    viewer,
)
from admin_views.submission import posted, submit
from domain.one_time_codes import RECOVERY_CODE_COUNT, app_address, read_code
from domain.second_factor_rules import may_require_second_factor
from services import doorbell, second_factor_requirement, second_factors
from services.mail_texts import mail_brand_from
from services.second_factors import SetUp, SetUpExpired
from services.secret_box import secret_box_from
from services.transaction import transaction

blueprint = Blueprint("second_factor", __name__, url_prefix="/second-factor")
SET_UP = "second_factor.set_up"
#: All that is open to somebody who has to set up a second factor first.
OPEN_WHILE_DUE = frozenset(
    {
        SET_UP,
        "fresh_sign_in.confirm_page",
        "fresh_sign_in.confirm_and_go_back",
        "pages.choose_language",
        "pages.remember_language",
        "probes.healthz",
        "probes.readyz",
        "metrics.metrics",
        "sign_in.sign_out",
        "static",
    }
)
LONGEST_TOKEN = 1_000
#: From so few unused recovery codes on the page advises new ones.
FEW_CODES = 3


class SetUpForm(PortalForm):
    """The first code of a secret that is shown beside it."""

    code = LineField(_l("6桁のコード"), maximum=100, required=True)


def init_app(app: Flask) -> None:
    """Register the pages, and the hold before every request."""
    app.before_request(hold_until_set_up)
    app.register_blueprint(blueprint)


def hold_until_set_up() -> Response | None:
    """Lead whoever has to set up a second factor there, whatever was asked for."""
    if request.endpoint in OPEN_WHILE_DUE:
        return None
    found = signed_in()
    if found is None or not found.is_second_factor_due:
        return None
    is_page = request.method == "GET" and not is_fragment() and request.path not in ("/", "/login")
    query = f"?{urlencode({'next': request.full_path.rstrip('?')})}" if is_page else ""
    address = url_for(SET_UP) + query
    return json_redirect(address, status=401) if is_fragment() else redirect(address, code=303)


@blueprint.get("/")
def overview() -> str:
    """Show one's own second factor and, to who decides it, what the account requires."""
    may_require = may_require_second_factor(viewer())
    return render_template(
        "second_factor/overview.html",
        state=second_factors.state_of(viewer()),
        requirement=second_factor_requirement.requirement_of(viewer()),
        may_require=may_require,
        code_count=RECOVERY_CODE_COUNT,
        few_codes=FEW_CODES,
    )


@blueprint.route("/set-up/", methods=("GET", "POST"))
@asks_fresh_sign_in
def set_up() -> Response | str | tuple[str, int]:
    """Show a new secret, and switch the second factor on by its first code."""
    box, form = secret_box_from(settings()), SetUpForm(posted())
    if request.method == "GET":
        return _set_up_page(form, second_factors.begin_set_up(viewer=viewer(), box=box, now=now()), 200)
    token = request.form.get("token", "")[:LONGEST_TOKEN]
    try:
        begun = second_factors.open_set_up(viewer=viewer(), token=token, box=box, now=now())
        if not form.validate():
            return _set_up_page(form, begun, 422)
        return _switch_on(form, begun)
    except SetUpExpired as error:
        form.code.data = form.code.typed = None
        form.add_refusal(error)
        begun = second_factors.begin_set_up(viewer=viewer(), box=box, now=now())
        return _set_up_page(form, begun, error.http_status)
    except second_factors.OneTimeCodeWrong as error:
        return _set_up_page(form, begun, refuse(form, error))


def _switch_on(form: SetUpForm, begun: SetUp) -> str:
    with transaction():
        codes = second_factors.confirm_set_up(
            viewer=viewer(),
            token=begun.token,
            code=read_code(form.code.data or ""),
            kept_session=session_token(),
            box=secret_box_from(settings()),
            brand=mail_brand_from(settings()),
            now=now(),
        )
    doorbell.ring("send_mails")
    return _codes_page(codes, _("2段階認証を有効にしました。"))


def _set_up_page(form: SetUpForm, begun: SetUp, status: int) -> tuple[str, int]:
    found = signed_in()
    picture = segno.make(
        app_address(secret=begun.secret, user_name=viewer().user_name, brand_name=settings().brand_name),
        error="m",
        micro=False,
    )
    page = render_template(
        "second_factor/set_up.html",
        form=form,
        token=begun.token,
        secret=" ".join(begun.secret[start : start + 4] for start in range(0, len(begun.secret), 4)),
        picture=picture.svg_data_uri(scale=4, border=3, dark="#000", light="#fff"),
        is_replaced=bool(begun.replaces),
        is_due=found is not None and found.is_second_factor_due,
        return_to=return_path(),
    )
    return page, status


@blueprint.route("/codes/", methods=("GET", "POST"))
@asks_fresh_sign_in
def codes() -> Response | str:
    """リカバリーコードの再発行."""
    form = PortalForm(posted())
    made: list[str] = []

    def run() -> Response:
        with transaction():
            made.extend(
                second_factors.renew_codes(viewer=viewer(), brand=mail_brand_from(settings()), now=now())
            )
        doorbell.ring("send_mails")
        return Response(_codes_page(made, _("新しいリカバリーコードを発行しました。")), mimetype="text/html")

    answer = submit(form, run)
    if isinstance(answer, Response):
        return answer
    return _question(form, answer, about="codes", title=_("リカバリーコードの再発行"), label=_("再発行"))


def _codes_page(made: list[str], done: str) -> str:
    # The frame shows the session as it is now: nothing is due any more.
    g.pop("signed_in", None)
    signed_in()
    return render_template(
        "second_factor/recovery_codes.html",
        codes=made,
        done=done,
        return_to=return_path() or "/second-factor/",
    )


@blueprint.route("/off/", methods=("GET", "POST"))
@asks_fresh_sign_in
def switch_off() -> Response:
    """2段階認証を無効にする."""
    form = PortalForm(posted())

    def run() -> Response:
        with transaction():
            second_factors.switch_off(viewer=viewer(), brand=mail_brand_from(settings()), now=now())
        doorbell.ring("send_mails")
        return success(to=url_for("second_factor.overview"), message=_("2段階認証を無効にしました。"))

    answer = submit(form, run)
    if isinstance(answer, Response):
        return answer
    return _question(
        form, answer, about="off", title=_("2段階認証を無効にする"), label=_("無効にする"), tone="danger"
    )


@blueprint.route("/require/", methods=("GET", "POST"))
@asks_fresh_sign_in
def require() -> Response:
    """Require a second factor of everybody of one's account."""
    done = _("管理者全員の2段階認証を必須にしました。")
    return _set_required(True, done, about="require", title=_("必須にする"), label=_("必須にする"))


@blueprint.route("/release/", methods=("GET", "POST"))
@asks_fresh_sign_in
def release() -> Response:
    """Require it no longer."""
    done = _("2段階認証を任意に戻しました。")
    return _set_required(False, done, about="release", title=_("任意に戻す"), label=_("任意に戻す"))


def _set_required(is_required: bool, done: str, **words: str) -> Response:
    form = PortalForm(posted())

    def run() -> Response:
        with transaction():
            second_factor_requirement.set_required(viewer=viewer(), is_required=is_required, now=now())
        return success(to=url_for("second_factor.overview"), message=done)

    if not may_require_second_factor(viewer()):
        abort(403)
    answer = submit(form, run)
    return answer if isinstance(answer, Response) else _question(form, answer, **words)


def _question(
    form: PortalForm, status: int, *, about: str, title: str, label: str, tone: str = ""
) -> Response:
    return render_dialog(
        title=title,
        form=form,
        submit_label=label,
        back_url=url_for("second_factor.overview"),
        template="second_factor/question.html",
        tone=tone,
        status=status,
        about=about,
        requirement=second_factor_requirement.requirement_of(viewer()),
        company_name=signed_in_company(),
    )


def signed_in_company() -> str:
    """Return the name of the account that the viewer works for."""
    found = signed_in()
    return found.company_name if found else ""
