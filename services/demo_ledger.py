"""The demo's ledger while it is written: chains, balances and fees, flushed in batches."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update

from domain.billing_calendar import billing_dates_between, billing_instant
from domain.permissions import DEPTH, AccountType
from domain.points import PointKind, monthly_fee
from models import (
    Account,
    BillingChunk,
    BillingItem,
    BillingRun,
    Cancellation,
    ContractUserChange,
    PointBalance,
    PointLine,
    ServiceUser,
    db,
)
from models.billing import ItemState, RunState
from services.demo_people import DemoPeople

_TABLES: dict[str, Any] = {
    "accounts": Account,
    "balances": PointBalance,
    "users": ContractUserChange,
    "lines": PointLine,
    "items": BillingItem,
    "cancellations": Cancellation,
    "service_users": ServiceUser,
}


@dataclass
class Charged:
    """Accounts of one level that a 25th has charged, and the points (≥ 0) that it took."""

    first_account_id: int = 0
    last_account_id: int = 0
    count: int = 0
    points: int = 0

    def add(self, first_account_id: int, last_account_id: int, count: int, points: int) -> None:
        """Count accounts between two, both included."""
        self.first_account_id = min(self.first_account_id or first_account_id, first_account_id)
        self.last_account_id = max(self.last_account_id, last_account_id)
        self.count += count
        self.points += points


class DemoLedger:
    """Keeps each account's chain and balance as lines are added, and the rows that wait to be written."""

    def __init__(
        self,
        *,
        people: DemoPeople,
        now: dt.datetime,
        count: int,
        seed: int,
        arrivals: tuple[dt.datetime, dt.datetime],
    ) -> None:
        """Begin with nothing; the customers arrive evenly between two instants."""
        self.people, self.now, self.count, self.seed = people, now, count, seed
        self.arrivals = arrivals
        self.billing_dates = list(billing_dates_between(people.began_at, now))
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.balance: dict[int, int] = defaultdict(int)
        self.last_line: dict[int, int] = defaultdict(int)
        self.negative_since: dict[int, dt.datetime | None] = {}
        #: What was charged on a 25th at a depth of the tree.
        self.charged: dict[tuple[dt.date, int], Charged] = defaultdict(Charged)
        self.paid_dates: set[dt.date] = set()

    def add_line(self, account_id: int, kind: PointKind, points: int, at: dt.datetime, **more: Any) -> None:
        """Append a line to an account's chain."""
        after = self.balance[account_id] + points
        self.balance[account_id] = after
        self.last_line[account_id] += 1
        self.negative_since[account_id] = (self.negative_since.get(account_id) or at) if after < 0 else None
        row = {
            "account_id": account_id,
            "line_number": self.last_line[account_id],
            "kind": kind,
            "points": points,
            "balance_after": after,
            "recorded_at": at,
            "transfer_id": None,
            "billing_date": None,
            "administrator_id": None,
            "actor_name": "",
            "remark": None,
        }
        self.rows["lines"].append(row | more)

    def add_transfer(
        self, payer_id: int, account_id: int, kind: PointKind, points: int, at: dt.datetime
    ) -> None:
        """Append the two lines of a transfer; `points` is what the account gets."""
        seed = f"demo {self.seed} {payer_id} {account_id} {kind} {self.last_line[account_id]}"
        more: dict[str, Any] = {"transfer_id": str(uuid.uuid5(uuid.NAMESPACE_OID, seed))}
        more |= self.people.actor_above(payer_id)
        self.add_line(account_id, kind, points, at, **more)
        self.add_line(payer_id, kind, -points, at, **more)

    def add_fee(self, account_id: int, account_type: AccountType, users: int, day: dt.date) -> None:
        """Append a 25th's item, and its line when the fee is above 0."""
        price = self.people.prices[account_type]
        fee = monthly_fee(price.as_value(), users)
        self.charged[day, DEPTH[account_type]].add(account_id, account_id, 1, fee)
        self.rows["items"].append(
            {
                "account_id": account_id,
                "billing_date": day,
                "depth": DEPTH[account_type],
                "contract_user_count": users,
                "price_version_id": price.id,
                "fee_points": fee,
                "state": ItemState.DONE,
                "parked_reason": None,
            }
        )
        if fee:
            self.add_line(account_id, PointKind.MONTHLY_FEE, -fee, billing_instant(day), billing_date=day)

    def balance_row(self, account_id: int, is_closed: bool) -> dict[str, Any]:
        """Return the balance row of an account as it stands."""
        return {
            "account_id": account_id,
            "point_balance": self.balance[account_id],
            "last_line_number": self.last_line[account_id],
            "negative_since": self.negative_since.get(account_id),
            "is_closed": is_closed,
        }

    def flush(self) -> None:
        """Write the rows that wait."""
        for name, model in _TABLES.items():
            if self.rows[name]:
                # One statement a batch: without this, rows are regrouped by which columns are NULL.
                db.session.execute(insert(model).execution_options(render_nulls=True), self.rows[name])
                self.rows[name] = []

    def finish_balances(self) -> None:
        """Write the balances of the accounts above the customers, whose rows were there first."""
        rows = [self.balance_row(account_id, is_closed=False) for account_id in self.people.reseller_ids]
        db.session.execute(update(PointBalance), rows)

    def read_balances(self) -> None:
        """Read again how the accounts above the customers stand, after statements moved their points."""
        statement = (
            select(PointBalance.account_id, PointBalance.point_balance, PointBalance.last_line_number)
            .join(Account, Account.id == PointBalance.account_id)
            .where(Account.account_type != AccountType.CUSTOMER)
        )
        for account_id, points, last_line in db.session.execute(statement):
            self.balance[account_id], self.last_line[account_id] = points, last_line

    def write_runs(self) -> None:
        """Write the finished run of each past 25th, and a chunk for each level that it charged."""
        for day in self.billing_dates:
            levels = sorted((depth, each) for (date, depth), each in self.charged.items() if date == day)
            run = self._finished_run(day, [each for _depth, each in levels])
            db.session.add(run)
            db.session.flush()
            # The deepest are charged first.
            for number, (depth, each) in enumerate(reversed(levels), start=1):
                chunk = BillingChunk(
                    run_id=run.id,
                    number=number,
                    depth=depth,
                    first_account_id=each.first_account_id,
                    last_account_id=each.last_account_id,
                    account_count=each.count,
                    due_points=each.points,
                    done_at=run.finished_at,
                    charged_count=each.count,
                    charged_points=each.points,
                )
                db.session.add(chunk)

    @staticmethod
    def _finished_run(day: dt.date, levels: list[Charged]) -> BillingRun:
        count, points = sum(each.count for each in levels), sum(each.points for each in levels)
        return BillingRun(
            billing_date=day,
            state=RunState.DONE,
            started_at=billing_instant(day),
            finished_at=billing_instant(day),
            account_count=count,
            due_points=points,
            done_count=count,
            charged_points=points,
        )
