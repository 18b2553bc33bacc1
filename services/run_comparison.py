"""A saved rehearsal against what the run of its 25th did, account by account.

Everything that can make a difference is looked up beside each row; a difference that none of it explains is
marked as such, never hidden.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from domain.errors import DomainError
from domain.permissions import Permission, Viewer
from domain.points import PointKind
from models import (
    Account,
    BillingItem,
    BillingRehearsal,
    BillingRehearsalItem,
    BillingRun,
    PointLine,
    PriceVersionRow,
    db,
)
from models.billing import ItemState
from services import access, rehearsals, run_comparison_facts, saved_rehearsals
from services.run_comparison_facts import Result


class RunNotListed(DomainError):
    """The run of a 25th has not begun: there is nothing to hold a rehearsal against; carries billing_date."""

    http_status = 409


@dataclass(frozen=True)
class Comparison:
    """A rehearsal and its run as SQL: one row an account that is in either, of those that a viewer may see.

    `rows` has: id, account_number, company_name, search_text, parent_name, result, is_unknown; rehearsed_… and
    real_user_count, _fee_points, _balance_after (NULL where there is none; a fee counts when it is posted); and
    the facts that run_comparison_reasons makes words of.
    """

    rehearsal: BillingRehearsal
    run: BillingRun
    rows: Subquery


def find_run(billing_date: dt.date) -> BillingRun | None:
    """Return the run of a 25th; None: it has not begun."""
    return db.session.execute(
        select(BillingRun).where(BillingRun.billing_date == billing_date)
    ).scalar_one_or_none()


def find_comparison(
    *, viewer: Viewer, billing_date: dt.date, rehearsal_id: int | None, now: dt.datetime
) -> Comparison | None:
    """Return a saved rehearsal held against its run; `rehearsal_id` None: the newest that the viewer may see.

    None: nobody has saved one.

    :raises RunNotListed: when the run can be rehearsed still.
    :raises DomainError: PermissionRefused, BillingDateUnknown, RehearsalNotVisible.
    """
    access.check_permission(viewer=viewer, permission=Permission.RUNS_VIEW)
    run = find_run(billing_date)
    if run is None:
        rehearsals.check_date(billing_date, now)
        raise RunNotListed(billing_date=billing_date)
    saved = saved_rehearsals.find_saved(viewer=viewer, billing_date=billing_date, rehearsal_id=rehearsal_id)
    if saved is None:
        return None
    return Comparison(saved, run, _rows(_pairs(saved, viewer), saved, run, now))


def scope_of(saved: BillingRehearsal, viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition on Account for what both the rehearsal's account and a viewer may see."""
    owner = db.session.get_one(Account, saved.scope_account_id)
    as_owner = replace(viewer, account_id=owner.id, account_type=owner.account_type)
    return and_(access.history_scope(as_owner), access.history_scope(viewer))


def _pairs(saved: BillingRehearsal, viewer: Viewer) -> Subquery:
    """Return the rows of both sides next to each other: those rehearsed, then those of the run alone."""
    item, real = BillingRehearsalItem, BillingItem
    of_this_run = and_(real.billing_date == saved.billing_date, real.account_id == item.account_id)
    rehearsed = (
        select(
            item.account_id,
            item.contract_user_count.label("rehearsed_user_count"),
            item.price_version_id.label("rehearsed_price_id"),
            item.fee_points.label("rehearsed_fee_points"),
            item.earlier_fee_points,
            item.balance_after.label("rehearsed_balance_after"),
            item.last_line_number,
            *_real_columns(),
        )
        .join(Account, Account.id == item.account_id)
        .outerjoin(real, of_this_run)
        .where(item.rehearsal_id == saved.id, access.history_scope(viewer))
    )
    if saved.is_of_chosen:
        return rehearsed.subquery("pairs")
    is_rehearsed = (
        select(literal(1))
        .where(item.rehearsal_id == saved.id, item.account_id == real.account_id)
        .correlate(real)
        .exists()
    )
    nothing = [cast(null(), BigInteger) for _column in range(6)]
    alone = (
        select(real.account_id, *nothing, *_real_columns())
        .join(Account, Account.id == real.account_id)
        .where(real.billing_date == saved.billing_date, ~is_rehearsed, scope_of(saved, viewer))
    )
    return union_all(rehearsed, alone).subquery("pairs")


def _real_columns() -> tuple[ColumnElement[Any], ...]:
    real = BillingItem
    return (
        real.contract_user_count.label("real_user_count"),
        real.price_version_id.label("real_price_id"),
        real.fee_points.label("item_fee_points"),
        cast(real.state, String).label("state"),
        real.parked_reason.label("parked_reason"),
    )


def _rows(pairs: Subquery, saved: BillingRehearsal, run: BillingRun, now: dt.datetime) -> Subquery:
    pair = pairs.c
    fee_line, parent = aliased(PointLine, name="fee_line"), aliased(Account, name="parent")
    old_price, new_price = (
        aliased(PriceVersionRow, name="old_price"),
        aliased(PriceVersionRow, name="new_price"),
    )
    end = run_comparison_facts.End(fee_line, run.finished_at or now)
    is_done = pair.state == ItemState.DONE.value
    real_after = case((is_done, func.coalesce(fee_line.balance_after, end.balance())), else_=None)
    facts = run_comparison_facts.facts(pairs, saved, end)
    inner = (
        select(
            Account.id,
            Account.account_number,
            Account.company_name,
            Account.search_text,
            parent.company_name.label("parent_name"),
            *pair,
            case((is_done, pair.item_fee_points), else_=None).label("real_fee_points"),
            real_after.label("real_balance_after"),
            *(_price_columns(old_price, "old") + _price_columns(new_price, "new")),
            new_price.created_at.label("new_price_created_at"),
            *facts,
        )
        .select_from(Account)
        .join(pairs, pair.account_id == Account.id)
        .outerjoin(parent, parent.id == Account.parent_id)
        .outerjoin(old_price, old_price.id == pair.rehearsed_price_id)
        .outerjoin(new_price, new_price.id == pair.real_price_id)
        .outerjoin(fee_line, _is_fee_line(fee_line, saved.billing_date))
        .subquery("facts")
    )
    result = _result(inner)
    is_unknown = run_comparison_facts.is_unknown(inner, result, saved, run)
    return select(*inner.c, result.label("result"), is_unknown.label("is_unknown")).subquery("compared")


def _price_columns(price: Any, prefix: str) -> list[ColumnElement[Any]]:
    names = ("valid_from", "base_points", "included_user_count", "points_per_additional_user")
    return [getattr(price, name).label(f"{prefix}_{name}") for name in names]


def _is_fee_line(line: Any, billing_date: dt.date) -> ColumnElement[bool]:
    return and_(
        line.account_id == Account.id,
        line.kind == PointKind.MONTHLY_FEE,
        line.corrects_line_id.is_(None),
        line.billing_date == billing_date,
    )


def _result(rows: Subquery) -> ColumnElement[str]:
    row = rows.c
    is_changed = or_(
        row.rehearsed_user_count != row.real_user_count,
        row.rehearsed_fee_points != row.real_fee_points,
        row.rehearsed_balance_after != row.real_balance_after,
    )
    return case(
        (row.state.is_(None), literal(Result.NOT_CHARGED.value)),
        (row.state == ItemState.PARKED.value, literal(Result.PARKED.value)),
        (row.state == ItemState.DUE.value, literal(Result.DUE.value)),
        (row.rehearsed_fee_points.is_(None), literal(Result.NOT_REHEARSED.value)),
        (is_changed, literal(Result.CHANGED.value)),
        else_=literal(Result.SAME.value),
    )
