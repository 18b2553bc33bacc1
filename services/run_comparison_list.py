"""リハーサルとの比較: the accounts in a saved rehearsal or its run, those that differ with the reason."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, select, true

from services.lists import ListColumn, ListFilter, ListSource
from services.run_comparison import Comparison
from services.run_comparison_facts import Result
from services.run_comparison_reasons import RESULT_WORDS, ReasonTexts

#: Name of the filter that shows the equal rows as well.
SHOW_SAME = "same"
_FACTS = (
    "rehearsed_price_id",
    "real_price_id",
    "parked_reason",
    "earlier_fee_points",
    "between_fee_points",
    "moved_points",
    "users_changed_at",
    "lifted_on",
    "moved_in_at",
    "provisioned_at",
    "canceled_at",
    "cancellation_date",
    "new_price_created_at",
    "is_unknown",
)
_PRICE = ("valid_from", "base_points", "included_user_count", "points_per_additional_user")


def comparison_source(comparison: Comparison, *, show_same: bool) -> ListSource:
    """Return the list of a comparison, by number; equal rows only when they are asked for."""
    row = comparison.rows.c
    prices = [row[f"{which}_{name}"] for which in ("old", "new") for name in _PRICE]
    statement = select(row.id, *(row[name] for name in _FACTS), *prices)
    if not show_same:
        statement = statement.where(row.result != Result.SAME.value)
    return ListSource(
        name="run_comparison",
        statement=statement,
        columns=_columns(comparison),
        filters=_filters(comparison),
        search_expressions=[row.search_text],
        tie_breaker=row.id,
        default_sort="account_number",
    )


def _columns(comparison: Comparison) -> list[ListColumn]:
    row = comparison.rows.c
    texts = ReasonTexts(comparison)
    after, real_after = row.rehearsed_balance_after, row.real_balance_after

    def both(name: str, label: Any, kind: str, expression: ColumnElement[int]) -> ListColumn:
        """Return a column of the page that stands for the two of the files."""
        return ListColumn(name, label, kind, expression, exported=False)

    def apart(name: str, label: Any, kind: str, expression: ColumnElement[Any]) -> ListColumn:
        return ListColumn(name, label, kind, expression, on_screen=False)

    return [
        ListColumn("account_number", _("アカウント番号"), "text", row.account_number),
        ListColumn("company_name", _("会社名"), "text", row.company_name),
        apart("parent_name", _("上位アカウント"), "text", row.parent_name),
        ListColumn("result", _("結果"), "text", row.result, words=RESULT_WORDS),
        both("user_count", _("契約ユーザ数"), "number", row.real_user_count),
        both("fee_points", _("月額利用料"), "points", row.real_fee_points),
        both("balance_after", _("実行後のポイント"), "points", real_after),
        apart("rehearsed_user_count", _("ユーザ数（リハーサル）"), "number", row.rehearsed_user_count),
        apart("real_user_count", _("ユーザ数（実績）"), "number", row.real_user_count),
        apart("rehearsed_fee_points", _("利用料（リハーサル）"), "points", row.rehearsed_fee_points),
        apart("real_fee_points", _("利用料（実績）"), "points", row.real_fee_points),
        apart("rehearsed_balance_after", _("実行後のポイント（リハーサル）"), "points", after),
        apart("real_balance_after", _("実行後のポイント（実績）"), "points", real_after),
        ListColumn("reason", _("差異の理由"), "text", row.result, sortable=False, row_text=texts.text),
    ]


def _filters(comparison: Comparison) -> list[ListFilter]:
    row = comparison.rows.c
    return [
        ListFilter(
            "result",
            _("結果"),
            "choice",
            choices=list(RESULT_WORDS.items()),
            clause=lambda value: row.result == value,
        ),
        ListFilter("unknown", _("理由が不明の行のみ"), "flag", clause=lambda _value: row.is_unknown),
        ListFilter(SHOW_SAME, _("一致した行も表示"), "flag", clause=lambda _value: true()),
    ]
