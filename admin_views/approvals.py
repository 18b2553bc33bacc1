"""承認依頼: what waits for a second person, and what became of it."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, select

from admin_views.approval_dialogs import ApprovalDialogs
from admin_views.base import ScopedModelView
from admin_views.request_context import now, viewer
from domain.four_eyes import ApprovalState
from domain.permissions import Permission
from models import Account, ApprovalRequest
from services import approval_access, approval_list, four_eyes
from services.lists import ListSource, Page


class ApprovalsView(ApprovalDialogs, ScopedModelView):
    """承認依頼 of the viewer's own account and of those below it."""

    permission = Permission.APPROVALS_VIEW
    list_template = "approvals/list.html"
    primary_column = "kind"
    key_columns = ("asked_points", "state")
    search_label = _l("会社名・アカウント番号で検索")

    def scope(self) -> ColumnElement[bool]:
        """Return the condition for the requests about the points of the viewer's own tree."""
        seen = select(Account.id).where(approval_access.seen(viewer(), Account))
        return ApprovalRequest.account_id.in_(seen)

    def list_source(self) -> ListSource:
        """Return the list."""
        return approval_list.approvals_source(viewer=viewer(), now=now())

    def has_row_actions(self) -> bool:
        """Show the column 操作."""
        return True

    def waiting_count(self) -> int:
        """Return how many requests wait for the viewer, for the menu."""
        return approval_list.waiting_count(viewer=viewer(), now=now())

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return what waits for the viewer, and what he may do with the page's rows."""
        return {
            "waiting_count": self.waiting_count(),
            "waiting_url": self.get_url(".index_view", waiting="1"),
            "near_ids": four_eyes.near_account_ids(
                viewer=viewer(), account_ids={row.account_id for row in page.rows}
            ),
            "own_id": viewer().administrator_id,
            "Open": ApprovalState.OPEN,
        }
