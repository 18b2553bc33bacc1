"""The runs of the 25th as rows: those that are written, and above them those that are still to come.

The operator sees the run as a whole, anybody else only what is charged to its own account and to those below
it. Each number of a share comes from one set query over the work lists, whatever number of runs is shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    SQLColumnExpression,
    String,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    select,
    type_coerce,
    union_all,
)

from domain.billing_calendar import billing_instant, next_billing_date
from domain.permissions import AccountType, Viewer
from models import Account, BillingChunk, BillingItem, BillingRun
from models.billing import ItemState, RunState
from services import access, rehearsals
from services.company_names import employer_name_of
from services.estimates import unlisted_billing_dates
from services.words import CLOCKWORK_ACTOR

#: A run that begins later than this after its cut is late. Source: docs/rules.md J2.
LATE_AFTER = dt.timedelta(minutes=15)
#: Written out, not bound: both engines use the index of what is parked only when they can read the condition.
IS_PARKED: ColumnElement[bool] = BillingItem.state == literal_column(f"'{ItemState.PARKED.value}'")


class RunListState(StrEnum):
    """The state of a run on the screens: 予定 until its list is written, then as in RunState."""

    PLANNED = "planned"
    RUNNING = RunState.RUNNING.value
    REVIEW = RunState.REVIEW.value
    DONE = RunState.DONE.value
    PARTLY_PARKED = RunState.PARTLY_PARKED.value


RUN_STATE_WORDS = {
    RunListState.PLANNED: _("予定"),
    RunListState.RUNNING: _("実行中"),
    RunListState.REVIEW: _("要確認"),
    RunListState.DONE: _("完了"),
    RunListState.PARTLY_PARKED: _("一部保留"),
}


def is_late(billing_date: dt.date, begun_at: dt.datetime) -> bool:
    """Tell whether a run that began, or has not yet begun, at an instant is late."""
    return begun_at - billing_instant(billing_date) > LATE_AFTER


def planned_dates(now: dt.datetime) -> list[dt.date]:
    """Return, oldest first, the 25ths without a work list: those whose cut has passed, and the next one."""
    return [*unlisted_billing_dates(now), next_billing_date(now)]


def run_rows(*, viewer: Viewer, now: dt.datetime, billing_date: dt.date | None = None) -> Subquery:
    """Return a subquery over runs, all or the one of a 25th, with the numbers that a viewer may see.

    id (below 0: planned), billing_date, state, started_at, finished_at, account_count, listed_points (≥ 0, what
    is expected or on the list), handled_count (charged or parked), charged_points (≥ 0; NULL: planned),
    parked_count (NULL: planned), actor_name (who released it, or CLOCKWORK_ACTOR; NULL: planned),
    negative_count (how many would be below 0 afterwards; NULL: no longer planned).
    """
    dates = [day for day in planned_dates(now) if billing_date in (None, day)]
    planned = [_planned(number, day, viewer, now) for number, day in enumerate(dates, start=1)]
    listed = _whole() if viewer.account_type is AccountType.OPERATOR else _share(viewer, billing_date)
    if billing_date is not None:
        listed = listed.where(BillingRun.billing_date == billing_date)
    return union_all(listed, *planned).subquery("runs")


def _planned(number: int, day: dt.date, viewer: Viewer, now: dt.datetime) -> Select[*tuple[Any, ...]]:
    account_count, fee_points, negative_count = rehearsals.expected(billing_date=day, viewer=viewer, now=now)
    return select(
        literal(-number, BigInteger),
        literal(day, BillingRun.billing_date.type),
        literal(RunListState.PLANNED.value, String),
        null(),
        null(),
        literal(account_count, BigInteger),
        literal(fee_points, BigInteger),
        literal(0, BigInteger),
        null(),
        null(),
        null(),
        literal(negative_count, BigInteger),
    )


def _listed(
    *, state: ColumnElement[str], numbers: Sequence[SQLColumnExpression[Any]], releaser: ColumnElement[str]
) -> Select[*tuple[Any, ...]]:
    names = ("account_count", "listed_points", "handled_count", "charged_points", "parked_count")
    actor = case((BillingRun.released_at.is_(None), literal(CLOCKWORK_ACTOR)), else_=releaser)
    return select(
        BillingRun.id.label("id"),
        BillingRun.billing_date.label("billing_date"),
        state.label("state"),
        BillingRun.started_at.label("started_at"),
        BillingRun.finished_at.label("finished_at"),
        *(cast(number, BigInteger).label(name) for name, number in zip(names, numbers, strict=True)),
        actor.label("actor_name"),
        cast(null(), BigInteger).label("negative_count"),
    )


def _state() -> ColumnElement[str]:
    return type_coerce(BillingRun.state, String)


def _whole() -> Select[*tuple[Any, ...]]:
    """Return the runs with the totals of all: what is not in an open chunk and not parked is charged."""
    chunk = (
        select(
            BillingChunk.run_id,
            func.sum(BillingChunk.account_count).label("account_count"),
            func.sum(BillingChunk.due_points).label("due_points"),
        )
        .where(BillingChunk.done_at.is_(None))
        .group_by(BillingChunk.run_id)
        .subquery("open_chunks")
    )
    parked = (
        select(
            BillingItem.billing_date,
            func.count().label("parked_count"),
            func.sum(BillingItem.fee_points).label("parked_points"),
        )
        .where(IS_PARKED)
        .group_by(BillingItem.billing_date)
        .subquery("parked")
    )
    open_count, open_points = _or_zero(chunk.c.account_count), _or_zero(chunk.c.due_points)
    charged = case(
        (BillingRun.finished_at.is_not(None), BillingRun.charged_points),
        else_=BillingRun.due_points - open_points - _or_zero(parked.c.parked_points),
    )
    numbers = (
        BillingRun.account_count,
        BillingRun.due_points,
        BillingRun.account_count - open_count,
        charged,
        _or_zero(parked.c.parked_count),
    )
    return (
        _listed(state=_state(), numbers=numbers, releaser=type_coerce(BillingRun.released_by_name, String))
        .select_from(BillingRun)
        .outerjoin(chunk, chunk.c.run_id == BillingRun.id)
        .outerjoin(parked, parked.c.billing_date == BillingRun.billing_date)
    )


def _share(viewer: Viewer, billing_date: dt.date | None) -> Select[*tuple[Any, ...]]:
    """Return the runs with the numbers of a viewer's own accounts; who released one is named by company."""
    own = _own_numbers(viewer, billing_date)
    numbers = [
        _or_zero(own.c[name])
        for name in ("account_count", "listed_points", "handled_count", "charged_points", "parked_count")
    ]
    # Parked accounts of others are not the viewer's matter.
    is_others = and_(BillingRun.state == RunState.PARTLY_PARKED, _or_zero(own.c.parked_count) == 0)
    releaser = employer_name_of(BillingRun.released_by_id)
    return (
        _listed(
            state=case((is_others, literal(RunListState.DONE.value)), else_=_state()),
            numbers=numbers,
            releaser=func.coalesce(releaser, ""),
        )
        .select_from(BillingRun)
        .outerjoin(own, own.c.billing_date == BillingRun.billing_date)
    )


