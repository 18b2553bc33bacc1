"""保留: the accounts whose fee of a 25th could not be posted, each with its reason."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from domain.permissions import Permission, Viewer
from models import Account, BillingItem, PointBalance, db
from services import access
from services.lists import ListColumn, ListSource
from services.run_rows import IS_PARKED

#: What the run found in the way, by the code that it keeps.
PARKED_WORDS = {
    "balance_closed": _("解約済のため、ポイントを消費できません"),
    "fee_out_of_range": _("月額利用料が、一度に消費できるポイントの上限を超えています"),
    "balance_out_of_range": _("残ポイントが、扱える範囲を下回ります"),
    "balance_missing": _("ポイントの残高の記録がありません"),
    "database_refused": _("データベースが記録を拒否しました"),
}


def parked_source(*, viewer: Viewer, billing_date: dt.date) -> ListSource:
    """Return the list of a viewer's own parked accounts of a 25th, by number.

    :raises PermissionRefused: for those who have no part in a run.
    """
    access.check_permission(viewer=viewer, permission=Permission.RUNS_VIEW)
    statement = (
        select(Account.id)
        .select_from(BillingItem)
        .join(Account, Account.id == BillingItem.account_id)
        .outerjoin(PointBalance, PointBalance.account_id == BillingItem.account_id)
        .where(BillingItem.billing_date == billing_date, IS_PARKED, access.history_scope(viewer))
    )
    return ListSource(
        name="parked_fees",
        statement=statement,
        columns=[
            ListColumn("account_number", _("アカウント番号"), "text", Account.account_number),
            ListColumn("company_name", _("会社名"), "text", Account.company_name),
            ListColumn("contract_user_count", _("契約ユーザ数"), "number", BillingItem.contract_user_count),
            ListColumn("fee_points", _("月額利用料"), "points", BillingItem.fee_points),
            ListColumn("point_balance", _("現在のポイント"), "points", PointBalance.point_balance),
            ListColumn("parked_reason", _("理由"), "text", BillingItem.parked_reason, words=PARKED_WORDS),
        ],
        filters=[],
        search_expressions=[],
        tie_breaker=Account.id,
        default_sort="account_number",
    )


@dataclass(frozen=True)
class ParkedSummary:
    """How many of a viewer's accounts are parked in a run, and their fees together (points ≥ 0)."""

    account_count: int
    fee_points: int


def parked_summary(*, viewer: Viewer, billing_date: dt.date) -> ParkedSummary:
    """Return what a retry of all would try, in one set query.

    :raises PermissionRefused: for those who have no part in a run.
    """
    access.check_permission(viewer=viewer, permission=Permission.RUNS_VIEW)
    statement = (
        select(func.count(), func.coalesce(func.sum(BillingItem.fee_points), 0))
        .select_from(BillingItem)
        .join(Account, Account.id == BillingItem.account_id)
        .where(BillingItem.billing_date == billing_date, IS_PARKED, access.history_scope(viewer))
    )
    account_count, fee_points = db.session.execute(statement).one()
    return ParkedSummary(account_count=account_count, fee_points=int(fee_points))
