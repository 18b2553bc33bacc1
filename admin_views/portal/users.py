"""ユーザ一覧: the users of the identity service of the account whose portal it is."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement

from admin_views.portal.base import PortalListView
from admin_views.portal.user_bulk import UserBulk
from admin_views.portal.user_dialogs import UserDialogs
from admin_views.portal.user_import import UserImport
from admin_views.portal.visit import current_visit
from domain.portal_permissions import PortalPermission
from models import ServiceUser
from services.lists import ListSource, Page
from services.service_user_list import user_counts, users_source


class UsersView(UserDialogs, UserBulk, UserImport, PortalListView):
    """ユーザ一覧, and all that is done with users; capped by 契約ユーザ数."""

    list_template = "portal/users.html"
    primary_column = "user_name"
    key_columns = ("full_name", "department", "state")
    search_label = _l("ユーザ名・名前・Eメール・部署で検索")

    def scope(self) -> ColumnElement[bool]:
        """Return the condition for the users of the account whose portal it is."""
        return ServiceUser.account_id == current_visit().account_id

    def list_source(self) -> ListSource:
        """Return the list."""
        return users_source(account_id=current_visit().account_id)

    def has_row_actions(self) -> bool:
        """Tell whether the viewer may change users here now."""
        return current_visit().can(PortalPermission.USERS_CHANGE)

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return the headline's numbers, and whether anything may be changed."""
        return {
            "counts": user_counts(current_visit().account_id),
            "may_change": self.has_row_actions(),
        }
