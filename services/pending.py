"""承認待ちアカウント一覧: applications on their way into service, with the promised day."""

from __future__ import annotations

import datetime as dt

from flask_babel import lazy_gettext as _
from sqlalchemy import SQLColumnExpression, select
from sqlalchemy.orm import aliased

from domain.billing_calendar import tokyo_date
from domain.lifecycle import WAITING, AccountStatus
from domain.permissions import AccountType, Permission, Viewer
from models import Account
from services import access
from services.lists import ListColumn, ListFilter, ListSource
from services.words import STATUS_WORDS, TYPE_WORDS

_STATES = (
    AccountStatus.PENDING_APPROVAL,
    AccountStatus.APPROVED,
    AccountStatus.PROVISIONING_FAILED,
    AccountStatus.REJECTED,
)


def pending_source(*, viewer: Viewer, now: dt.datetime) -> ListSource:
    """Return the list of a viewer's applications that are not withdrawn and not in service yet."""
    parent = aliased(Account)
    statement = (
        select(
            Account.id,
            Account.account_type,
            Account.version,
            Account.rejection_reason,
            Account.provisioning_requested_at,
            Account.provisioning_next_attempt_at,
            Account.provisioning_attempts,
            Account.provisioning_error,
        )
        .select_from(Account)
        .join(parent, parent.id == Account.parent_id)
        .where(access.scope(viewer), Account.status.in_(WAITING))
    )
    return ListSource(
        name="pending",
        statement=statement,
        columns=_columns(viewer, parent.company_name),
        filters=_filters(viewer, now),
        search_expressions=[Account.search_text],
        tie_breaker=Account.id,
        default_sort="applied_at",
        default_descending=True,
    )


def _columns(viewer: Viewer, parent_name: SQLColumnExpression[str]) -> list[ListColumn]:
    of_type = ListColumn(
        "account_type", _("アカウントタイプ"), "text", Account.account_type, words=TYPE_WORDS
    )
    return [
        ListColumn("account_number", _("アカウント番号"), "text", Account.account_number),
        ListColumn("company_name", _("会社名"), "text", Account.company_name),
        *([of_type] if _has_several_types(viewer) else []),
        ListColumn("contract_user_count", _("契約ユーザ数"), "number", Account.contract_user_count),
        ListColumn("parent_name", _("申請元"), "text", parent_name),
        ListColumn("status", _("状態"), "text", Account.status, words=STATUS_WORDS),
        ListColumn("applied_at", _("申請日時"), "instant", Account.applied_at),
        ListColumn("approval_due_on", _("期限"), "date", Account.approval_due_on),
    ]


def _has_several_types(viewer: Viewer) -> bool:
    """Tell whether a viewer's applications are not all of customers."""
    return viewer.can(Permission.ACCOUNTS_VIEW)


def _filters(viewer: Viewer, now: dt.datetime) -> list[ListFilter]:
    late = (Account.approval_due_on < tokyo_date(now)) & (Account.status != AccountStatus.REJECTED)
    types = [kind for kind in AccountType if kind is not AccountType.OPERATOR]
    of_type = ListFilter(
        "type",
        _("アカウントタイプ"),
        "choice",
        choices=[(kind.value, TYPE_WORDS[kind]) for kind in types],
        clause=lambda value: Account.account_type == AccountType(value),
    )
    return [
        *([of_type] if _has_several_types(viewer) else []),
        ListFilter(
            "state",
            _("状態"),
            "choice",
            choices=[(state.value, STATUS_WORDS[state]) for state in _STATES],
            clause=lambda value: Account.status == AccountStatus(value),
        ),
        ListFilter("late", _("期限超過"), "flag", clause=lambda _value: late),
    ]
