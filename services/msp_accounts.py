"""MSPアカウント一覧: the accounts between the operator and the customers, and their stock."""

from __future__ import annotations

import datetime as dt

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, func, select

from domain.lifecycle import LISTED, AccountStatus
from domain.permissions import AccountType, Viewer
from models import Account, PointBalance
from services import access
from services.estimates import estimate_columns
from services.lists import ListColumn, ListFilter, ListSource
from services.words import STATUS_WORDS, TYPE_WORDS


def accounts_source(*, viewer: Viewer, now: dt.datetime) -> ListSource:
    """Return the list of a distributor's MSP and support accounts; the operator's also has its 特権MSPs."""
    columns = estimate_columns(now)
    balance: ColumnElement[int] = func.coalesce(PointBalance.point_balance, 0)
    statement = (
        select(Account.id, PointBalance.negative_since)
        .select_from(Account)
        .outerjoin(PointBalance, PointBalance.account_id == Account.id)
        .where(access.scope(viewer), Account.account_type.in_(access.RESELLERS), Account.status.in_(LISTED))
    )
    return ListSource(
        name="accounts",
        statement=statement,
        columns=_columns(balance, columns.estimated_balance),
        filters=_filters(columns.estimated_balance),
        search_expressions=[Account.search_text],
        tie_breaker=Account.id,
        default_sort="no",
    )


def _columns(balance: ColumnElement[int], estimate: ColumnElement[int]) -> list[ListColumn]:
    return [
        ListColumn("no", _("No"), "number", Account.id, exported=False),
        ListColumn("account_number", _("アカウント番号"), "text", Account.account_number),
        ListColumn("company_name", _("会社名"), "text", Account.company_name),
        ListColumn("account_type", _("アカウントタイプ"), "text", Account.account_type, words=TYPE_WORDS),
        ListColumn("status", _("状態"), "text", Account.status, words=STATUS_WORDS),
        ListColumn("point_balance", _("現在のポイント"), "points", balance),
        ListColumn("estimated_balance", _("今月25日の推定残ポイント数"), "points", estimate),
        ListColumn("contract_date", _("契約日"), "date", Account.contract_date),
    ]


def _filters(estimate: ColumnElement[int]) -> list[ListFilter]:
    states = (AccountStatus.ACTIVE, AccountStatus.SUSPENDED, AccountStatus.CANCELED)
    types = (AccountType.PRIVILEGED_MSP, AccountType.MSP, AccountType.SUPPORT)
    return [
        ListFilter(
            "type",
            _("アカウントタイプ"),
            "choice",
            choices=[(kind.value, TYPE_WORDS[kind]) for kind in types],
            clause=lambda value: Account.account_type == AccountType(value),
        ),
        ListFilter(
            "state",
            _("状態"),
            "choice",
            choices=[(state.value, STATUS_WORDS[state]) for state in states],
            clause=lambda value: Account.status == AccountStatus(value),
        ),
        ListFilter("short", _("25日に不足"), "flag", clause=lambda _value: estimate < 0),
    ]
