"""Errors as pages of the portal: what happened and what to do, never a detail of the inside."""

from __future__ import annotations

import logging

from flask import Flask, g, make_response, render_template, request
from flask_babel import LazyString
from flask_babel import lazy_gettext as _
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import BadHost, HTTPException, SecurityError, TooManyRequests, Unauthorized
from werkzeug.wrappers import Response

from admin_views import fresh_sign_in, security_events, sign_in
from admin_views.csrf import RequestNotFromHere
from admin_views.messages import message_for
from admin_views.request_context import is_fragment
from domain.errors import DomainError
from domain.fresh_sign_in import FreshSignInNeeded
from services.one_time_links import OneTimeLinkInvalid

log = logging.getLogger(__name__)

#: Heading and advice by status.
WORDS: dict[int, tuple[LazyString, LazyString]] = {
    400: (
        _("リクエストを処理できません"),
        _("入力された値またはアドレスが正しくありません。前の画面に戻ってやり直してください。"),
    ),
    403: (_("この画面を開く権限がありません"), _("必要な場合は、権限を持つ管理者にご相談ください。")),
    404: (_("ページが見つかりません"), _("アドレスが正しくないか、削除されたか、閲覧できないものです。")),
    405: (_("この操作はできません"), _("この画面を直接開くことはできません。一覧から操作してください。")),
    409: (
        _("ほかの操作により内容が変わりました"),
        _("最新の内容を確認してから、もう一度操作してください。"),
    ),
    413: (
        _("送信された内容が大きすぎます"),
        _(
            "一度に送信できるのは512KBまでです。入力を短くするか、選択する行を減らすか、"
            "ファイルを分けて、もう一度お試しください。"
        ),
    ),
    422: (_("入力内容に誤りがあります"), _("入力内容を確認して、もう一度お試しください。")),
    429: (_("操作が多すぎます"), _("しばらく待ってから、もう一度お試しください。")),
    500: (
        _("エラーが発生しました"),
        _("処理は完了していません。しばらく待ってから、もう一度お試しください。"),
    ),
    503: (
        _("ただいま混み合っています"),
        _("処理は完了していません。少し待ってから、もう一度お試しください。"),
    ),
}
NOT_FROM_HERE = _(
    "画面を開いてから時間が経ったか、ログアウトまたはログインし直したため、送信できませんでした。"
    "ログインしていることを確認し、画面を再読み込みして、もう一度操作してください。"
)


def init_app(app: Flask) -> None:
    """Register the answers."""
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(DomainError, answer_domain_error)
    app.register_error_handler(StaleDataError, lambda _error: error_page(409))
    app.register_error_handler(OperationalError, answer_database_error)
    app.after_request(say_when_to_come_back)


def answer_http_error(error: HTTPException) -> Response:
    """Answer what Flask or a view has refused; redirects pass."""
    if error.code is None or error.code < 400:
        return error.get_response()
    if isinstance(error, Unauthorized):
        return sign_in.to_sign_in()
    security_events.note_http_error(error)
    answer = error_page(error.code, _advice_of(error))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            answer.headers[name] = value
    return answer


def _advice_of(error: HTTPException) -> LazyString | None:
    """Return what is to be done about this very refusal; None: what its status always advises."""
    if isinstance(error, RequestNotFromHere):
        return NOT_FROM_HERE
    if isinstance(error, TooManyRequests) and isinstance(error.retry_after, int):
        return _(
            "短い時間に操作が集中したため、受け付けませんでした。"
            "%(seconds)s秒ほど待ってから、もう一度お試しください。",
            seconds=error.retry_after,
        )
    return None


def answer_domain_error(error: DomainError) -> Response:
    """Answer a refusal that no form has caught."""
    if isinstance(error, FreshSignInNeeded):
        return fresh_sign_in.to_confirm()
    security_events.note_refusal(error)
    return error_page(
        error.http_status, message_for(error), offers_new_link=isinstance(error, OneTimeLinkInvalid)
    )


def answer_database_error(error: OperationalError) -> Response:
    """Answer a database that is away or busy; its text goes to the log only."""
    log.error("the database did not answer", exc_info=error)
    return error_page(503)


def say_when_to_come_back(answer: Response) -> Response:
    """Give every 503 its Retry-After: pages, fragments, and forms that are shown again."""
    if answer.status_code == 503:
        answer.headers.setdefault("Retry-After", "5")
    return answer


def error_page(code: int, advice: LazyString | None = None, *, offers_new_link: bool = False) -> Response:
    """Return the page of a status, as a fragment where a dialog asked."""
    if isinstance(request.routing_exception, SecurityError | BadHost):
        # The host is not ours, or none: whatever was refused first, no address of a page can be built for it.
        heading, usual_advice = WORDS[400]
        page = render_template("error_bare.html", code=400, heading=heading, advice=usual_advice)
        return make_response(page, 400)
    if code >= 500:
        # The frame shows nothing that the failing database would have to tell.
        g.signed_in = None
    heading, usual_advice = WORDS.get(code, WORDS[400 if code < 500 else 500])
    layout = "base.html" if g.get("signed_in") else "bare.html"
    template = "error_fragment.html" if is_fragment() else "error.html"
    page = render_template(
        template,
        code=code,
        heading=heading,
        advice=advice or usual_advice,
        layout=layout,
        offers_new_link=offers_new_link,
    )
    return make_response(page, code)
