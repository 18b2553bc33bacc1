"""締め処理レポート: what the run of a 25th has taken, MSP by MSP, and whether it ties to the ledger.

The operator's is of the whole run, anybody else's of its own account and those below it. Accounts are counted
with the MSP that they belong to when the report is made.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, select
from sqlalchemy.orm import aliased

from domain.permissions import AccountType, Permission, Viewer
from domain.points import PointKind
from models import Account, BillingItem, BillingRun, PointLine, PriceVersionRow, db
from models.billing import ItemState
from services import access, rehearsals
from services.company_names import company_name_of
from services.run_comparison import RunNotListed, find_run


@dataclass(frozen=True)
class RunTotals:
    """Sums over accounts of a run. Points are ≥ 0; what is parked or still due is not in `fee_points`.

    `negative_count` and `short_points` are of those that a fee was taken from and that are below 0 after it.
    """

    account_count: int
    user_count: int
    fee_points: int
    charged_count: int
    zero_fee_count: int
    parked_count: int
    parked_points: int
    due_count: int
    negative_count: int
    short_points: int


@dataclass(frozen=True)
class MspTotals:
    """The sums of an MSP: its customers and its own account; a support account stands by itself."""

    account_number: str
    company_name: str
    account_type: AccountType
    totals: RunTotals


@dataclass(frozen=True)
class TieOut:
    """The fees of a run from several sides (points ≥ 0): posted items, ledger lines, what balances lost by them.

    `run_points` is what the run itself has written at its end; None before, and for a share of it.
    """

    item_count: int
    item_points: int
    line_count: int
    line_points: int
    balance_points: int
    run_points: int | None

    @property
    def is_tied(self) -> bool:
        """Whether all sides agree."""
        is_posted = self.item_count == self.line_count and self.item_points == self.line_points
        return (
            is_posted
            and self.balance_points == self.line_points
            and self.run_points in (None, self.item_points)
        )


@dataclass(frozen=True)
class ClosingReport:
    """All of it. `parked` has account_number, company_name, parent_name, contract_user_count, fee_points and
    parked_reason; `prices` has account_type, valid_from, base_points, included_user_count,
    points_per_additional_user, account_count, user_count and fee_points (listed).
    """

    run: BillingRun
    made_at: dt.datetime
    is_share: bool
    totals: RunTotals
    msps: tuple[MspTotals, ...]
    parked: Sequence[Row[*tuple[Any, ...]]]
    prices: Sequence[Row[*tuple[Any, ...]]]
    tie_out: TieOut


def closing_report(*, viewer: Viewer, billing_date: dt.date, now: dt.datetime) -> ClosingReport:
    """Return the report of a run that has begun.

    :raises RunNotListed: when it has not.
    :raises DomainError: PermissionRefused, BillingDateUnknown.
    """
    access.check_permission(viewer=viewer, permission=Permission.RUNS_VIEW)
    run = find_run(billing_date)
    if run is None:
        rehearsals.check_date(billing_date, now)
        raise RunNotListed(billing_date=billing_date)
    of = _Part(billing_date, access.history_scope(viewer))
    is_share = viewer.account_type is not AccountType.OPERATOR
    return ClosingReport(
        run=run,
        made_at=now,
        is_share=is_share,
        totals=_totals(of),
        msps=_msps(of),
        parked=_parked(of),
        prices=_prices(of),
        tie_out=_tie_out(of, None if is_share or run.finished_at is None else run.charged_points),
    )


@dataclass(frozen=True)
class _Part:
    """What a report is of: a 25th, and a condition on Account."""

    billing_date: dt.date
    scope: ColumnElement[bool]

    @property
    def items(self) -> tuple[ColumnElement[bool], ...]:
        """The conditions for its items, joined to their accounts."""
        return BillingItem.billing_date == self.billing_date, self.scope


_IS_DONE = BillingItem.state == ItemState.DONE


def _is_fee_line(line: Any) -> ColumnElement[bool]:
    return and_(
        line.account_id == BillingItem.account_id,
        line.kind == PointKind.MONTHLY_FEE,
        line.corrects_line_id.is_(None),
        line.billing_date == BillingItem.billing_date,
    )


def _sums() -> list[ColumnElement[int]]:
    """Return the columns of RunTotals, over items joined to their fee lines."""
    fee, state = BillingItem.fee_points, BillingItem.state
    is_negative = PointLine.balance_after < 0
    sums = (
        func.count(),
        func.sum(BillingItem.contract_user_count),
        func.sum(case((_IS_DONE, fee), else_=0)),
        func.count().filter(_IS_DONE),
        func.count().filter(_IS_DONE, fee == 0),
        func.count().filter(state == ItemState.PARKED),
        func.sum(case((state == ItemState.PARKED, fee), else_=0)),
        func.count().filter(state == ItemState.DUE),
        func.count().filter(is_negative),
        func.sum(case((is_negative, -PointLine.balance_after), else_=0)),
    )
    return [func.coalesce(total, 0) for total in sums]


def _with_lines(statement: Select[*tuple[Any, ...]], of: _Part) -> Select[*tuple[Any, ...]]:
    return (
        statement.select_from(BillingItem)
        .join(Account, Account.id == BillingItem.account_id)
        .outerjoin(PointLine, _is_fee_line(PointLine))
        .where(*of.items)
    )


def _totals(of: _Part) -> RunTotals:
    row = db.session.execute(_with_lines(select(*_sums()), of)).one()
    return RunTotals(*(int(value) for value in row))


def _msps(of: _Part) -> tuple[MspTotals, ...]:
    is_customer = Account.account_type == AccountType.CUSTOMER
    msp_id = case((is_customer, Account.parent_id), else_=Account.id)
    grouped = _with_lines(select(msp_id.label("msp_id"), *_sums()), of).group_by(msp_id)
    found = {row[0]: RunTotals(*(int(value) for value in row[1:])) for row in db.session.execute(grouped)}
    names = select(Account).where(Account.id.in_(found)).order_by(Account.account_number, Account.id)
    return tuple(
        MspTotals(msp.account_number or "", msp.company_name, msp.account_type, found[msp.id])
        for msp in db.session.execute(names).scalars()
    )


def _parked(of: _Part) -> Sequence[Row[*tuple[Any, ...]]]:
    statement = (
        select(
            Account.account_number,
            Account.company_name,
            company_name_of(Account.parent_id).label("parent_name"),
            BillingItem.contract_user_count,
            BillingItem.fee_points,
            BillingItem.parked_reason,
        )
        .select_from(BillingItem)
        .join(Account, Account.id == BillingItem.account_id)
        .where(*of.items, BillingItem.state == ItemState.PARKED)
        .order_by(Account.account_number, Account.id)
    )
    return db.session.execute(statement).all()


def _prices(of: _Part) -> Sequence[Row[*tuple[Any, ...]]]:
    price = PriceVersionRow
    used = (
        select(
            BillingItem.price_version_id,
            func.count().label("account_count"),
            func.sum(BillingItem.contract_user_count).label("user_count"),
            func.sum(BillingItem.fee_points).label("fee_points"),
        )
        .join(Account, Account.id == BillingItem.account_id)
        .where(*of.items)
        .group_by(BillingItem.price_version_id)
        .subquery()
    )
    statement = (
        select(
            price.account_type,
            price.valid_from,
            price.base_points,
            price.included_user_count,
            price.points_per_additional_user,
            used.c.account_count,
            used.c.user_count,
            used.c.fee_points,
        )
        .join(used, used.c.price_version_id == price.id)
        .order_by(price.account_type, price.id)
    )
    return db.session.execute(statement).all()


def _tie_out(of: _Part, run_points: int | None) -> TieOut:
    items = (
        select(func.count(), func.coalesce(func.sum(BillingItem.fee_points), 0))
        .join(Account, Account.id == BillingItem.account_id)
        .where(*of.items, _IS_DONE, BillingItem.fee_points > 0)
    )
    before = aliased(PointLine, name="before")
    is_before = and_(
        before.account_id == PointLine.account_id, before.line_number == PointLine.line_number - 1
    )
    lost = func.coalesce(before.balance_after, 0) - PointLine.balance_after
    # By the ledger alone: an item that is missing here must show.
    lines = (
        select(func.count(), func.coalesce(func.sum(-PointLine.points), 0), func.coalesce(func.sum(lost), 0))
        .select_from(PointLine)
        .join(Account, Account.id == PointLine.account_id)
        .outerjoin(before, is_before)
        .where(
            PointLine.kind == PointKind.MONTHLY_FEE,
            PointLine.corrects_line_id.is_(None),
            PointLine.billing_date == of.billing_date,
            of.scope,
        )
    )
    item_count, item_points = db.session.execute(items).one()
    line_count, line_points, lost_points = db.session.execute(lines).one()
    return TieOut(
        item_count=item_count,
        item_points=int(item_points),
        line_count=line_count,
        line_points=int(line_points),
        balance_points=int(lost_points),
        run_points=run_points,
    )
