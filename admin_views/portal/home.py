"""The customer portal's first page, and the way from portal to portal (顧客切り替え)."""

from __future__ import annotations

from flask import redirect, render_template, request
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin_views.portal.base import PortalPageView
from admin_views.portal.visit import current_visit
from admin_views.request_context import now, session_token, signed_in, viewer
from domain.inputs.row_ids import parse_row_id
from services import portal_visits, sign_ins
from services.access import AccountNotVisible
from services.transaction import transaction
from services.words import LEVEL_WORDS


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
        return render_template("portal_home.html", title=_("顧客画面"), facts=facts, crumbs=())

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
