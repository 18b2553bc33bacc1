"""操作ログ of the MSP portal, and what it shares with that of the customer portal."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from flask import request
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, select

from admin_views.base import ScopedModelView
from admin_views.list_page import ListPage
from admin_views.points import Shortcut
from admin_views.request_context import now, viewer
from domain.billing_calendar import tokyo_date
from domain.permissions import Permission
from models import Account, AuditEvent
from services import access
from services.lists import ListSource, Page, parse_arguments
from services.operation_log import EventTexts, log_source


class LogList:
    """What both lists of events are: newest first, a period that is one press away, each event in words."""

    list_template = "log/list.html"
    primary_column: ClassVar[str] = "action"
    search_label: ClassVar[LazyString | str] = _l("会社名・アカウント番号・実行者で検索")
    get_url: Any
    list_source: Any

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return the shortcuts for the period, and what says what an event was about."""
        source = self.list_source()
        arguments = parse_arguments(source, request.args)
        listing = ListPage(path=self.get_url(".index_view"), source=source, arguments=arguments)
        shortcuts = []
        for label, first, last in periods(tokyo_date(now())):
            period = {"period_from": first.isoformat(), "period_to": last.isoformat()}
            is_here = all(arguments.typed.get(name) == text for name, text in period.items())
            shortcuts.append(Shortcut(label, listing.url(**period), is_here))
        return {"shortcuts": shortcuts, "event_lines": EventTexts(viewer()).lines}


class OperationLogView(LogList, ScopedModelView):
    """操作ログ of the viewer's own account and of all below it."""

    permission = Permission.LOG_VIEW

    def scope(self) -> ColumnElement[bool]:
        """Return the condition for the events of the viewer's own account and of those below it."""
        return AuditEvent.account_id.in_(select(Account.id).where(access.history_scope(viewer())))

    def list_source(self) -> ListSource:
        """Return the viewer's events."""
        return log_source(viewer=viewer())


def periods(today: dt.date) -> list[tuple[Any, dt.date, dt.date]]:
    """Return the named periods with their first and last day: days of Tokyo."""
    yesterday = today - dt.timedelta(days=1)
    first = today.replace(day=1)
    next_first = (first + dt.timedelta(days=31)).replace(day=1)
    last_of_previous = first - dt.timedelta(days=1)
    return [
        (_l("今日"), today, today),
        (_l("昨日"), yesterday, yesterday),
        (_l("過去7日間"), today - dt.timedelta(days=6), today),
        (_l("今月"), first, next_first - dt.timedelta(days=1)),
        (_l("先月"), last_of_previous.replace(day=1), last_of_previous),
    ]
