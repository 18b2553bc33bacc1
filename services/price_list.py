"""料金: the list of all price versions, what holds and what will."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, SQLColumnExpression, case, func, literal, select
from sqlalchemy.orm import aliased

from domain.permissions import AccountType, Permission, Viewer
from models import Administrator, PriceVersionRow
from services import access
from services.lists import ListColumn, ListFilter, ListSource
from services.price_changes import PRICED_TYPES
from services.words import TYPE_WORDS


class PriceState(StrEnum):
    """Whether a price holds, will hold, or has been replaced."""

    IN_FORCE = "in_force"
    COMING = "coming"
    PAST = "past"


STATE_WORDS = {
    PriceState.IN_FORCE: _("適用中"),
    PriceState.COMING: _("適用予定"),
    PriceState.PAST: _("適用終了"),
}


def prices_source(*, viewer: Viewer, now: dt.datetime) -> ListSource:
    """Return the list of all price versions, the newest first.

    :raises PermissionRefused: for anyone but the operator.
    """
    access.check_permission(viewer=viewer, permission=Permission.PRICES_CHANGE)
    author = aliased(Administrator)
    state = _state(now)
    statement = (
        select(PriceVersionRow.id)
        .select_from(PriceVersionRow)
        .outerjoin(author, author.id == PriceVersionRow.administrator_id)
    )
    return ListSource(
        name="prices",
        statement=statement,
        columns=_columns(state, author.user_name),
        filters=_filters(state),
        search_expressions=[],
        tie_breaker=PriceVersionRow.id,
        default_sort="valid_from",
        default_descending=True,
    )


def _columns(state: ColumnElement[str], author_name: SQLColumnExpression[str]) -> list[ListColumn]:
    row = PriceVersionRow
    extra = row.points_per_additional_user
    return [
        ListColumn("account_type", _("アカウントタイプ"), "text", row.account_type, words=TYPE_WORDS),
        ListColumn("state", _("状態"), "text", state, words=STATE_WORDS),
        ListColumn("valid_from", _("適用開始"), "instant", row.valid_from),
        ListColumn("base_points", _("ベースポイント"), "points", row.base_points),
        ListColumn("included_user_count", _("含まれるユーザ数"), "number", row.included_user_count),
        ListColumn("points_per_additional_user", _("超過1ユーザあたりのポイント"), "points", extra),
        ListColumn("created_at", _("追加日時"), "instant", row.created_at),
        ListColumn("author", _("追加者"), "text", author_name),
    ]


def _filters(state: ColumnElement[str]) -> list[ListFilter]:
    return [
        ListFilter(
            "type",
            _("アカウントタイプ"),
            "choice",
            choices=[(kind.value, TYPE_WORDS[kind]) for kind in PRICED_TYPES],
            clause=lambda value: PriceVersionRow.account_type == AccountType(value),
        ),
        ListFilter(
            "state",
            _("状態"),
            "choice",
            choices=[(kind.value, words) for kind, words in STATE_WORDS.items()],
            clause=lambda value: state == value,
        ),
    ]


def _state(now: dt.datetime) -> ColumnElement[str]:
    same = aliased(PriceVersionRow)
    newest = (
        select(func.max(same.valid_from))
        .where(same.account_type == PriceVersionRow.account_type, same.valid_from <= now)
        .correlate(PriceVersionRow)
        .scalar_subquery()
    )
    return case(
        (PriceVersionRow.valid_from > now, literal(PriceState.COMING.value)),
        (PriceVersionRow.valid_from == newest, literal(PriceState.IN_FORCE.value)),
        else_=literal(PriceState.PAST.value),
    )