def _own_numbers(viewer: Viewer, billing_date: dt.date | None) -> Subquery:
    """Return the sums over a viewer's own items by billing date, of all runs or of one."""
    dates = select(BillingRun.billing_date)
    if billing_date is not None:
        dates = dates.where(BillingRun.billing_date == billing_date)
    is_done, is_due = BillingItem.state == ItemState.DONE, BillingItem.state == ItemState.DUE
    return (
        select(
            BillingItem.billing_date,
            func.count().label("account_count"),
            func.sum(BillingItem.fee_points).label("listed_points"),
            func.sum(case((is_due, 0), else_=1)).label("handled_count"),
            func.sum(case((is_done, BillingItem.fee_points), else_=0)).label("charged_points"),
            func.sum(case((IS_PARKED, 1), else_=0)).label("parked_count"),
        )
        # Two lists that meet in the primary key: no engine has to read what is not the viewer's.
        .where(BillingItem.billing_date.in_(dates), BillingItem.account_id.in_(seen_accounts(viewer)))
        .group_by(BillingItem.billing_date)
        .subquery("own")
    )


def seen_accounts(viewer: Viewer) -> Select[int]:
    """Return the ids of a viewer's own account and of those below it, as SQL."""
    return select(Account.id).where(access.history_scope(viewer))


def _or_zero(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(value, 0)
