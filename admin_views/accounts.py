"""MSPアカウント一覧: the accounts between the operator and the customers, and their stock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask_admin import expose
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin_views.base import ScopedModelView
from admin_views.points_dialog import points_dialog
from admin_views.request_context import now, viewer
from domain.lifecycle import RUNNING, AccountStatus
from domain.permissions import AccountType, Permission
from services import access
from services.lists import ListArguments, ListSource, Page, fetch_page
from services.msp_accounts import accounts_source
from services.points import movement_permission


class AccountsView(ScopedModelView):
    """MSPアカウント一覧."""

    permission = Permission.ACCOUNTS_VIEW
    list_template = "accounts/list.html"
    key_columns = ("point_balance", "estimated_balance")
    search_label = _l("会社名・担当者・電話番号・アカウント番号")

    def scope(self) -> Any:
        """Return the condition for the rows below the viewer."""
        return access.scope(viewer())

    def list_source(self) -> ListSource:
        """Return the viewer's MSP and support accounts."""
        return accounts_source(viewer=viewer(), now=now())

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return how many are short, and which rows' points the viewer may change."""
        short = fetch_page(self.list_source(), replace(ListArguments(), filters={"short": True}))
        return {
            "short_count": short.total,
            "short_url": self.get_url(".index_view", short="1"),
            "may_change_points": may_change_points,
            "Status": AccountStatus,
            "Type": AccountType,
        }

    @expose("/<row_id:account_id>/points/", methods=("GET", "POST"))
    def points(self, account_id: int) -> Response:
        """ポイント数更新 or, of a 特権MSP, ポイント発行."""
        return points_dialog(
            account_id=account_id, account_types=access.RESELLERS, back_url=self.get_url(".index_view")
        )


def may_change_points(row: Any) -> bool:
    """Tell whether the viewer may move the points of a row's account."""
    return row.status in RUNNING and viewer().can(movement_permission(row.account_type))
