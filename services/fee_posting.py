"""Fees of a 25th posted to the ledger, set-based: the one way in which a billing item is done."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, UpdateBase, case, func, insert, literal, or_, select, update

from domain.points import LARGEST_BALANCE_POINTS, LARGEST_LINE_POINTS, PointKind
from models import BillingItem, PointBalance, PointLine, db
from models.billing import ItemState

Conditions = tuple[ColumnElement[bool], ...]


@dataclass(frozen=True)
class FeeRange:
    """Which due items of a 25th are meant: those of accounts first … last, of one level (None: of any)."""

    billing_date: dt.date
    first_account_id: int
    last_account_id: int
    depth: int | None = None

    def due(self) -> Conditions:
        """Return the condition on BillingItem."""
        is_level = () if self.depth is None else (BillingItem.depth == self.depth,)
        return (
            BillingItem.billing_date == self.billing_date,
            BillingItem.account_id.between(self.first_account_id, self.last_account_id),
            BillingItem.state == ItemState.DUE,
            *is_level,
        )

    def with_balances(self) -> Conditions:
        """Return the same joined to PointBalance, with the range on both sides.

        Without it PostgreSQL reads every balance there is for each chunk.
        """
        return (
            *self.due(),
            PointBalance.account_id == BillingItem.account_id,
            PointBalance.account_id.between(self.first_account_id, self.last_account_id),
        )


class FeesOutOfStep(RuntimeError):
    """Lines, balances and items of a posting are not equally many: nothing of it may stay."""


@dataclass(frozen=True)
class Posted:
    """What was posted: accounts charged, fees of 0 included, their points (≥ 0), and accounts parked."""

    charged_count: int = 0
    charged_points: int = 0
    parked_count: int = 0

    def __add__(self, other: Posted) -> Posted:
        """Return both together."""
        return Posted(
            self.charged_count + other.charged_count,
            self.charged_points + other.charged_points,
            self.parked_count + other.parked_count,
        )


def post_fees(*, meant: FeeRange, now: dt.datetime) -> Posted:
    """Post the fees of the due items meant.

    Balances are locked by id; the items meant are of one level. A balance that is closed or would leave the
    ledger's range is parked with its reason, the others go on.

    :raises FeesOutOfStep: when an item has no balance to be taken from.
    """
    count, points, unchargeable = _lock_and_count(meant)
    parked = 0
    if unchargeable:
        parked = _park_what_cannot_be_charged(meant)
        count, points, _none = _lock_and_count(meant)
    _insert_fee_lines(meant, now)
    _carry_balances(meant, now)
    done = update(BillingItem).where(*meant.due()).values(state=ItemState.DONE)
    if _changed(done) != count:
        raise FeesOutOfStep(meant)
    return Posted(count, points, parked)


def _changed(statement: UpdateBase) -> int:
    """Execute a statement and return how many rows it wrote."""
    written: int = db.session.execute(statement, execution_options={"synchronize_session": False}).rowcount  # type: ignore[attr-defined]
    return written


#: Why an item cannot be charged, in the order in which it is asked.
_PARKING: tuple[tuple[str, ColumnElement[bool]], ...] = (
    ("balance_closed", PointBalance.is_closed.is_(True)),
    ("fee_out_of_range", BillingItem.fee_points > LARGEST_LINE_POINTS),
    (
        "balance_out_of_range",
        PointBalance.point_balance - BillingItem.fee_points < -LARGEST_BALANCE_POINTS,
    ),
)


def _lock_and_count(meant: FeeRange) -> tuple[int, int, int]:
    """Lock the balances by id; return how many items are due, their points, and how many cannot be charged.

    SQLite's writing transaction holds everything already.
    """
    cannot = case((or_(*(condition for _reason, condition in _PARKING)), 1), else_=0)
    found = (
        select(BillingItem.fee_points, cannot.label("cannot"))
        .where(*meant.with_balances())
        .order_by(PointBalance.account_id)
        .with_for_update(of=PointBalance)
        .subquery()
    )
    total = (func.coalesce(func.sum(column), 0) for column in (found.c.fee_points, found.c.cannot))
    row = db.session.execute(select(func.count(), *total).select_from(found)).one()
    return row[0], int(row[1]), int(row[2])


def _park_what_cannot_be_charged(meant: FeeRange) -> int:
    parked = 0
    for reason, condition in _PARKING:
        found = select(PointBalance.account_id).where(
            PointBalance.account_id == BillingItem.account_id, condition
        )
        parked += _changed(
            update(BillingItem)
            .where(*meant.due(), found.exists())
            .values(state=ItemState.PARKED, parked_reason=reason)
        )
    return parked


def _insert_fee_lines(meant: FeeRange, now: dt.datetime) -> None:
    fee, balance = BillingItem.fee_points, PointBalance.point_balance
    rows = select(
        PointBalance.account_id,
        PointBalance.last_line_number + 1,
        literal(PointKind.MONTHLY_FEE, PointLine.kind.type),
        -fee,
        balance - fee,
        literal(now, PointLine.recorded_at.type),
        literal(meant.billing_date, PointLine.billing_date.type),
        literal(""),
    ).where(*meant.with_balances(), fee > 0)
    columns = ["account_id", "line_number", "kind", "points", "balance_after", "recorded_at"]
    columns += ["billing_date", "actor_name"]
    db.session.execute(insert(PointLine).from_select(columns, rows, include_defaults=False))


def _carry_balances(meant: FeeRange, now: dt.datetime) -> None:
    after = PointBalance.point_balance - BillingItem.fee_points
    db.session.execute(
        update(PointBalance)
        .where(*meant.with_balances(), BillingItem.fee_points > 0)
        .values(
            point_balance=after,
            last_line_number=PointBalance.last_line_number + 1,
            negative_since=case(
                (
                    after < 0,
                    func.coalesce(
                        PointBalance.negative_since, literal(now, PointBalance.negative_since.type)
                    ),
                )
            ),
        )
        .execution_options(synchronize_session=False)
    )
