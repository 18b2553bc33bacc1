"""The bulk of a large demo: customers behind the first thousand, written set-based from a plan in the database.

A plan row a customer is drawn first (`demo_bulk_sql`); then the tables are filled from it in ranges
(`demo_bulk_rows`), so that memory stays small and progress can be told. All of it is one transaction of the caller's.
"""
# ruff: noqa: S608 - what is filled in are names and whole numbers of our own.

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import text

from domain.billing_calendar import approval_due_on, billing_instant, start_of_day, tokyo_date
from domain.inputs.text import search_key
from domain.permissions import DEPTH, AccountType
from models import db
from services.demo_bulk_rows import fill_statements
from services.demo_bulk_sql import DISTRIBUTOR_NUMBER, TABLES, BulkSettings, CustomerRange, plan_statement
from services.demo_people import DemoPeople
from services.demo_plan import (
    COMPANY_COUNT,
    MIXTURE,
    PEOPLE,
    PLACES,
    SPARE_MONTHS,
    USER_COUNTS,
    company_name,
)

RANGE_SIZE = 50_000
_EPOCH = dt.date(1970, 1, 1)


class DemoBulk:
    """Plans the customers from a position on, and writes them range by range."""

    def __init__(
        self,
        *,
        people: DemoPeople,
        billing_dates: Sequence[dt.date],
        arrivals: tuple[dt.datetime, dt.datetime],
        first: int,
        count: int,
        seed: int,
        now: dt.datetime,
    ) -> None:
        """Begin with the customers' positions [first, count), who arrive evenly between two instants."""
        self.people, self.billing_dates, self.now = people, list(billing_dates), now
        self.cuts = [int(billing_instant(day).timestamp()) for day in self.billing_dates]
        price = people.prices[AccountType.CUSTOMER]
        begin, end = (int(each.timestamp()) for each in arrivals)
        self.settings = BulkSettings(
            engine=db.session.get_bind().dialect.name,
            seed=seed,
            customer_count=count,
            first_customer_id=people.first_customer_id,
            distributor_id=people.distributor_id,
            support_id=people.support_id,
            msp_count=len(people.msp_ids),
            arrivals_begin=begin,
            arrival_seconds=end - begin,
            now=int(now.timestamp()),
            last_cut=max(self.cuts, default=0),
            price_version_id=price.id,
            base_points=price.base_points,
            included_user_count=price.included_user_count,
            points_per_additional_user=price.points_per_additional_user,
            depth=DEPTH[AccountType.CUSTOMER],
        )
        self.ranges = list(self._ranges(first))

    def arrived_at(self, part: CustomerRange) -> dt.datetime:
        """Return when the first customer of a range came."""
        return dt.datetime.fromtimestamp(self._arrival(part.first), dt.UTC)

    def plan(self) -> dict[int, int]:
        """Draw the plan of all customers; return what each payer hands down to them in all (points)."""
        for name, columns in TABLES.items():
            self._run(f"CREATE TEMPORARY TABLE {name} ({columns})")
        for name, rows in self._lookups().items():
            self._insert(name, rows)
        for part in self.ranges:
            self._run(plan_statement(self.settings, part))
        if self.settings.engine == "postgresql":
            for name in TABLES:
                self._run(f"ANALYZE {name}")
        needed = self._run("SELECT payer_id, sum(first_points) FROM demo_plan GROUP BY payer_id").all()
        return {payer_id: int(points) for payer_id, points in needed}

    def write(self, part: CustomerRange) -> tuple[int, int]:
        """Write the customers of a range; return their count and the points that each later 25th takes."""
        for statement in fill_statements(self.settings, part):
            self._run(statement)
        # Put together from names of our own only.
        found = self._run(f"SELECT count(*), sum(p.fee) FROM demo_plan p WHERE {part.condition}").one()  # nosec B608
        return int(found[0]), int(found[1])

    def finish(self) -> None:
        """Forget the plan."""
        for name in TABLES:
            self._run(f"DROP TABLE {name}")

    def _ranges(self, first: int) -> Iterator[CustomerRange]:
        """Cut the positions where a 25th lies between two customers, and into pieces."""
        count = self.settings.customer_count
        while first < count:
            skipped = sum(cut < self._arrival(first) for cut in self.cuts)
            last = min(first + RANGE_SIZE, count) - 1
            if skipped < len(self.cuts):
                # The last one who comes at or before the next cut.
                span, began = self.settings.arrival_seconds, self.settings.arrivals_begin
                last = min(last, ((self.cuts[skipped] - began + 1) * count - 1) // span)
            yield CustomerRange(first, last, skipped, len(self.cuts))
            first = last + 1

    def _arrival(self, position: int) -> int:
        settings = self.settings
        return settings.arrivals_begin + settings.arrival_seconds * position // settings.customer_count

    def _lookups(self) -> dict[str, Sequence[tuple[Any, ...]]]:
        people = self.people
        payers = [(DISTRIBUTOR_NUMBER, people.distributor_id), *enumerate(people.msp_ids)]
        companies = [company_name(number) for number in range(COMPANY_COUNT)]
        began_on = tokyo_date(people.began_at)
        days = [
            began_on + dt.timedelta(days=number)
            for number in range((tokyo_date(self.now) - began_on).days + 1)
        ]
        return {
            "demo_situations": [(number, each.value) for number, each in enumerate(MIXTURE)],
            "demo_users": list(enumerate(USER_COUNTS)),
            "demo_months": list(enumerate(SPARE_MONTHS)),
            "demo_places": [(number, *place) for number, place in enumerate(PLACES)],
            "demo_contacts": [(number, name, search_key(name)) for number, name in enumerate(PEOPLE)],
            "demo_companies": [(number, name, search_key(name)) for number, name in enumerate(companies)],
            "demo_due_days": [
                ((day - _EPOCH).days, approval_due_on(start_of_day(day)).isoformat()) for day in days
            ],
            "demo_dates": [
                (number, day.isoformat(), cut)
                for number, (day, cut) in enumerate(zip(self.billing_dates, self.cuts, strict=True), start=1)
            ],
            "demo_payers": [
                (number, account_id, *people.actor_above(account_id).values())
                for number, account_id in payers
            ],
        }

    @staticmethod
    def _insert(table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        names = [f"value{number}" for number in range(len(rows[0]) if rows else 0)]
        if rows:
            # Put together from names of our own only.
            statement = text(f"INSERT INTO {table} VALUES ({', '.join(f':{name}' for name in names)})")  # nosec B608
            db.session.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])

    @staticmethod
    def _run(statement: str) -> Any:
        return db.session.execute(text(statement))
