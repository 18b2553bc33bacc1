"""What lies between a rehearsal and its run, as SQL beside each account; and whether it explains the difference."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    SQLColumnExpression,
    Subquery,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    or_,
    select,
)

from domain.billing_calendar import billing_instant
from domain.points import PointKind
from models import (
    Account,
    AuditEvent,
    BillingRehearsal,
    BillingRun,
    Cancellation,
    ContractUserChange,
    PointLine,
)


class Result(StrEnum):
    """How a row of the rehearsal and one of the run stand to each other."""

    SAME = "same"
    CHANGED = "changed"
    NOT_CHARGED = "not_charged"
    NOT_REHEARSED = "not_rehearsed"
    PARKED = "parked"
    DUE = "due"


@dataclass(frozen=True)
class End:
    """Where the lines between a rehearsal and a fee end: before the fee's own line, of a fee of 0 at an instant."""

    fee_line: Any
    instant: dt.datetime

    def is_before(self, line: Any) -> ColumnElement[bool]:
        """Return the condition that a line comes before the end."""
        return case(
            (self.fee_line.line_number.is_not(None), line.line_number < self.fee_line.line_number),
            else_=line.recorded_at <= self.instant,
        )

    def balance(self) -> ColumnElement[int]:
        """Return an Account's balance at the end."""
        newest = (
            select(PointLine.balance_after)
            .where(PointLine.account_id == Account.id, PointLine.recorded_at <= self.instant)
            .order_by(PointLine.line_number.desc())
            .limit(1)
            .correlate(Account)
            .scalar_subquery()
        )
        return func.coalesce(newest, 0)


def facts(pairs: Subquery, saved: BillingRehearsal, end: End) -> list[SQLColumnExpression[Any]]:
    """Return the facts about an Account in a pair.

    users_changed_at: the last change of 契約ユーザ数 between rehearsal and cut; moved_points: what other lines
    moved in between, signed; between_fee_points (≥ 0): the fees of other 25ths in between; lifted_on: a
    解約予定日 up to the 25th that was taken away since; moved_in_at: when it came under its MSP since;
    provisioned_at, canceled_at, cancellation_date. NULL where there is nothing of the kind.
    """
    return [
        _users_changed_at(saved).label("users_changed_at"),
        _line_points(pairs, end, is_fee=False).label("moved_points"),
        (-_line_points(pairs, end, is_fee=True)).label("between_fee_points"),
        _lifted_on(saved).label("lifted_on"),
        _moved_in_at(saved).label("moved_in_at"),
        Account.provisioned_at,
        Account.canceled_at,
        Account.cancellation_date,
    ]


def is_unknown(
    rows: Subquery, result: ColumnElement[str], saved: BillingRehearsal, run: BillingRun
) -> ColumnElement[bool]:
    """Return the condition that a difference between rehearsal and run is explained by none of the facts.

    `result` is the value of a Result.
    """
    row = rows.c
    leaves = and_(row.cancellation_date.is_not(None), row.cancellation_date <= saved.billing_date)
    was_posted = literal(True) if run.started_at <= saved.made_at else row.canceled_at <= saved.made_at
    has_come = or_(
        row.provisioned_at >= saved.made_at,
        row.lifted_on.is_not(None),
        row.moved_in_at.is_not(None),
        row.new_price_created_at >= saved.made_at,
        func.coalesce(was_posted, false()),
    )
    more_fee = row.real_fee_points - row.rehearsed_fee_points
    # The two balances differ by exactly what moved in between.
    is_out_of_step = row.real_balance_after - row.rehearsed_balance_after != (
        row.moved_points + row.earlier_fee_points - row.between_fee_points - more_fee
    )
    is_other_count = row.rehearsed_user_count != row.real_user_count
    is_other_price = row.rehearsed_price_id != row.real_price_id
    unexplained = or_(
        and_(is_other_count, row.users_changed_at.is_(None)),
        and_(more_fee != 0, ~is_other_count, ~is_other_price),
        is_out_of_step,
    )
    return case(
        (
            result == Result.NOT_CHARGED.value,
            and_(row.canceled_at.is_(None), ~func.coalesce(leaves, false())),
        ),
        (result == Result.NOT_REHEARSED.value, ~func.coalesce(has_come, false())),
        (result == Result.CHANGED.value, func.coalesce(unexplained, false())),
        else_=false(),
    )


def _users_changed_at(saved: BillingRehearsal) -> ColumnElement[dt.datetime]:
    change = ContractUserChange
    return (
        select(func.max(change.effective_at))
        .where(
            change.account_id == Account.id,
            change.effective_at >= saved.made_at,
            change.effective_at <= billing_instant(saved.billing_date),
        )
        .correlate(Account)
        .scalar_subquery()
    )


def _line_points(pairs: Subquery, end: End, *, is_fee: bool) -> ColumnElement[int]:
    """Return the sum of an account's lines between rehearsal and end: of fees of 25ths, or of all others."""
    line = PointLine
    is_original_fee = and_(line.kind == PointKind.MONTHLY_FEE, line.corrects_line_id.is_(None))
    total = (
        select(func.sum(line.points))
        .where(
            line.account_id == Account.id,
            line.line_number > pairs.c.last_line_number,
            end.is_before(line),
            is_original_fee if is_fee else ~is_original_fee,
        )
        .correlate(Account, pairs, end.fee_line)
        .scalar_subquery()
    )
    return cast(func.coalesce(total, 0), BigInteger)


def _lifted_on(saved: BillingRehearsal) -> ColumnElement[dt.date | None]:
    agreed = Cancellation
    return (
        select(func.max(agreed.scheduled_on))
        .where(
            agreed.account_id == Account.id,
            agreed.scheduled_on <= saved.billing_date,
            agreed.consented_at <= saved.made_at,
            agreed.lifted_at >= saved.made_at,
        )
        .correlate(Account)
        .scalar_subquery()
    )


def _moved_in_at(saved: BillingRehearsal) -> ColumnElement[dt.datetime]:
    event = AuditEvent
    return (
        select(func.max(event.recorded_at))
        .where(
            event.account_id == Account.id,
            event.action == "customer.moved",
            event.recorded_at >= saved.made_at,
        )
        .correlate(Account)
        .scalar_subquery()
    )
