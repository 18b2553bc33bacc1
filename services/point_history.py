"""ポイント履歴: the ledger's lines of one's own account and of all below it."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, case, literal, or_, select
from sqlalchemy.orm import aliased

from domain.permissions import AccountType, Viewer
from domain.points import PointKind
from models import Account, Administrator, PointLine
from services import access
from services.account_search import account_contains
from services.company_names import employer_name_of
from services.lists import ListColumn, ListFilter, ListSource, on_days
from services.words import ACTOR_WORDS, CLOCKWORK_ACTOR, KIND_WORDS


def history_source(*, viewer: Viewer) -> ListSource:
    """Return the list of ledger lines, newest first.

    Who pressed the button is named by user name within one's own tree, by company name above it.
    """
    actor = aliased(Administrator)
    seen = select(Account.id).where(access.history_scope(viewer))
    actor_name = case(
        (PointLine.actor_name == "", literal(CLOCKWORK_ACTOR)),
        (or_(actor.account_id == viewer.account_id, actor.account_id.in_(seen)), PointLine.actor_name),
        else_=employer_name_of(PointLine.administrator_id),
    )
    statement = (
        select(PointLine.id)
        .select_from(PointLine)
        .join(Account, Account.id == PointLine.account_id)
        .outerjoin(actor, actor.id == PointLine.administrator_id)
        .where(access.history_scope(viewer), Account.account_type != AccountType.OPERATOR)
    )
    return ListSource(
        name="points",
        statement=statement,
        columns=_columns(actor_name),
        filters=_filters(),
        search_expressions=[Account.search_text],
        tie_breaker=PointLine.id,
        default_sort="recorded_at",
        default_descending=True,
    )


def _columns(actor_name: ColumnElement[str]) -> list[ListColumn]:
    return [
        ListColumn("recorded_at", _("日時"), "instant", PointLine.recorded_at, never_blank=True),
        ListColumn("company_name", _("会社名"), "text", Account.company_name),
        ListColumn("kind", _("ステータス"), "text", PointLine.kind, words=KIND_WORDS),
        ListColumn("points", _("ポイント"), "points", PointLine.points),
        ListColumn("balance_after", _("残ポイント"), "points", PointLine.balance_after),
        ListColumn("actor_name", _("実行者"), "text", actor_name, words=ACTOR_WORDS),
        ListColumn("remark", _("備考"), "text", PointLine.remark),
    ]


def _filters() -> list[ListFilter]:
    return [
        ListFilter(
            "company",
            _("会社名"),
            "text",
            clause=account_contains,
        ),
        ListFilter(
            "kind",
            _("ステータス"),
            "choice",
            choices=[(kind.value, words) for kind, words in KIND_WORDS.items()],
            clause=lambda value: PointLine.kind == PointKind(value),
        ),
        ListFilter("period", _("期間"), "date", clause=lambda value: on_days(PointLine.recorded_at, value)),
    ]
