"""操作ログ: the audit events of one's own account and of all below it, or of one account. Nobody erases any."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from flask_babel import lazy_pgettext
from sqlalchemy import ColumnElement, Row, select, true

from domain.permissions import AccountType, Viewer
from models import Account, AuditEvent
from services import access, audit_words
from services.account_search import account_contains
from services.actor_names import Actors
from services.company_names import find_company_name
from services.lists import ListColumn, ListFilter, ListSource, contains, on_days
from services.words import ACTOR_WORDS

OPERATION = lazy_pgettext("operation log", "操作")
#: Events of the service as a whole: they belong to no account, and are the operator's alone.
_OPERATOR_PREFIXES = ("billing_run.", "portal.begun", "price.", "alarm.")


class EventTexts:
    """Says what events of a viewer's log were about; names of accounts are looked up once each."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._names: dict[int, str] = {}

    def lines(self, row: Row[Any]) -> list[str]:
        """Return what an event (a row with `action` and `details`) was about, a line a fact."""
        return audit_words.detail_lines(
            action=row.action, details=row.details, viewer=self._viewer, name_of=self._name_of
        )

    def text(self, row: Row[Any]) -> str:
        """Return the same on one line."""
        return " / ".join(self.lines(row))

    def _name_of(self, account_id: int) -> str:
        if account_id not in self._names:
            # Also of one that the viewer does not see, such as a support account: the name, nothing else.
            self._names[account_id] = find_company_name(account_id)
        return self._names[account_id]


def log_source(*, viewer: Viewer, account_id: int | None = None) -> ListSource:
    """Return the list of events, newest first: of the viewer's tree, or of one account that it may see.

    The caller has checked that the account is the viewer's to see. People of levels above are named by their
    company, without their addresses.
    """
    actors = Actors(viewer, AuditEvent.administrator_id)
    texts = EventTexts(viewer)
    statement = actors.joined(
        select(AuditEvent.id).select_from(AuditEvent).outerjoin(Account, Account.id == AuditEvent.account_id)
    )
    return ListSource(
        name="log",
        statement=statement.where(_seen(viewer, account_id)),
        columns=[
            ListColumn("recorded_at", _("日時"), "instant", AuditEvent.recorded_at, never_blank=True),
            *(_account_columns() if account_id is None else ()),
            ListColumn("action", OPERATION, "text", AuditEvent.action, words=audit_words.ACTION_WORDS),
            ListColumn("details", _("内容"), "text", AuditEvent.details, sortable=False, row_text=texts.text),
            ListColumn("actor_name", _("実行者"), "text", actors.name(), words=ACTOR_WORDS),
            ListColumn("remote_address", _("接続元"), "text", actors.address(AuditEvent.remote_address)),
        ],
        filters=_filters(viewer, actors, is_of_one=account_id is not None),
        search_expressions=[actors.found_by(), *([Account.search_text] if account_id is None else [])],
        tie_breaker=AuditEvent.id,
        default_sort="recorded_at",
        default_descending=True,
    )


def _seen(viewer: Viewer, account_id: int | None) -> ColumnElement[bool]:
    if account_id is not None:
        return AuditEvent.account_id == account_id
    return true() if viewer.account_type is AccountType.OPERATOR else access.history_scope(viewer)


def _account_columns() -> list[ListColumn]:
    return [
        ListColumn("company_name", _("会社名"), "text", Account.company_name),
        ListColumn("account_number", _("アカウント番号"), "text", Account.account_number),
    ]


def _filters(viewer: Viewer, actors: Actors, *, is_of_one: bool) -> list[ListFilter]:
    is_operator = viewer.account_type is AccountType.OPERATOR
    actions = [
        (action, words)
        for action, words in audit_words.ACTION_WORDS.items()
        if is_operator or not action.startswith(_OPERATOR_PREFIXES)
    ]
    company = ListFilter("company", _("会社名"), "text", clause=account_contains)
    return [
        ListFilter("period", _("期間"), "date", clause=lambda value: on_days(AuditEvent.recorded_at, value)),
        ListFilter(
            "action", OPERATION, "choice", choices=actions, clause=lambda value: AuditEvent.action == value
        ),
        *(() if is_of_one else (company,)),
        ListFilter("actor", _("実行者"), "text", clause=lambda value: contains(actors.found_by(), value)),
    ]
