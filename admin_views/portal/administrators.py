"""管理＞管理者: the administrators of the account whose portal it is."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement

from admin_views.portal.administrator_dialogs import AdministratorDialogs
from admin_views.portal.administrator_second_factor import AdministratorSecondFactor
from admin_views.portal.administrator_sessions import AdministratorSessions
from admin_views.portal.base import PortalListView
from admin_views.portal.visit import current_visit
from admin_views.request_context import now, viewer
from domain.portal_permissions import PortalPermission
from models import Administrator
from services.administrator_access import may_touch
from services.administrator_list import PersonState, administrators_source
from services.lists import ListSource, Page
from services.portal_visits import MENU_OF_ADMINISTRATORS

#: Badge of a state: tone and sign.
BADGES = {
    PersonState.ACTIVE.value: ("", "check"),
    PersonState.NO_PASSWORD.value: ("warning", "clock"),
    PersonState.LOCKED.value: ("danger", "alert"),
    PersonState.DISABLED.value: ("", None),
}


class AdministratorsView(
    AdministratorSecondFactor, AdministratorSessions, AdministratorDialogs, PortalListView
):
    """管理者, and all that is done with them."""

    menu_key = MENU_OF_ADMINISTRATORS
    list_template = "portal/administrators.html"
    primary_column = "user_name"
    key_columns = ("full_name", "level", "state")
    search_label = _l("ユーザ名・名前・Eメールで検索")

    def scope(self) -> ColumnElement[bool]:
        """Return the condition for the administrators of the account whose portal it is."""
        return (Administrator.account_id == current_visit().account_id) & Administrator.deleted_at.is_(None)

    def list_source(self) -> ListSource:
        """Return the list."""
        visit = current_visit()
        return administrators_source(
            viewer=viewer(), account_id=visit.account_id, account_type=visit.account_type, now=now()
        )

    def has_row_actions(self) -> bool:
        """Tell whether the viewer may change administrators here now."""
        return current_visit().can(PortalPermission.ADMINISTRATORS_CHANGE)

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return the states' badges, and what may be done with a row: nothing above one's own level."""
        may_administer = self.has_row_actions()
        return {
            "may_register": may_administer,
            "may_change": lambda row: may_administer and may_touch(viewer(), row.level),
            "may_unlock": lambda row: may_administer and may_touch(viewer(), row.level) and not _is_self(row),
            "is_self": _is_self,
            "badges": BADGES,
        }


def _is_self(row: Any) -> bool:
    return bool(row.id == viewer().administrator_id)
