"""/dev/mails/: in the demo every mail, whoever looks, is shown here instead of being sent.

Does not exist in production.
"""

from __future__ import annotations

from flask import Blueprint, Flask, abort, current_app, render_template, request
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from models.mails import MailState
from services import row_scope
from services.audit_field_words import MAIL_KIND_WORDS
from services.mail_html import html_of
from services.outgoing_mails import find_mail, list_mails

PAGE_SIZE = 50
LAST_PAGE = 200
blueprint = Blueprint("dev_mails", __name__, url_prefix="/dev/mails")

STATE_WORDS: dict[MailState, LazyString] = {
    MailState.WAITING: _("送信待ち"),
    MailState.RETRYING: _("再送待ち"),
    MailState.SENT: _("送信済み"),
    MailState.BOUNCED: _("不達"),
    MailState.KEPT: _("保管(送信なし)"),
}


def register_dev_mails(app: Flask) -> None:
    """Register the pages in the demo; in production there is no such address."""
    if app.extensions["settings"].is_demo:
        app.register_blueprint(blueprint)


@blueprint.get("/")
def list_page() -> str:
    """Show all mails, newest first."""
    page = _page_number()
    with row_scope.scoped(row_scope.EVERYTHING):
        mails, total = list_mails(page=page, page_size=PAGE_SIZE)
    return render_template(
        "dev_mails/list.html",
        mails=mails,
        total=total,
        page=page,
        page_count=min(-(-total // PAGE_SIZE), LAST_PAGE),
        kind_words=MAIL_KIND_WORDS,
        state_words=STATE_WORDS,
    )


@blueprint.get("/<row_id:mail_id>/")
def detail_page(mail_id: int) -> str:
    """Show one mail as its recipient reads it."""
    with row_scope.scoped(row_scope.EVERYTHING):
        mail = find_mail(mail_id)
    if mail is None:
        abort(404)
    return render_template(
        "dev_mails/detail.html",
        mail=mail,
        kind_word=MAIL_KIND_WORDS[mail.kind],
        state_word=STATE_WORDS[mail.state],
        body=html_of(mail.body_text, portal_url=current_app.extensions["settings"].portal_url),
    )


def _page_number() -> int:
    text = request.args.get("page", "1")
    usable = text.isascii() and text.isdigit() and len(text) <= 4
    return min(max(int(text), 1), LAST_PAGE) if usable else 1
