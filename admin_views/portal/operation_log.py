"""ログ＞操作ログ of the customer portal: the events of the account whose portal it is; it cannot be hidden."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement

from admin_views.operation_log import LogList
from admin_views.portal.base import PortalListView
from admin_views.portal.visit import current_visit
from admin_views.request_context import viewer
from models import AuditEvent
from services.lists import ListSource
from services.operation_log import log_source


class PortalLogView(LogList, PortalListView):
    """操作ログ of one account."""

    search_label = _l("実行者で検索")

    def scope(self) -> ColumnElement[bool]:
        """Return the condition for the events of the portal's account."""
        return AuditEvent.account_id == current_visit().account_id

    def list_source(self) -> ListSource:
        """Return the account's events."""
        return log_source(viewer=viewer(), account_id=current_visit().account_id)
