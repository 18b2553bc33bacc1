"""Demo data: deterministic for (customers, seed, start date), written in large batches.

The rows are what the use cases would have left behind; `services.invariants` holds on them.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import text

from domain.billing_calendar import TOKYO, billing_instant, last_due_billing_date, start_of_day, tokyo_date
from domain.lifecycle import AccountStatus
from domain.permissions import DEPTH, AccountType
from domain.points import LARGEST_LINE_POINTS, PointKind, settlement
from models import db
from services.cancellations import CONSENT_TEXT
from services.demo_bulk import DemoBulk
from services.demo_ledger import DemoLedger
from services.demo_loading import loading
from services.demo_people import DemoPeople, add_customer_administrator, create_people
from services.demo_plan import DemoCustomer, is_provisioned, plan_customer
from services.demo_rows import account_row
from services.demo_users import service_user_rows
from services.engines import is_postgresql

#: Customers that are written one by one, of every kind and with users; the others are written set-based.
DETAILED_CUSTOMERS = 1_000
HISTORY_DAYS = 100
#: A demo of whole months: its customers come in the days before the first 25th.
ARRIVAL_DAYS = 20
#: What every MSP has left beside what its customers got; MSP B has too little for all of its customers.
RESERVES = (3_000, 60)


class DemoWriter(DemoLedger):
    """Writes the customers in the order of their history, keeping each payer's chain as it goes."""

    def write(self, progress: Callable[[str], None]) -> None:
        """Write everything but the people: stock, customers, fees, and the runs that charged them."""
        planned = [self.plan(position) for position in range(min(self.count, DETAILED_CUSTOMERS))]
        bulk = self._bulk() if self.count > DETAILED_CUSTOMERS else None
        self._stock_msps(planned, bulk.plan() if bulk else {})
        for customer in planned:
            self._charge_msps(until=customer.provisioned_at)
            self._add(customer)
        if bulk:
            with loading():
                self._write_bulk(bulk, progress)
                progress("keys and indexes")
        self._charge_msps(until=self.now)
        self.flush()
        self.finish_balances()
        self.write_runs()

    def plan(self, position: int) -> DemoCustomer:
        """Return the customer at a position; the earlier, the longer in service."""
        begin, end = self.arrivals
        return plan_customer(
            position=position,
            seed=self.seed,
            provisioned_at=begin + (end - begin) * (position / self.count),
            billing_dates=self.billing_dates,
        )

    def _bulk(self) -> DemoBulk:
        return DemoBulk(
            people=self.people,
            billing_dates=self.billing_dates,
            arrivals=self.arrivals,
            first=DETAILED_CUSTOMERS,
            count=self.count,
            seed=self.seed,
            now=self.now,
        )

    def _write_bulk(self, bulk: DemoBulk, progress: Callable[[str], None]) -> None:
        """Write the ranges, and between them the fees of the MSPs, whose chains go on in the database."""
        for part in bulk.ranges:
            self._charge_msps(until=bulk.arrived_at(part))
            self.flush()
            self.finish_balances()
            count, points = bulk.write(part)
            self.read_balances()
            first_id = self.people.first_customer_id
            for day in self.billing_dates[part.skipped :]:
                charged = self.charged[day, DEPTH[AccountType.CUSTOMER]]
                charged.add(first_id + part.first, first_id + part.last, count, points)
            progress(f"{part.last + 1:,} of {self.count:,} customers")
        bulk.finish()

    def payer_of(self, position: int) -> int:
        """Return the account that pays for a customer: most belong to an MSP, a few to the distributor."""
        if position % 40 == 39:
            return self.people.distributor_id
        return self.people.msp_ids[position % len(self.people.msp_ids)]

    def _stock_msps(self, planned: Iterable[DemoCustomer], more: Mapping[int, int]) -> None:
        """Issue to the distributor and hand down to the MSPs what the whole history needs.

        `more`: what each hands down to the customers that are not in `planned`.
        """
        people, at = self.people, self.people.began_at + dt.timedelta(hours=1)
        needed: dict[int, int] = defaultdict(int, more)
        for customer in planned:
            if is_provisioned(customer.situation):
                needed[self.payer_of(customer.position)] += customer.first_points
        fees = 10 * len(self.billing_dates)
        stock = {
            msp_id: needed[msp_id] + fees + RESERVES[min(index, len(RESERVES) - 1)]
            for index, msp_id in enumerate(people.msp_ids)
        }
        stock[people.support_id] = fees + 120
        total = sum(stock.values()) + needed[people.distributor_id] + 20_000
        for points in _lines_of(total):
            self.add_line(
                people.distributor_id, PointKind.ISSUE, points, at, **people.actor_above(people.operator_id)
            )
        for account_id, wanted in stock.items():
            for points in _lines_of(wanted):
                self.add_transfer(people.distributor_id, account_id, PointKind.ADDITION, points, at)

    def _charge_msps(self, *, until: dt.datetime) -> None:
        for day in self.billing_dates:
            if day in self.paid_dates or billing_instant(day) > until:
                continue
            self.paid_dates.add(day)
            for msp_id in self.people.msp_ids:
                self.add_fee(msp_id, AccountType.MSP, 10, day)
            self.add_fee(self.people.support_id, AccountType.SUPPORT, 10, day)

    def _add(self, customer: DemoCustomer) -> None:
        account_id = self.people.first_customer_id + customer.position
        row = account_row(
            customer=customer,
            account_id=account_id,
            parent_id=self.payer_of(customer.position),
            people=self.people,
            billing_dates=self.billing_dates,
            now=self.now,
        )
        self.rows["accounts"].append(row)
        if not is_provisioned(customer.situation):
            return
        self.rows["users"].append(
            {
                "account_id": account_id,
                "effective_at": customer.provisioned_at,
                "contract_user_count": customer.contract_user_count,
            }
        )
        self.rows["service_users"].extend(service_user_rows(customer, account_id))
        if customer.first_points:
            at = customer.provisioned_at + dt.timedelta(minutes=30)
            self.add_transfer(row["parent_id"], account_id, PointKind.ADDITION, customer.first_points, at)
        for day in self.billing_dates:
            if billing_instant(day) >= customer.provisioned_at:
                self.add_fee(account_id, AccountType.CUSTOMER, customer.contract_user_count, day)
        if row["status"] is AccountStatus.CANCELED:
            self._settle(row)
        elif row["cancellation_date"]:
            self._agree(row, scheduled_on=row["cancellation_date"], executed_at=None)
        self.rows["balances"].append(self.balance_row(account_id, row["status"] is AccountStatus.CANCELED))

    def _settle(self, row: dict[str, Any]) -> None:
        settled = settlement(self.balance[row["id"]])
        if settled.top_up_points:
            self.add_transfer(
                row["parent_id"],
                row["id"],
                PointKind.CANCELLATION_TOP_UP,
                settled.top_up_points,
                row["canceled_at"],
            )
        elif settled.write_off_points:
            self.add_line(
                row["id"],
                PointKind.CANCELLATION_WRITE_OFF,
                -settled.write_off_points,
                row["canceled_at"],
                **self.people.actor_above(row["parent_id"]),
            )
        self._agree(row, scheduled_on=None, executed_at=row["canceled_at"])

    def _agree(
        self, row: dict[str, Any], *, scheduled_on: dt.date | None, executed_at: dt.datetime | None
    ) -> None:
        settled = settlement(self.balance[row["id"]])
        self.rows["cancellations"].append(
            {
                "account_id": row["id"],
                "scheduled_on": scheduled_on,
                "consent_text": CONSENT_TEXT,
                "shown_top_up_points": settled.top_up_points,
                "shown_write_off_points": settled.write_off_points,
                "consented_at": executed_at or self.now,
                "administrator_id": self.people.actor_above(row["parent_id"])["administrator_id"],
                "executed_at": executed_at,
            }
        )


