"""メールの文面: every kind of mail as it goes out, with made-up facts, when it is sent and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import abort, request
from flask_admin import expose
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin_views.msp_page import MspPageView
from admin_views.request_context import language, settings, viewer
from domain.permissions import Permission
from models.mails import MailKind
from services.audit_field_words import MAIL_KIND_WORDS
from services.mail_examples import example_mail
from services.mail_html import html_of
from services.mail_texts import LANGUAGES, mail_brand_from


@dataclass(frozen=True)
class MailFacts:
    """When a kind of mail is sent and to whom, in words."""

    sent_when: Any
    sent_to: Any


_CONTACTS = _l("基本情報と販売店情報の担当者のうち、担当者名と担当者Eメールの両方が設定されている方")
_ADMINISTRATOR = _l("その管理者")
_APPLICANT = _l("申請した管理者")
_OPERATOR = _l("SingleIDの管理者")
#: In the order in which an account meets them.
FACTS: dict[MailKind, MailFacts] = {
    MailKind.APPROVAL: MailFacts(_l("アカウントの申請が承認されたとき"), _APPLICANT),
    MailKind.REJECTION: MailFacts(_l("アカウントの申請が却下されたとき"), _APPLICANT),
    MailKind.ADMINISTRATOR_REGISTERED: MailFacts(_l("管理者が登録されたとき"), _ADMINISTRATOR),
    MailKind.PASSWORD_LINK: MailFacts(
        _l(
            "管理者の登録や編集で設定URLの送信を選んだとき、およびログイン画面でパスワードの再設定を求めたとき"
        ),
        _ADMINISTRATOR,
    ),
    MailKind.SECOND_FACTOR_CHANGED: MailFacts(
        _l(
            "2段階認証を有効または無効にしたとき、認証アプリの変更やリカバリーコードの再発行のとき、ほかの管理者が解除したとき"
        ),
        _ADMINISTRATOR,
    ),
    MailKind.DELIVERY_NOTICE: MailFacts(_l("顧客アカウント一覧で「納品通知」を実行したとき"), _CONTACTS),
    MailKind.CANCELLATION_REMINDER: MailFacts(_l("解約予定日の60日前と30日前"), _CONTACTS),
    MailKind.SUSPENSION_WARNING: MailFacts(
        _l("ポイント不足が続き、一時停止になる7日前。顧客アカウントとサポートアカウントが対象です"), _CONTACTS
    ),
    MailKind.APPROVAL_REQUEST: MailFacts(
        _l("二人承認の対象になる操作が依頼されたとき"),
        _l("承認できる管理者（同じアカウントにほかにいないときは、上位のアカウントの管理者）"),
    ),
    MailKind.APPROVAL_DECISION: MailFacts(
        _l("承認依頼が承認または却下されたとき、または期限を過ぎたとき"), _l("依頼した管理者")
    ),
    MailKind.OPERATOR_ALARM: MailFacts(
        _l(
            "月額利用料の計算が15分たっても始まらないとき、確認を待って止まったとき、台帳の検査で異常が見つかったとき"
        ),
        _OPERATOR,
    ),
    MailKind.AUDIT_HEAD: MailFacts(_l("毎日1回"), _OPERATOR),
}
#: The matter of those who run the portal.
OPERATOR_KINDS = frozenset({MailKind.OPERATOR_ALARM, MailKind.AUDIT_HEAD})


def _seen_facts() -> dict[MailKind, MailFacts]:
    sees_all = viewer().can(Permission.HEALTH_VIEW)
    return {kind: facts for kind, facts in FACTS.items() if sees_all or kind not in OPERATOR_KINDS}


class MailPreviewsView(MspPageView):
    """メールの文面."""

    permission = Permission.MAILS_PREVIEW

    @expose("/")
    def index(self) -> Any:
        """Show the kinds of mail."""
        kinds = [(kind, MAIL_KIND_WORDS[kind], facts) for kind, facts in _seen_facts().items()]
        return self.render("mail_previews/list.html", title=self.name, kinds=kinds)

    @expose("/<kind_name>/")
    def preview(self, kind_name: str) -> Response | Any:
        """Show one kind: its subject, text and HTML, in Japanese or English."""
        kind = next((kind for kind in _seen_facts() if kind.value == kind_name), None)
        if kind is None:
            abort(404)
        wished = request.args.get("language", "")
        mail_language = wished if wished in LANGUAGES else language()
        brand = mail_brand_from(settings())
        mail = example_mail(kind, language=mail_language, brand=brand)
        return self.render(
            "mail_previews/detail.html",
            title=MAIL_KIND_WORDS[kind],
            crumbs=[(self.name, self.get_url(".index"))],
            kind=kind,
            facts=FACTS[kind],
            mail=mail,
            mail_language=mail_language,
            body=html_of(mail.body_text, portal_url=brand.portal_url),
        )
