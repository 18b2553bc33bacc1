"""MSPアカウント一覧: the accounts between the operator and the customers, their stock, and their profile."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import aliased

from domain.lifecycle import LISTED, AccountStatus
from domain.permissions import AccountType, Permission, Viewer
from models import Account, PointBalance
from services import access, audit
from services.cancellation_blockers import blocking_count
from services.estimates import estimate_columns
from services.ledger import check_running
from services.lists import ListColumn, ListFilter, ListSource
from services.profiles import apply_profile, check_version
from services.words import STATUS_WORDS, TYPE_WORDS


def accounts_source(*, viewer: Viewer, now: dt.datetime) -> ListSource:
    """Return the list of a distributor's MSP and support accounts; the operator's also has its 特権MSPs.

    A row also tells whose it is (`parent_name`) and how many accounts stand against its cancellation
    (`blocking_count`).
    """
    parent = aliased(Account)
    columns = estimate_columns(now)
    balance: ColumnElement[int] = func.coalesce(PointBalance.point_balance, 0)
    statement = (
        select(
            Account.id,
            Account.suspension_reason,
            PointBalance.negative_since,
            parent.company_name.label("parent_name"),
            blocking_count().label("blocking_count"),
        )
        .select_from(Account)
        .join(parent, parent.id == Account.parent_id)
        .outerjoin(PointBalance, PointBalance.account_id == Account.id)
        .where(access.scope(viewer), Account.account_type.in_(access.MSP_TYPES), Account.status.in_(LISTED))
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


def update_account(
    *, viewer: Viewer, account_id: int, version: int, profile: Mapping[str, Any], now: dt.datetime
) -> Account:
    """Apply 基本情報更新 to an MSP, support or 特権MSP account; its users and its 契約日 stay as they are.

    契約日 decides what an early cancellation owes, so that nobody who would pay for it may change it.

    :raises DomainError: AccountNotVisible, PermissionRefused, AccountNotRunning, CancellationUnderWay,
        ChangedMeanwhile.
    """
    account = access.accounts_to_change(
        viewer=viewer,
        permission=Permission.ACCOUNTS_EDIT,
        account_ids=[account_id],
        account_types=access.MSP_TYPES,
    )[0]
    check_running(account, now)
    check_version(account, version)
    changes = apply_profile(account, profile)
    if changes:
        audit.record(action="account.updated", viewer=viewer, account_id=account_id, now=now, changes=changes)
    return account


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
        ListColumn("cancellation_date", _("解約予定日"), "date", Account.cancellation_date),
    ]


def _filters(estimate: ColumnElement[int]) -> list[ListFilter]:
    states = (AccountStatus.ACTIVE, AccountStatus.SUSPENDED, AccountStatus.CANCELED)
    scheduled = and_(Account.cancellation_date.is_not(None), Account.status != AccountStatus.CANCELED)
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
        ListFilter("scheduled", _("解約予定あり"), "flag", clause=lambda _value: scheduled),
    ]
