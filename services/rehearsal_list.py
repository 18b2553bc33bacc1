"""リハーサル: the accounts that the run of a 25th would charge, with the fee and the balance before and after."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Row, case, literal, select

from domain.billing_calendar import tokyo_date
from domain.permissions import CHARGED_TYPES, AccountType, Permission, Viewer
from models import Account, PointBalance, PriceVersionRow
from services import access, rehearsal_choice, rehearsals
from services.company_names import company_name_of
from services.lists import ListColumn, ListFilter, ListSource
from services.rehearsals import RehearsedRows
from services.words import TYPE_WORDS

#: Code of the mark of an account that would be below 0.
SHORT = "short"
SHORT_WORDS = {SHORT: _("不足")}


def rehearsal_source(
    *, viewer: Viewer, billing_date: dt.date, account_ids: Sequence[int] | None, now: dt.datetime
) -> ListSource:
    """Return the list of what a 25th would take from a viewer's own account and those below it, by number.

    `account_ids` None: of all of them.

    :raises DomainError: PermissionRefused, RunFinished, BillingDateUnknown.
    """
    access.check_permission(viewer=viewer, permission=Permission.RUNS_VIEW)
    rehearsals.check_date(billing_date, now)
    rehearsed = rehearsals.rehearsed_rows(billing_date, rehearsal_choice.within(viewer, account_ids))
    price = PriceVersionRow
    statement = rehearsed.joined(
        select(
            Account.id,
            price.base_points,
            price.included_user_count,
            price.points_per_additional_user,
        )
    ).outerjoin(price, price.id == rehearsed.rows.c.price_version_id)
    return ListSource(
        name="rehearsal",
        statement=statement,
        columns=_columns(rehearsed, has_earlier=bool(rehearsals.dates_before(billing_date))),
        filters=_filters(rehearsed),
        search_expressions=[Account.search_text],
        tie_breaker=Account.id,
        default_sort="account_number",
    )


def _columns(rehearsed: RehearsedRows, *, has_earlier: bool) -> list[ListColumn]:
    row, after = rehearsed.rows.c, rehearsed.balance_after
    earlier = ListColumn(
        "earlier_fee_points", _("それまでの25日の利用料"), "points", rehearsed.earlier_fee_points
    )
    return [
        ListColumn("account_number", _("アカウント番号"), "text", Account.account_number),
        ListColumn("company_name", _("会社名"), "text", Account.company_name),
        ListColumn(
            "parent_name", _("上位アカウント"), "text", company_name_of(Account.parent_id), on_screen=False
        ),
        ListColumn("contract_user_count", _("契約ユーザ数"), "number", row.contract_user_count),
        ListColumn(
            "valid_from", _("適用される料金"), "text", PriceVersionRow.valid_from, row_text=price_text
        ),
        ListColumn("fee_points", _("月額利用料"), "points", row.fee_points),
        ListColumn("point_balance", _("現在のポイント"), "points", PointBalance.point_balance),
        *((earlier,) if has_earlier else ()),
        ListColumn("balance_after", _("実行後のポイント"), "points", after),
        ListColumn("shortage", _("不足"), "text", shortage_mark(after), words=SHORT_WORDS),
    ]


def shortage_mark(balance_after: ColumnElement[int]) -> ColumnElement[str | None]:
    """Return the mark of a balance as SQL: SHORT below 0, else NULL."""
    return case((balance_after < 0, literal(SHORT)), else_=None)


def price_text(row: Row[Any]) -> str:
    """Return a price in words: from when it holds, its base points, included users and points for each more."""
    return price_words(
        row.valid_from, row.base_points, row.included_user_count, row.points_per_additional_user
    )


def price_words(valid_from: dt.datetime | None, base: int, included: int, extra: int) -> str:
    """Return a price version in words; "" for none."""
    if valid_from is None:
        return ""
    return gettext(
        "%(date)sから 基本%(base)s（%(included)sユーザ込み）＋超過%(extra)s",
        date=f"{tokyo_date(valid_from):%Y/%m/%d}",
        base=f"{base:,}",
        included=f"{included:,}",
        extra=f"{extra:,}",
    )


def _filters(rehearsed: RehearsedRows) -> list[ListFilter]:
    types = [kind for kind in AccountType if kind in CHARGED_TYPES]
    return [
        ListFilter(
            "short", _("不足するアカウントのみ"), "flag", clause=lambda _value: rehearsed.balance_after < 0
        ),
        ListFilter(
            "type",
            _("アカウントタイプ"),
            "choice",
            choices=[(kind.value, TYPE_WORDS[kind]) for kind in types],
            clause=lambda value: Account.account_type == AccountType(value),
        ),
    ]
