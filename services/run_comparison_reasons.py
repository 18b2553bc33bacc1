"""Why a rehearsal and its run differ, in words: a line a reason, for the page and for the files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Row

from domain.billing_calendar import TOKYO
from services.parked_fees import PARKED_WORDS
from services.rehearsal_list import price_words
from services.run_comparison import Comparison
from services.run_comparison_facts import Result

RESULT_WORDS = {
    Result.SAME.value: _("一致"),
    Result.CHANGED.value: _("差異あり"),
    Result.NOT_CHARGED.value: _("課金なし"),
    Result.NOT_REHEARSED.value: _("リハーサルになし"),
    Result.PARKED.value: _("保留"),
    Result.DUE.value: _("未計上"),
}
UNKNOWN = _("不明")


class ReasonTexts:
    """Says why rows of a comparison differ."""

    def __init__(self, comparison: Comparison) -> None:
        self._made_at = comparison.rehearsal.made_at
        self._billing_date = comparison.rehearsal.billing_date
        self._began_before = comparison.run.started_at <= comparison.rehearsal.made_at

    def lines(self, row: Row[Any]) -> list[str]:
        """Return the reasons of a row (one of Comparison.rows), the weightiest first; none for equal ones."""
        found = list(self._reasons(row))
        return [*found, str(UNKNOWN)] if row.is_unknown else found

    def text(self, row: Row[Any]) -> str:
        """Return the same on one line, for a cell of a file."""
        return " / ".join(self.lines(row))

    def _reasons(self, row: Row[Any]) -> Iterator[str]:
        if row.result == Result.NOT_CHARGED.value:
            yield from self._why_not_charged(row)
            return
        if row.result == Result.PARKED.value:
            reason = PARKED_WORDS.get(row.parked_reason, row.parked_reason)
            yield gettext("保留: %(reason)s", reason=reason)
        if row.result == Result.DUE.value:
            yield gettext("まだ計上されていません")
        if row.rehearsed_fee_points is None:
            yield from self._why_not_rehearsed(row)
        else:
            yield from _changes(row)

    def _why_not_charged(self, row: Row[Any]) -> Iterator[str]:
        leaves_on = row.cancellation_date
        is_due = leaves_on is not None and leaves_on <= self._billing_date
        if row.canceled_at is not None and is_due:
            yield gettext("解約予定日（%(date)s）の設定による解約", date=_day(leaves_on))
        elif row.canceled_at is not None:
            yield gettext("解約（%(instant)s）", instant=_instant(row.canceled_at))
        elif is_due:
            yield gettext("解約予定日（%(date)s）の設定。解約処理中", date=_day(leaves_on))

    def _why_not_rehearsed(self, row: Row[Any]) -> Iterator[str]:
        if row.provisioned_at >= self._made_at:
            yield gettext("新規利用開始（%(instant)s）", instant=_instant(row.provisioned_at))
        elif self._began_before or (row.canceled_at is not None and row.canceled_at <= self._made_at):
            yield gettext("リハーサルの時点で計上済み")
        elif row.lifted_on is not None and row.cancellation_date is None:
            yield gettext("解約予定日（%(date)s）の解除", date=_day(row.lifted_on))
        elif row.lifted_on is not None:
            yield gettext(
                "解約予定日の変更（%(old)s → %(new)s）",
                old=_day(row.lifted_on),
                new=_day(row.cancellation_date),
            )
        elif row.moved_in_at is not None:
            yield gettext("MSPの変更（%(instant)s）", instant=_instant(row.moved_in_at))
        elif row.new_price_created_at is not None and row.new_price_created_at >= self._made_at:
            yield gettext("料金の登録（%(price)s）", price=_price(row, "new"))


def _changes(row: Row[Any]) -> Iterator[str]:
    if row.rehearsed_user_count != row.real_user_count and row.users_changed_at is not None:
        yield gettext(
            "契約ユーザ数の変更（%(old)s → %(new)s、%(instant)s）",
            old=_number(row.rehearsed_user_count),
            new=_number(row.real_user_count),
            instant=_instant(row.users_changed_at),
        )
    if row.rehearsed_price_id != row.real_price_id:
        yield gettext("料金の変更（%(old)s → %(new)s）", old=_price(row, "old"), new=_price(row, "new"))
    if row.moved_points and row.real_balance_after is not None:
        sign = "+" if row.moved_points > 0 else ""
        yield gettext("ポイントの増減（%(points)s）", points=f"{sign}{_number(row.moved_points)}")
    if row.earlier_fee_points != row.between_fee_points and row.real_balance_after is not None:
        yield gettext(
            "ほかの25日の利用料（%(old)s → %(new)s）",
            old=_number(row.earlier_fee_points),
            new=_number(row.between_fee_points),
        )


def _price(row: Row[Any], prefix: str) -> str:
    names = ("valid_from", "base_points", "included_user_count", "points_per_additional_user")
    return price_words(*(getattr(row, f"{prefix}_{name}") for name in names))


def _number(value: int) -> str:
    return f"{int(value):,}".replace("-", "−")


def _day(day: dt.date) -> str:
    return f"{day:%Y/%m/%d}"


def _instant(instant: dt.datetime) -> str:
    return f"{instant.astimezone(TOKYO):%Y/%m/%d %H:%M}"
