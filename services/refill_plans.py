"""必要ポイントの補充: the plan that ポイント数自動更新 shows and its button executes. Source: ポイントの補充."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import select

from domain.billing_calendar import tokyo_date
from domain.errors import DomainError
from domain.lifecycle import RUNNING, AccountStatus
from domain.permissions import Permission, Viewer
from domain.points import needed_points
from models import Account, PointBalance, db
from services import access
from services.estimates import estimate_columns
from services.ledger import is_cancellation_under_way
from services.sent_rows import is_among

LARGEST_SELECTION = 10_000


class RefillOutcome(StrEnum):
    """What a refill does with a row, or why it leaves it."""

    REFILLED = "refilled"
    NOT_SHORT = "not_short"
    NOT_RUNNING = "not_running"
    CANCELLATION_UNDER_WAY = "cancellation_under_way"
    PAYER_LEAVING = "payer_leaving"
    STOCK_USED_UP = "stock_used_up"


class NothingToRefill(DomainError):
    """No chosen account can be refilled, or nothing is chosen."""


class SelectionTooLarge(DomainError):
    """More accounts are chosen than one run on selected rows takes."""


class RefillRow(NamedTuple):
    """A row of the plan; points None where the account is not in service."""

    account_id: int
    account_number: str
    company_name: str
    payer_id: int
    point_balance: int
    fee_points: int | None
    estimated_balance: int | None
    refill_points: int
    outcome: RefillOutcome

    @property
    def balance_after(self) -> int:
        """The balance once the refill is posted."""
        return self.point_balance + self.refill_points


@dataclass(frozen=True)
class RefillPayer:
    """A paying account: its stock before and after, and what it lacks for all its rows (≥ 0)."""

    account_id: int
    company_name: str
    balance_before: int
    asked_points: int
    paid_points: int

    @property
    def balance_after(self) -> int:
        """The stock once the refill is posted."""
        return self.balance_before - self.paid_points

    @property
    def missing_points(self) -> int:
        """How many points would have to be bought first."""
        return max(0, self.asked_points - self.balance_before) if self.asked_points else 0


@dataclass(frozen=True)
class RefillPlan:
    """What 更新 would do, row by row; `digest` seals the numbers between preview and button."""

    rows: tuple[RefillRow, ...]
    payers: tuple[RefillPayer, ...]
    as_far_as_possible: bool

    @property
    def total_points(self) -> int:
        """Points that would be handed down altogether."""
        return sum(row.refill_points for row in self.rows)

    @property
    def refilled_count(self) -> int:
        """How many accounts would be refilled."""
        return sum(row.outcome is RefillOutcome.REFILLED for row in self.rows)

    @property
    def missing_points(self) -> int:
        """How many points all payers lack together for everything that is needed."""
        return sum(payer.missing_points for payer in self.payers)

    def of_payers(self, payer_ids: Collection[int]) -> RefillPlan:
        """Return the part of the plan that some of the payers pay."""
        return RefillPlan(
            rows=tuple(row for row in self.rows if row.payer_id in payer_ids),
            payers=tuple(payer for payer in self.payers if payer.account_id in payer_ids),
            as_far_as_possible=self.as_far_as_possible,
        )

    @cached_property
    def digest(self) -> str:
        """Fingerprint of what is shown: accounts, refills, and each payer's stock."""
        shown = [[row.account_id, row.point_balance, row.refill_points] for row in self.rows]
        shown += [[payer.account_id, payer.balance_before, payer.paid_points] for payer in self.payers]
        return hashlib.sha256(json.dumps(shown).encode()).hexdigest()


