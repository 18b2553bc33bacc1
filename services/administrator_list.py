"""管理者: the administrators of one account, with what became of their passwords and when they last signed in."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, case, func, literal, select

from domain.permissions import LEVELS, AccountType, AdminLevel, Viewer
from models import Account, Administrator, SignIn
from services.lists import ListColumn, ListFilter, ListSource
from services.portal_visits import enterable_scope
from services.session_list import is_running
from services.words import LEVEL_WORDS


class PersonState(StrEnum):
    """What stands under 状態: whether the person can sign in now, and if not, why."""

    ACTIVE = "active"
    NO_PASSWORD = "no_password"  # noqa: S105 - a state  # nosec B105
    LOCKED = "locked"
    DISABLED = "disabled"


PERSON_STATE_WORDS = {
    PersonState.ACTIVE: _("有効"),
    PersonState.NO_PASSWORD: _("パスワード未設定"),
    PersonState.LOCKED: _("ロック中"),
    PersonState.DISABLED: _("無効"),
}


def administrators_source(
    *, viewer: Viewer, account_id: int, account_type: AccountType, now: dt.datetime
) -> ListSource:
    """Return the list of an account's administrators; of one that the viewer may not enter it is empty."""
    is_locked = func.coalesce(Administrator.locked_until > now, literal(False))
    state = case(
        (Administrator.is_disabled, PersonState.DISABLED.value),
        (is_locked, PersonState.LOCKED.value),
        (Administrator.password_hash.is_(None), PersonState.NO_PASSWORD.value),
        else_=PersonState.ACTIVE.value,
    )
    session_count = (
        select(func.count(SignIn.id))
        .where(SignIn.administrator_id == Administrator.id, is_running(now))
        .correlate(Administrator)
        .scalar_subquery()
    )
    statement = (
        select(
            Administrator.id,
            is_locked.label("is_locked"),
            Administrator.is_disabled,
            session_count.label("session_count"),
        )
        .join(Account, Account.id == Administrator.account_id)
        .where(
            Administrator.account_id == account_id,
            Administrator.deleted_at.is_(None),
            enterable_scope(viewer),
        )
    )
    return ListSource(
        name="administrators",
        statement=statement,
        columns=_columns(state),
        filters=_filters(state, account_type),
        search_expressions=[Administrator.search_text],
        tie_breaker=Administrator.id,
        default_sort="user_name",
    )


def _columns(state: ColumnElement[Any]) -> list[ListColumn]:
    last_signed_in_at = (
        select(func.max(SignIn.started_at))
        .where(SignIn.administrator_id == Administrator.id)
        .correlate(Administrator)
        .scalar_subquery()
    )
    return [
        ListColumn("user_name", _("ユーザ名"), "text", Administrator.user_name),
        ListColumn("full_name", _("名前"), "text", Administrator.full_name),
        ListColumn("email", _("Eメール"), "text", Administrator.email),
        ListColumn("level", _("権限設定"), "text", Administrator.level, words=LEVEL_WORDS),
        ListColumn("state", _("状態"), "text", state, words=PERSON_STATE_WORDS),
        ListColumn("last_signed_in_at", _("最終ログイン"), "instant", last_signed_in_at),
        ListColumn("created_at", _("登録日時"), "instant", Administrator.created_at),
    ]


def _filters(state: ColumnElement[Any], account_type: AccountType) -> list[ListFilter]:
    levels = [level for level in AdminLevel if level in LEVELS[account_type]]
    return [
        ListFilter(
            "level",
            _("権限設定"),
            "choice",
            choices=[(level.value, LEVEL_WORDS[level]) for level in levels],
            clause=lambda value: Administrator.level == AdminLevel(value),
        ),
        ListFilter(
            "state",
            _("状態"),
            "choice",
            choices=[(found.value, words) for found, words in PERSON_STATE_WORDS.items()],
            clause=lambda value: state == value,
        ),
    ]
