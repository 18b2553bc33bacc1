"""The plan of `services.demo_bulk`: temporary tables, and the statement that decides what customers are like.

Both engines understand it, but for instants and dates. All that is filled in are whole numbers of our own.
"""
# ruff: noqa: S608 - what is filled in are names and whole numbers of our own.

from __future__ import annotations

from dataclasses import dataclass

from services.demo_plan import MIXTURE, PEOPLE, PLACES, SPARE_MONTHS, USER_COUNTS

_PRIME = 2_147_483_647
#: Multipliers of the pseudo-random numbers: one for each thing that is drawn, so that they are independent.
_MULTIPLIERS = {
    "situation": 48_271,
    "users": 69_621,
    "place": 39_373,
    "contact": 40_692,
    "days": 742_938_285,
    "points": 950_706_376,
}
_DAY, _TOKYO_OFFSET = 86_400, 9 * 3_600
#: The temporary tables: the plan, and what it points to.
TABLES = {
    "demo_plan": "position bigint PRIMARY KEY, account_id bigint, payer_id bigint, situation varchar(20), "
    "users integer, fee bigint, first_points bigint, balance bigint, provisioned bigint, canceled bigint, "
    "leaving_day bigint, contract_day bigint, place integer, contact integer",
    "demo_situations": "number integer PRIMARY KEY, situation varchar(20)",
    "demo_users": "number integer PRIMARY KEY, users integer",
    "demo_months": "number integer PRIMARY KEY, months integer",
    "demo_places": "number integer PRIMARY KEY, prefecture varchar(10), city varchar(100), "
    "postal_code varchar(8)",
    "demo_contacts": "number integer PRIMARY KEY, contact_name varchar(100), search_key varchar(100)",
    "demo_companies": "number integer PRIMARY KEY, company_name varchar(120), search_key varchar(120)",
    "demo_due_days": "day bigint PRIMARY KEY, approval_due_on date",
    "demo_dates": "number integer PRIMARY KEY, billing_date date, cut bigint",
    "demo_payers": "number integer PRIMARY KEY, account_id bigint, administrator_id bigint, "
    "actor_name varchar(60)",
}
#: Number of the distributor in `demo_payers`; the MSPs are numbered from 0.
DISTRIBUTOR_NUMBER = -1


@dataclass(frozen=True)
class CustomerRange:
    """Customers between two positions, both included, who all came between the same two cuts.

    `skipped` of the demo's `date_count` 25ths lay before they came; the others have charged them.
    """

    first: int
    last: int
    skipped: int
    date_count: int

    @property
    def charged(self) -> int:
        """How many 25ths have charged each of them."""
        return self.date_count - self.skipped

    @property
    def condition(self) -> str:
        """The rows of the plan that belong to the range."""
        return f"p.position BETWEEN {self.first} AND {self.last}"


@dataclass(frozen=True)
class BulkSettings:
    """What is the same for all customers. Instants are seconds, days are days of Tokyo, both since 1970."""

    engine: str
    seed: int
    customer_count: int
    first_customer_id: int
    distributor_id: int
    support_id: int
    msp_count: int
    arrivals_begin: int
    arrival_seconds: int
    now: int
    last_cut: int
    price_version_id: int
    base_points: int
    included_user_count: int
    points_per_additional_user: int
    depth: int

    def instant(self, seconds: str) -> str:
        """Return seconds as the engine keeps instants."""
        if self.engine == "sqlite":
            return f"strftime('%Y-%m-%d %H\\:%M\\:%S.000000', {seconds}, 'unixepoch')"
        return f"to_timestamp({seconds})"

    def date(self, day: str) -> str:
        """Return a day as the engine keeps dates."""
        if self.engine == "sqlite":
            return f"date(({day}) * {_DAY}, 'unixepoch')"
        return f"(DATE '1970-01-01' + CAST({day} AS integer))"

    @staticmethod
    def day(seconds: str) -> str:
        """Return the day on which seconds fall."""
        return f"(({seconds} + {_TOKYO_OFFSET}) / {_DAY})"

    @property
    def empty_list(self) -> str:
        """An empty JSON list."""
        return "'[]'" if self.engine == "sqlite" else "CAST('[]' AS json)"

    def draw(self, what: str) -> str:
        """Return a large number ≥ 0 that the seed and the position alone decide."""
        offset = self.seed * 1_000_003 % _PRIME
        return f"((position * {_MULTIPLIERS[what]} + {offset}) % {_PRIME} / 97)"

    def chance(self, what: str, below: int) -> str:
        """Return a number from 0 to below a bound that the seed and the position alone decide."""
        return f"({self.draw(what)} % {below})"

    @property
    def fee(self) -> str:
        """The monthly fee of a number of users."""
        return (
            f"({self.base_points} + CASE WHEN users > {self.included_user_count} "
            f"THEN (users - {self.included_user_count}) * {self.points_per_additional_user} ELSE 0 END)"
        )


def plan_statement(s: BulkSettings, part: CustomerRange) -> str:
    """Return the statement that plans the customers of a range; `balance` is the one before a cancellation."""
    since = str(s.last_cut) if part.charged else "provisioned"
    return (
        # Put together from names of our own only.
        "INSERT INTO demo_plan (position, account_id, payer_id, situation, users, fee, first_points, balance, "  # nosec B608
        "provisioned, canceled, leaving_day, contract_day, place, contact) "
        f"WITH RECURSIVE positions(position) AS (SELECT CAST({part.first} AS bigint) UNION ALL "
        f"SELECT position + 1 FROM positions WHERE position < {part.last}), "
        f"drawn AS (SELECT position, situation, users, months, {s.fee} AS fee, "
        f"{s.arrivals_begin} + {s.arrival_seconds} * position / {s.customer_count} AS provisioned FROM positions "
        f"JOIN demo_situations s ON s.number = {s.chance('situation', len(MIXTURE))} "
        f"JOIN demo_users u ON u.number = {s.chance('users', len(USER_COUNTS))} "
        f"JOIN demo_months m ON m.number = {s.chance('points', len(SPARE_MONTHS))}), "
        f"given AS (SELECT drawn.*, {_first_points(s, part.charged)} AS first_points FROM drawn) "
        f"SELECT position, {s.first_customer_id} + position, y.account_id, situation, users, fee, first_points, "
        f"first_points - fee * {part.charged}, provisioned, "
        f"CASE WHEN situation = 'canceled' THEN {since} + ({s.now} - {since}) * 7 / 10 END, "
        f"CASE WHEN situation = 'scheduled' THEN {s.day(str(s.now))} + 2 + {s.chance('days', 198)} END, "
        f"{s.day('provisioned')} - {s.chance('days', 900)}, "
        f"{s.chance('place', len(PLACES))}, {s.chance('contact', len(PEOPLE))} "
        "FROM given JOIN demo_payers y ON y.number = "
        f"CASE WHEN position % 40 = 39 THEN {DISTRIBUTOR_NUMBER} ELSE position % {s.msp_count} END"
    )


def _first_points(s: BulkSettings, charged: int) -> str:
    """Return what was handed to a customer (≥ 0): what its situation needs after the 25ths that charged it."""
    paid, part_of_fee = f"fee * {charged}", f"{s.draw('points')} % fee"
    below = f"{paid} - 1 - {part_of_fee}" if charged else "0"
    return (
        f"CASE situation WHEN 'short' THEN {paid} + {part_of_fee} WHEN 'exact' THEN {paid} + fee "
        f"WHEN 'negative' THEN {below} ELSE {paid} + fee * months END"
    )
