"""Fees of a 25th posted to the ledger, set-based: the one way in which a billing item is done."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    Integer,
    Select,
    Update,
    bindparam,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from domain.points import LARGEST_BALANCE_POINTS, LARGEST_LINE_POINTS, PointKind
from models import BillingItem, PointBalance, PointLine, db
from models.base import Base
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
    statements = _statements(meant.depth is not None)
    values = {f"this_{name}": value for name, value in [*asdict(meant).items(), ("now", now)]}
    execute = db.session.connection().execute
    count, points, unchargeable = execute(statements.lock_and_count, values).one()
    parked = 0
    if unchargeable:
        parked = _park_what_cannot_be_charged(meant)
        count, points, _none = execute(statements.lock_and_count, values).one()
    execute(statements.insert_lines, values)
    execute(statements.carry_balances, values)
    if execute(statements.close_items, values).rowcount != count:
        raise FeesOutOfStep(meant)
    return Posted(count, int(points), parked)


class _Statements(NamedTuple):
    """What a chunk takes, its parameters are the fields of a FeeRange and now, as `this_…`."""

    lock_and_count: Select[*tuple[Any, ...]]
    insert_lines: Insert
    carry_balances: Update
    close_items: Update


@lru_cache(maxsize=2)
def _statements(is_of_one_level: bool) -> _Statements:
    """Return the statements, made once: to make them anew for each chunk costs a tenth of the run."""
    due = _due(is_of_one_level)
    # The range on both sides: without it PostgreSQL reads every balance there is for each chunk.
    with_balances = (*due, _balances.c.account_id == _items.c.account_id, _among(_balances.c.account_id))
    return _Statements(
        _lock_and_count(with_balances),
        _insert_lines(with_balances),
        _carry_balances(with_balances),
        update(_items).where(*due).values(state=ItemState.DONE),
    )


_items, _balances, _lines = (
    Base.metadata.tables[model.__tablename__] for model in (BillingItem, PointBalance, PointLine)
)
_now = bindparam("this_now", type_=PointLine.recorded_at.type)
_date = bindparam("this_billing_date", type_=BillingItem.billing_date.type)


def _among(account_id: ColumnElement[int]) -> ColumnElement[bool]:
    return account_id.between(
        bindparam("this_first_account_id", type_=BigInteger),
        bindparam("this_last_account_id", type_=BigInteger),
    )


def _due(is_of_one_level: bool) -> Conditions:
    level = (_items.c.depth == bindparam("this_depth", type_=Integer),) if is_of_one_level else ()
    is_due = _items.c.state == ItemState.DUE
    return (_items.c.billing_date == _date, _among(_items.c.account_id), is_due, *level)


#: Why an item cannot be charged, in the order in which it is asked.
_PARKING: tuple[tuple[str, ColumnElement[bool]], ...] = (
    ("balance_closed", PointBalance.is_closed.is_(True)),
    ("fee_out_of_range", BillingItem.fee_points > LARGEST_LINE_POINTS),
    (
        "balance_out_of_range",
        PointBalance.point_balance - BillingItem.fee_points < -LARGEST_BALANCE_POINTS,
    ),
)


def _lock_and_count(with_balances: Conditions) -> Select[*tuple[Any, ...]]:
    """Lock the balances by id; return how many items are due, their points, and how many cannot be charged.

    SQLite's writing transaction holds everything already.
    """
    cannot = case((or_(*(condition for _reason, condition in _PARKING)), 1), else_=0)
    found = (
        select(_items.c.fee_points, cannot.label("cannot"))
        .where(*with_balances)
        .order_by(_balances.c.account_id)
        .with_for_update(of=_balances)
        .subquery()
    )
    total = (func.coalesce(func.sum(column), 0) for column in (found.c.fee_points, found.c.cannot))
    return select(func.count(), *total).select_from(found)


def _park_what_cannot_be_charged(meant: FeeRange) -> int:
    parked = 0
    for reason, condition in _PARKING:
        found = select(PointBalance.account_id).where(
            PointBalance.account_id == BillingItem.account_id, condition
        )
        park = update(BillingItem).where(*meant.due(), found.exists())
        parked += db.session.execute(
            park.values(state=ItemState.PARKED, parked_reason=reason),
            execution_options={"synchronize_session": False},
        ).rowcount  # type: ignore[attr-defined]
    return parked


def _insert_lines(with_balances: Conditions) -> Insert:
    fee, balance = _items.c.fee_points, _balances.c.point_balance
    rows = select(
        _balances.c.account_id,
        _balances.c.last_line_number + 1,
        literal(PointKind.MONTHLY_FEE, PointLine.kind.type),
        -fee,
        balance - fee,
        _now,
        _date,
        literal(""),
    ).where(*with_balances, fee > 0)
    columns = ["account_id", "line_number", "kind", "points", "balance_after", "recorded_at"]
    columns += ["billing_date", "actor_name"]
    return insert(_lines).from_select(columns, rows, include_defaults=False)


def _carry_balances(with_balances: Conditions) -> Update:
    after = _balances.c.point_balance - _items.c.fee_points
    return (
        update(_balances)
        .where(*with_balances, _items.c.fee_points > 0)
        .values(
            point_balance=after,
            last_line_number=_balances.c.last_line_number + 1,
            negative_since=case((after < 0, func.coalesce(_balances.c.negative_since, _now))),
        )
    )
