"""The customer portal's first page, and the way from portal to portal (顧客切り替え)."""

from __future__ import annotations

from flask import redirect, render_template, request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import pgettext
from werkzeug.wrappers import Response

from admin_views.portal.base import PortalPageView
from admin_views.portal.frame_parts import ADMINISTRATORS_PATH, state_word
from admin_views.portal.visit import current_visit
from admin_views.request_context import is_fragment, now, session_token, signed_in, viewer
from domain.inputs.row_ids import parse_row_id
from domain.portal_permissions import PortalPermission
from services import portal_visits, sign_ins
from services.access import AccountNotVisible
from services.portal_visits import Visit
from services.transaction import transaction
from services.words import LEVEL_WORDS, TYPE_WORDS


class PortalIndexView(PortalPageView):
    """`/portal/` itself, and `/portal/enter/`."""

    def __init__(self) -> None:
        super().__init__(name="", endpoint="portal", url="/portal")

    def is_visible(self) -> bool:
        """Stay out of the menu."""
        return False

    @expose("/")
    def index(self) -> str:
        """Show whose portal it is."""
        visit, found = current_visit(), signed_in()
        facts = [
            (_("会社名"), visit.company_name),
            (_("アカウント番号"), visit.account_number or ""),
            (_("管理者"), found.full_name if found else ""),
            (_("ユーザ名"), viewer().user_name),
            (_("権限設定"), LEVEL_WORDS[viewer().level]),
        ]
        return render_template(
            "portal_home.html", title=_("顧客画面"), facts=facts, crumbs=(), tasks=_tasks(visit)
        )

    @expose("/switch/")
    def switch(self) -> str:
        """顧客切り替え: a page with what matches; its rows only, for the script of the pull-down."""
        search = request.args.get("search", "").strip()
        template = "portal/switch_options.html" if is_fragment() else "portal/switch.html"
        return render_template(
            template,
            title=_("顧客切り替え"),
            choices=portal_visits.choices(viewer=viewer(), search=search),
            search=search,
            visit=current_visit(),
            state_word=state_word,
            type_words=TYPE_WORDS,
        )

    @expose("/enter/", methods=("POST",))
    def enter(self) -> Response:
        """Go to the portal of an account; what is not there or not the viewer's is not found."""
        account_id = parse_row_id(request.form.get("account_id", ""))
        if account_id is None:
            raise AccountNotVisible(account_id=account_id)
        with transaction():
            visit = portal_visits.enter(viewer=viewer(), account_id=account_id, now=now())
            sign_ins.set_portal_account(
                token=session_token() or "", account_id=None if visit.is_own else visit.account_id
            )
        return redirect("/portal/", code=303)


def _tasks(visit: Visit) -> list[tuple[str, str, str]]:
    """Return (words, address, what it is for) of the screens that are more than a plain page."""
    can = visit.can
    tasks = [
        (
            "",
            _("ユーザ一覧"),
            "/portal/users/",
            _("SingleIDユーザの登録と変更")
            if can(PortalPermission.USERS_CHANGE)
            else _("SingleIDユーザの確認"),
        ),
        (
            portal_visits.MENU_OF_ADMINISTRATORS,
            pgettext("menu", "管理者"),
            ADMINISTRATORS_PATH,
            _("管理者の登録と変更") if can(PortalPermission.ADMINISTRATORS_CHANGE) else _("管理者の確認"),
        ),
        (
            "",
            _("基本情報"),
            "/portal/manage/profile/",
            _("会社名や担当者の確認と変更")
            if can(PortalPermission.PROFILE_CHANGE)
            else _("会社名や担当者の確認"),
        ),
        ("", _("操作ログ"), "/portal/log/operations/", _("だれが、いつ、何をしたか")),
    ]
    return [(label, url, words) for key, label, url, words in tasks if not visit.is_hidden(key)]
