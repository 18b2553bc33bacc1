"""承認待ちアカウント一覧: applications on their way into service."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask_babel import lazy_gettext as _l

from admin_views.base import ScopedModelView
from admin_views.pending_dialogs import PendingDialogs
from admin_views.pending_states import may_be_changed, may_be_provisioned, state_of
from admin_views.request_context import now, viewer
from domain.billing_calendar import tokyo_date
from domain.lifecycle import AccountStatus
from domain.permissions import AccountType, Permission
from services import access
from services.lists import ListArguments, ListSource, Page, fetch_page
from services.pending import pending_source


class PendingView(PendingDialogs, ScopedModelView):
    """承認待ちアカウント一覧."""

    permission = Permission.APPLICATIONS_VIEW
    list_template = "pending/list.html"
    key_columns = ("contract_user_count", "approval_due_on")
    search_label = _l("会社名・担当者・電話番号・アカウント番号")

    def scope(self) -> Any:
        """Return the condition for the rows below the viewer."""
        return access.scope(viewer())

    def list_source(self) -> ListSource:
        """Return the viewer's applications."""
        return pending_source(viewer=viewer(), now=now())

    def has_row_actions(self) -> bool:
        """Show the column 操作."""
        return True

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return the day, how many are late, and what may be done with a row."""
        late = fetch_page(self.list_source(), replace(ListArguments(), filters={"late": True}))
        return {
            "today": tokyo_date(now()),
            "late_count": late.total,
            "late_url": self.get_url(".index_view", late="1"),
            "decides": viewer().can(Permission.APPLICATIONS_DECIDE),
            "changes": viewer().can(Permission.APPLICATIONS_CHANGE),
            "registers": viewer().can(Permission.CUSTOMERS_REGISTER),
            "state_of": state_of,
            "may_be_changed": may_be_changed,
            "may_be_provisioned": may_be_provisioned,
            "Status": AccountStatus,
            "Type": AccountType,
        }
