"""ポイント履歴: the ledger's lines of one's own account and of all below it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, select

from admin_views.base import ScopedModelView
from admin_views.list_page import ListPage
from admin_views.request_context import now, viewer
from domain.billing_calendar import tokyo_date
from domain.permissions import Permission
from models import Account, PointLine
from services import access
from services.lists import ListSource, Page, parse_arguments
from services.point_history import history_source


@dataclass(frozen=True)
class Shortcut:
    """A period that is one press away."""

    label: Any
    url: str
    is_here: bool


class PointsView(ScopedModelView):
    """ポイント履歴."""

    permission = Permission.POINTS_HISTORY
    list_template = "points/list.html"
    key_columns = ("points", "balance_after")

    def scope(self) -> ColumnElement[bool]:
        """Return the condition for the lines of the viewer's own account and of those below it."""
        return PointLine.account_id.in_(select(Account.id).where(access.history_scope(viewer())))

    def list_source(self) -> ListSource:
        """Return the viewer's lines."""
        return history_source(viewer=viewer())

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return the shortcuts for the period."""
        source = self.list_source()
        arguments = parse_arguments(source, request.args)
        listing = ListPage(path=self.get_url(".index_view"), source=source, arguments=arguments)
        shortcuts = []
        for label, first, last in _months(tokyo_date(now())):
            period = {"period_from": first.isoformat(), "period_to": last.isoformat()}
            is_here = all(arguments.typed.get(name) == text for name, text in period.items())
            shortcuts.append(Shortcut(label, listing.url(**period), is_here))
        return {"shortcuts": shortcuts}


def _months(today: dt.date) -> list[tuple[Any, dt.date, dt.date]]:
    """Return 今月 and 先月 with their first and last day."""
    first = today.replace(day=1)
    next_first = (first + dt.timedelta(days=31)).replace(day=1)
    last_of_previous = first - dt.timedelta(days=1)
    return [
        (_l("今月"), first, next_first - dt.timedelta(days=1)),
        (_l("先月"), last_of_previous.replace(day=1), last_of_previous),
    ]