def plan_refill(
    *, viewer: Viewer, account_ids: Sequence[int], now: dt.datetime, as_far_as_possible: bool = False
) -> RefillPlan:
    """Return what a refill of the chosen accounts would do, in the order given, without changing anything.

    :raises DomainError: SelectionTooLarge, NothingToRefill (empty), AccountNotVisible (any foreign id
        refuses all), PermissionRefused.
    """
    access.check_permission(viewer=viewer, permission=Permission.POINTS_CHANGE)
    wanted = wanted_ids(account_ids)
    columns = estimate_columns(now)
    statement = (
        select(
            Account.id,
            Account.account_number,
            Account.company_name,
            Account.parent_id,
            Account.status,
            Account.cancellation_date,
            PointBalance.point_balance,
            (columns.unposted_fee_points + columns.upcoming_fee_points).label("fee_points"),
            columns.estimated_balance.label("estimated_balance"),
        )
        .outerjoin(PointBalance, PointBalance.account_id == Account.id)
        .where(is_among(Account.id, wanted), access.scope(viewer), Account.account_type.in_(access.CUSTOMERS))
    )
    found = {row.id: row for row in db.session.execute(statement)}
    for account_id in wanted:
        if account_id not in found:
            raise access.AccountNotVisible(account_id=account_id)
    return _plan([found[account_id] for account_id in wanted], now, as_far_as_possible)


def wanted_ids(account_ids: Sequence[int]) -> list[int]:
    """Return chosen ids without repeats. :raises DomainError: NothingToRefill (empty), SelectionTooLarge."""
    wanted = list(dict.fromkeys(account_ids))
    if not wanted:
        raise NothingToRefill
    if len(wanted) > LARGEST_SELECTION:
        raise SelectionTooLarge(maximum=LARGEST_SELECTION)
    return wanted


def _plan(found: Sequence[Any], now: dt.datetime, as_far_as_possible: bool) -> RefillPlan:
    today = tokyo_date(now)
    stock = _stock({row.parent_id for row in found})
    asked = dict.fromkeys(stock, 0)
    paid = dict.fromkeys(stock, 0)
    rows = []
    # By place, not by name: a plan may have ten thousand rows, and is made again under lock.
    for account_id, number, name, payer_id, status, cancellation_date, balance, fee, estimate in found:
        payer = stock[payer_id]
        outcome, points = _outcome(status, cancellation_date, estimate, today)
        if points and is_cancellation_under_way(payer.cancellation_date, today):
            outcome, points = RefillOutcome.PAYER_LEAVING, 0
        asked[payer_id] += points
        if as_far_as_possible and points and paid[payer_id] + points > payer.point_balance:
            outcome, points = RefillOutcome.STOCK_USED_UP, 0
        paid[payer_id] += points
        rows.append(
            RefillRow(account_id, number or "", name, payer_id, balance or 0, fee, estimate, points, outcome)
        )
    payers = tuple(
        RefillPayer(payer.id, payer.company_name, payer.point_balance, asked[payer.id], paid[payer.id])
        for payer in stock.values()
    )
    return RefillPlan(rows=tuple(rows), payers=payers, as_far_as_possible=as_far_as_possible)


def _outcome(
    status: AccountStatus, cancellation_date: dt.date | None, estimated_balance: int, today: dt.date
) -> tuple[RefillOutcome, int]:
    if status not in RUNNING:
        return RefillOutcome.NOT_RUNNING, 0
    if is_cancellation_under_way(cancellation_date, today):
        return RefillOutcome.CANCELLATION_UNDER_WAY, 0
    points = needed_points(estimated_balance)
    return (RefillOutcome.REFILLED, points) if points else (RefillOutcome.NOT_SHORT, 0)


def own_fees(*, plan: RefillPlan, now: dt.datetime) -> dict[int, int]:
    """Return what the paying accounts of a plan owe themselves up to this month's 25th, in points (> 0), by id.

    It comes from the stock that the refill draws on, and is no part of it. Accounts that owe nothing are left out.
    """
    columns = estimate_columns(now)
    fee_points = columns.unposted_fee_points + columns.upcoming_fee_points
    payer_ids = {payer.account_id for payer in plan.payers}
    statement = select(Account.id, fee_points.label("fee_points")).where(
        Account.id.in_(payer_ids), fee_points > 0
    )
    return {row.id: row.fee_points for row in db.session.execute(statement)}


def _stock(payer_ids: set[int]) -> dict[int, Any]:
    """Return the payers by id, in the order of their ids."""
    statement = (
        select(Account.id, Account.company_name, Account.cancellation_date, PointBalance.point_balance)
        .join(PointBalance, PointBalance.account_id == Account.id)
        .where(Account.id.in_(payer_ids))
        .order_by(Account.id)
    )
    return {row.id: row for row in db.session.execute(statement)}
