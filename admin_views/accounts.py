"""MSPアカウント一覧: the accounts between the operator and the customers, and their stock."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from admin_views.account_cancellations import AccountCancellations
from admin_views.account_dialogs import AccountDialogs
from admin_views.account_page import ResellerPage
from admin_views.base import ScopedModelView
from admin_views.customers import SUSPENSION_WORDS, days_until, is_changeable
from admin_views.request_context import now, viewer
from domain.lifecycle import AccountStatus
from domain.permissions import AccountType, Permission
from models import Account
from services import access
from services.approval_list import open_requests_about
from services.lists import ListArguments, ListSource, Page, count_rows
from services.msp_accounts import accounts_source
from services.points import movement_permission

#: The permission behind each button of a row.
ROW_PERMISSIONS = {
    "edit": Permission.ACCOUNTS_EDIT,
    "schedule": Permission.ACCOUNTS_CANCEL,
    "cancel": Permission.ACCOUNTS_CANCEL,
}


class AccountsView(ResellerPage, AccountDialogs, AccountCancellations, ScopedModelView):
    """MSPアカウント一覧: the accounts between the operator and the customers, and all that is done with them."""

    permission = Permission.ACCOUNTS_VIEW
    list_template = "accounts/list.html"
    key_columns = ("point_balance", "estimated_balance")
    search_label = _l("会社名・担当者・電話番号・アカウント番号")

    def scope(self) -> Any:
        """Return the condition for the rows below the viewer."""
        return access.scope(viewer()) & Account.account_type.in_(access.MSP_TYPES)

    def list_source(self) -> ListSource:
        """Return the viewer's MSP and support accounts."""
        return accounts_source(viewer=viewer(), now=now())

    def has_row_actions(self) -> bool:
        """Tell whether the viewer may do anything with a row."""
        return viewer().can(Permission.ACCOUNTS_EDIT)

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return how many are short, the signs of the page's rows, and what the viewer may do."""
        ids = [row.id for row in page.rows]
        return {
            "short_count": count_rows(self.list_source(), ListArguments(filters={"short": True})),
            "asked": open_requests_about(viewer=viewer(), account_ids=ids, now=now()),
            "short_url": self.get_url(".index_view", short="1"),
            "may_change_points": may_change_points,
            "may": {name for name, permission in ROW_PERMISSIONS.items() if viewer().can(permission)},
            "names_parents": viewer().account_type is AccountType.OPERATOR,
            "can_register": viewer().can(Permission.ACCOUNTS_REGISTER),
            "is_changeable": is_changeable,
            "days_until": days_until,
            "suspension_words": SUSPENSION_WORDS,
            "Status": AccountStatus,
            "Type": AccountType,
        }


def may_change_points(row: Any) -> bool:
    """Tell whether the viewer may move the points of a row's account."""
    return is_changeable(row) and viewer().can(movement_permission(row.account_type))