def create_demo(
    *,
    customers: int,
    msps: int,
    seed: int,
    password: str,
    brand_name: str,
    now: dt.datetime,
    months: int | None = None,
    progress: Callable[[str], None] = lambda words: None,
) -> None:
    """Fill an empty database with the operator, a distributor, MSPs, a support account and customers.

    `months` None: the customers came evenly over the last hundred days; else all of them have been charged by
    that many 25ths. `progress` is told now and then how far a large demo is.
    """
    # The same rows at whatever hour of the day the demo begins.
    now = start_of_day(tokyo_date(now))
    began_on = tokyo_date(now) - dt.timedelta(days=HISTORY_DAYS)
    first_cut = None
    if months:
        first_cut = billing_instant(_months_before(last_due_billing_date(now), months - 1))
        began_on = tokyo_date(first_cut) - dt.timedelta(days=ARRIVAL_DAYS)
    began_at = dt.datetime.combine(began_on, dt.time(9), TOKYO).astimezone(dt.UTC)
    arrivals = (began_at + dt.timedelta(days=2), (first_cut or now) - dt.timedelta(hours=6))
    people = create_people(msps=msps, password=password, brand_name=brand_name, began_at=began_at)
    DemoWriter(people=people, now=now, count=customers, seed=seed, arrivals=arrivals).write(progress)
    if customers:
        add_customer_administrator(people, password)
    _number_on(people)


def _months_before(billing_date: dt.date, months: int) -> dt.date:
    """Return the 25th a number of months before a 25th."""
    for _month in range(months):
        billing_date = (billing_date.replace(day=1) - dt.timedelta(days=1)).replace(day=billing_date.day)
    return billing_date


def _lines_of(points: int) -> Iterator[int]:
    """Yield points in pieces that a line of the ledger carries; together they are all."""
    while points > LARGEST_LINE_POINTS:
        yield LARGEST_LINE_POINTS
        points -= LARGEST_LINE_POINTS
    yield points


def _number_on(people: DemoPeople) -> None:
    """PostgreSQL: let the next account get an id behind those that were given here."""
    if is_postgresql():
        db.session.execute(
            text("SELECT setval(pg_get_serial_sequence('accounts', 'id'), (SELECT max(id) FROM accounts))")
        )
