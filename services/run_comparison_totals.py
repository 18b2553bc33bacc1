"""The sums of a comparison: by result, and whether they tie to the rehearsal, to the run and to the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, SQLColumnExpression, case, func, select

from domain.permissions import Viewer
from domain.points import PointKind
from models import Account, BillingItem, BillingRehearsalItem, PointLine, db
from models.billing import ItemState
from services import access
from services.run_comparison import Comparison, scope_of
from services.run_comparison_facts import Result


@dataclass(frozen=True)
class Side:
    """Accounts and their fees (points ≥ 0)."""

    account_count: int
    fee_points: int


@dataclass(frozen=True)
class ResultTotals:
    """The rows of one result."""

    result: Result
    rehearsed: Side
    real: Side
    row_count: int

    @property
    def difference(self) -> int:
        """Points that the run charged beyond the rehearsal; may be negative."""
        return self.real.fee_points - self.rehearsed.fee_points


@dataclass(frozen=True)
class ComparisonTotals:
    """All of them, in the order of Result; `hidden` is what the viewer may not see of the rehearsal any more.

    `items` and `lines` are the fees of the same accounts by a query of their own: posted items, ledger lines.
    """

    by_result: tuple[ResultTotals, ...]
    unknown_count: int
    hidden: Side
    saved: Side
    items: Side
    lines: Side

    @property
    def rehearsed(self) -> Side:
        """The whole rehearsal, without what is hidden."""
        return _sum([found.rehearsed for found in self.by_result])

    @property
    def real(self) -> Side:
        """All that the run has posted."""
        return _sum([found.real for found in self.by_result])

    @property
    def same_count(self) -> int:
        """How many rows are equal."""
        return sum(found.row_count for found in self.by_result if found.result is Result.SAME)

    @property
    def different_count(self) -> int:
        """How many rows are not."""
        return sum(found.row_count for found in self.by_result) - self.same_count

    @property
    def is_tied(self) -> bool:
        """Whether the rows come to what was saved, and to the items and the lines of the run."""
        is_whole = _sum([self.rehearsed, self.hidden]) == self.saved
        return is_whole and self.real == self.items and self.items.fee_points == self.lines.fee_points


def comparison_totals(comparison: Comparison, *, viewer: Viewer) -> ComparisonTotals:
    """Return the sums of a comparison."""
    row = comparison.rows.c
    statement = select(
        row.result,
        func.count(),
        func.count(row.rehearsed_fee_points),
        func.coalesce(func.sum(row.rehearsed_fee_points), 0),
        func.count(row.real_fee_points),
        func.coalesce(func.sum(row.real_fee_points), 0),
        func.coalesce(func.sum(case((row.is_unknown, 1), else_=0)), 0),
    ).group_by(row.result)
    found = {values[0]: [int(value) for value in values[1:]] for values in db.session.execute(statement)}
    saved = comparison.rehearsal
    return ComparisonTotals(
        by_result=tuple(
            ResultTotals(
                result,
                Side(*found[result.value][1:3]),
                Side(*found[result.value][3:5]),
                found[result.value][0],
            )
            for result in Result
            if result.value in found
        ),
        unknown_count=sum(values[-1] for values in found.values()),
        hidden=_hidden(comparison, viewer),
        saved=Side(saved.account_count, saved.fee_points),
        items=_items(comparison, viewer),
        lines=_lines(comparison, viewer),
    )


def _sum(sides: list[Side]) -> Side:
    return Side(sum(side.account_count for side in sides), sum(side.fee_points for side in sides))


def _side(
    count: ColumnElement[int], points: SQLColumnExpression[int], *conditions: ColumnElement[bool]
) -> Side:
    """Return a count and a sum over rows that are joined to their accounts."""
    statement = select(count, func.coalesce(func.sum(points), 0)).select_from(Account).where(*conditions)
    return Side(*(int(value) for value in db.session.execute(statement).one()))


def _hidden(comparison: Comparison, viewer: Viewer) -> Side:
    item = BillingRehearsalItem
    return _side(
        func.count(item.account_id),
        item.fee_points,
        item.rehearsal_id == comparison.rehearsal.id,
        Account.id == item.account_id,
        ~access.history_scope(viewer),
    )


def _compared(comparison: Comparison, viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition on Account for all that the comparison is of."""
    saved = comparison.rehearsal
    rehearsed = select(BillingRehearsalItem.account_id).where(BillingRehearsalItem.rehearsal_id == saved.id)
    chosen = Account.id.in_(rehearsed) & access.history_scope(viewer)
    return chosen if saved.is_of_chosen else chosen | scope_of(saved, viewer)


def _items(comparison: Comparison, viewer: Viewer) -> Side:
    return _side(
        func.count(BillingItem.account_id),
        BillingItem.fee_points,
        BillingItem.billing_date == comparison.run.billing_date,
        BillingItem.state == ItemState.DONE,
        Account.id == BillingItem.account_id,
        _compared(comparison, viewer),
    )


def _lines(comparison: Comparison, viewer: Viewer) -> Side:
    return _side(
        func.count(PointLine.id),
        -PointLine.points,
        PointLine.billing_date == comparison.run.billing_date,
        PointLine.kind == PointKind.MONTHLY_FEE,
        PointLine.corrects_line_id.is_(None),
        Account.id == PointLine.account_id,
        _compared(comparison, viewer),
    )
