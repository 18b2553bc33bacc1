"""顧客アカウント一覧: its rows, columns, search and filters, and the number that heads it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, and_, func, select

from domain.lifecycle import LISTED, RUNNING, AccountStatus
from domain.permissions import PARENTS, AccountType, Permission, Viewer
from models import Account, PointBalance, db
from services import access
from services.estimates import estimate_columns
from services.lists import ListColumn, ListFilter, ListSource, in_range
from services.words import STATUS_WORDS

NO_SUPPORT = "none"


@dataclass(frozen=True)
class ShortageSummary:
    """How many customers are short on this month's 25th, and how many points (≥ 0) they lack together."""

    account_count: int
    missing_points: int


def shortage_summary(*, viewer: Viewer, now: dt.datetime) -> ShortageSummary:
    """Return what 必要ポイントの補充 would have to bring to all customers of a viewer, in one set query."""
    estimate = estimate_columns(now).estimated_balance
    statement = (
        select(func.count(Account.id), func.coalesce(func.sum(-estimate), 0))
        .outerjoin(PointBalance, PointBalance.account_id == Account.id)
        .where(
            access.scope(viewer),
            Account.account_type == AccountType.CUSTOMER,
            Account.status.in_(RUNNING),
            estimate < 0,
        )
    )
    account_count, missing_points = db.session.execute(statement).one()
    return ShortageSummary(account_count=account_count, missing_points=int(missing_points))


def customers_source(*, viewer: Viewer, now: dt.datetime) -> ListSource:
    """Return the list of a viewer's customers that are or were in service; the estimate comes with the page."""
    columns = estimate_columns(now)
    balance: ColumnElement[int] = func.coalesce(PointBalance.point_balance, 0)
    statement = (
        select(
            Account.id,
            Account.status,
            Account.suspension_reason,
            Account.cancellation_date,
            Account.provisioned_at,
            PointBalance.negative_since,
            columns.unposted_fee_points.label("unposted_fee_points"),
            columns.upcoming_fee_points.label("upcoming_fee_points"),
        )
        .select_from(Account)
        .outerjoin(PointBalance, PointBalance.account_id == Account.id)
        .where(
            access.scope(viewer),
            Account.account_type == AccountType.CUSTOMER,
            Account.status.in_(LISTED),
        )
    )
    return ListSource(
        name="customers",
        statement=statement,
        columns=_columns(balance, columns.estimated_balance),
        filters=_filters(viewer, balance, columns.estimated_balance),
        search_expressions=[Account.search_text],
        tie_breaker=Account.id,
        default_sort="no",
    )


def _columns(balance: ColumnElement[int], estimate: ColumnElement[int]) -> list[ListColumn]:
    return [
        ListColumn("no", _("No"), "number", Account.id, exported=False),
        ListColumn("account_number", _("アカウント番号"), "text", Account.account_number),
        ListColumn("company_name", _("会社名"), "text", Account.company_name),
        ListColumn("contract_user_count", _("契約ユーザ数"), "number", Account.contract_user_count),
        ListColumn("point_balance", _("現在のポイント"), "points", balance),
        ListColumn("estimated_balance", _("今月25日の推定残ポイント数"), "points", estimate),
        ListColumn("contract_date", _("契約日"), "date", Account.contract_date),
        ListColumn("cancellation_date", _("解約予定日"), "date", Account.cancellation_date),
    ]


def _filters(viewer: Viewer, balance: ColumnElement[int], estimate: ColumnElement[int]) -> list[ListFilter]:
    states = (AccountStatus.ACTIVE, AccountStatus.SUSPENDED, AccountStatus.CANCELED)
    scheduled = and_(Account.cancellation_date.is_not(None), Account.status != AccountStatus.CANCELED)
    return [
        ListFilter(
            "state",
            _("状態"),
            "choice",
            choices=[(state.value, STATUS_WORDS[state]) for state in states],
            clause=lambda value: Account.status == AccountStatus(value),
        ),
        ListFilter("short", _("25日に不足"), "flag", clause=lambda _value: estimate < 0),
        ListFilter("scheduled", _("解約予定あり"), "flag", clause=lambda _value: scheduled),
        ListFilter(
            "contacts",
            _("担当者"),
            "choice",
            choices=[("none", _("通知先なし")), ("missing", _("未設定あり")), ("complete", _("両方設定済"))],
            clause=_contacts_clause,
        ),
        *_parent_filter(viewer),
        ListFilter(
            "support_account",
            _("サポートアカウント"),
            "choice",
            choices=_support_choices(viewer),
            clause=lambda value: (
                Account.support_account_id.is_(None)
                if value == NO_SUPPORT
                else Account.support_account_id == int(value)
            ),
        ),
        ListFilter(
            "users",
            _("契約ユーザ数"),
            "number",
            clause=lambda value: in_range(Account.contract_user_count, value),
        ),
        ListFilter("points", _("現在のポイント"), "number", clause=lambda value: in_range(balance, value)),
    ]


def _contacts_clause(value: str) -> ColumnElement[bool]:
    main = and_(Account.contact_name.is_not(None), Account.contact_email.is_not(None))
    reseller = and_(Account.reseller_contact_name.is_not(None), Account.reseller_contact_email.is_not(None))
    if value == "complete":
        return and_(main, reseller)
    return and_(~main, ~reseller) if value == "none" else ~and_(main, reseller)


def _parent_filter(viewer: Viewer) -> list[ListFilter]:
    """Return the filter by MSP for those whose customers belong to several; it is what a move begins with."""
    if not viewer.can(Permission.CUSTOMERS_MOVE):
        return []
    statement = (
        select(Account.id, Account.company_name)
        .where(
            access.history_scope(viewer),
            Account.account_type.in_(PARENTS[AccountType.CUSTOMER]),
            Account.status.in_(LISTED),
        )
        .order_by(Account.company_name, Account.id)
    )
    choices = [(str(row.id), row.company_name) for row in db.session.execute(statement)]
    return [
        ListFilter(
            "parent",
            _("MSPアカウント"),
            "choice",
            choices=choices,
            clause=lambda value: Account.parent_id == int(value),
        )
    ]


def _support_choices(viewer: Viewer) -> list[tuple[str, Any]]:
    found = access.support_accounts_of(viewer=viewer)
    return [(NO_SUPPORT, _("割当なし")), *((str(key), words) for key, words in found)]
