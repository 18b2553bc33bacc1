"""Two whole tenant trees below one operator, alike row by row; every text bears the mark of its account.

The first tree is the demo's distributor with more people; the second is a copy of it whose numbers are OTHER
higher. Both are written by inserts into an empty database, since lines and events cannot be changed afterwards.
Tables that the demo leaves empty get a row for some accounts of each tree, whatever columns they have: a new table
is in the trees as soon as it is in the schema.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Date, String, Table, Text, select, text, update

from domain.inputs.text import search_key
from domain.lifecycle import AccountStatus
from domain.permissions import AccountType, AdminLevel
from models import Account, Administrator, ServiceUser, accounts, db, service_users
from models.base import EnumText, UtcDateTime
from services.demo import create_demo
from services.engines import is_postgresql
from services.transaction import transaction
from tests.support.marks import SHAPES, Mark, marked
from tests.support.tenant_tables import CODES, GIVEN, SHARED

#: What is added to a number of the first tree to get that of its twin.
OTHER = 5_000
CUSTOMERS = 40
#: People of the first tree beside the demo's: label → (whose account, level). A label ends a user name.
PEOPLE: Mapping[str, tuple[str, AdminLevel]] = {
    "distributor-contract": ("distributor", AdminLevel.CONTRACT),
    "distributor-system": ("distributor", AdminLevel.SYSTEM),
    "support-system": ("support", AdminLevel.SYSTEM),
    "msp-disabled": ("msp-a", AdminLevel.OVERALL),
    "msp-deleted": ("msp-a", AdminLevel.OVERALL),
    "msp-locked": ("msp-a", AdminLevel.OVERALL),
    "contract-b": ("msp-b", AdminLevel.CONTRACT),
    "operator-colleague": ("operator", AdminLevel.OVERALL),
    "distributor-colleague": ("distributor", AdminLevel.SYSTEM),
    "msp-colleague": ("msp-a", AdminLevel.SYSTEM),
    "support-colleague": ("support", AdminLevel.SYSTEM),
    "customer-colleague": ("customer-a", AdminLevel.SYSTEM),
}
#: How the words are made by which a row is found.
_SEARCHED: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "accounts": accounts.search_text_of,
    "service_users": service_users.search_text_of,
    "administrators": lambda row: search_key("\n".join((row["user_name"], row["full_name"], row["email"]))),
}
#: What is drawn at random or is a hash: another in the second tree, as it would be.
_DRAWN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HASH = re.compile(r"[0-9a-f]{64}")
Rows = dict[str, list[dict[str, Any]]]


def fill_trees(*, now: dt.datetime, password: str) -> None:
    """Write both trees into an empty database."""
    rows = _first_tree(now, password)
    writer = _TreeWriter(rows, now)
    with transaction():
        for table in db.metadata.sorted_tables:
            if found := writer.rows_of(table):
                db.session.execute(table.insert().execution_options(render_nulls=True), found)
        for number, applicant in writer.applicants.items():
            applied = update(Account).where(Account.id == number).values(applied_by_id=applicant)
            db.session.execute(applied)
        if is_postgresql():
            _number_on()


def is_text(column: Column[Any]) -> bool:
    """Tell whether words may stand in a column: a text or JSON, but no code of a list."""
    return isinstance(column.type, String | Text | JSON) and not isinstance(column.type, EnumText)


def _first_tree(now: dt.datetime, password: str) -> Rows:
    """Let the demo be written, read all of it, and take it back."""
    session = db.session()
    create_demo(customers=CUSTOMERS, msps=2, seed=1, password=password, brand_name="SingleID", now=now)
    _add_people(now)
    session.flush()
    rows = {
        table.name: [dict(row) for row in session.execute(_ordered(table)).mappings()]
        for table in db.metadata.sorted_tables
    }
    session.rollback()
    return rows


def _ordered(table: Table) -> Any:
    return select(table).order_by(*table.primary_key.columns)


def _add_people(now: dt.datetime) -> None:
    found = db.session.execute(select(Administrator.user_name, Administrator.account_id))
    owners = {row.user_name: row.account_id for row in found}
    hashed = db.session.scalar(select(Administrator.password_hash).limit(1))

    def add(label: str, account_id: int, level: AdminLevel, **more: Any) -> None:
        person = {"email": f"{label}@example.jp", "full_name": label, "created_at": now, "level": level}
        db.session.add(
            Administrator(user_name=label, account_id=account_id, password_hash=hashed, **{**person, **more})
        )

    for label, (owner, level) in PEOPLE.items():
        more: dict[str, Any] = {}
        if label.endswith(("disabled", "deleted")):
            more = {"is_disabled": True, "deleted_at": now if label.endswith("deleted") else None}
        if label.endswith("locked"):
            more = {"locked_until": now + dt.timedelta(hours=6)}
        add(label, owners[owner], level, **more)
    for number in sorted(set(owners.values())):
        # The demo registers users for customers alone.
        if number <= owners["support"]:
            user = {"user_name": "user", "full_name": "user", "created_at": now, "updated_at": now}
            db.session.add(ServiceUser(account_id=number, **user))
    customers = Account.account_type == AccountType.CUSTOMER
    for label, condition in {
        "customer-b": (Account.parent_id == owners["msp-b"]) & (Account.status == AccountStatus.ACTIVE),
        "customer-direct": Account.parent_id == owners["distributor"],
        "customer-suspended": Account.status == AccountStatus.SUSPENDED,
        "customer-canceled": Account.status == AccountStatus.CANCELED,
    }.items():
        customer = select(Account.id).where(customers, condition).order_by(Account.id).limit(1)
        customer_id = db.session.scalar(customer)
        if customer_id is not None:
            add(label, customer_id, AdminLevel.SYSTEM)


class _TreeWriter:
    """Copies the rows of the first tree for the second, fills what the demo leaves empty, and marks all of it."""

    def __init__(self, rows: Rows, now: dt.datetime) -> None:
        self._rows, self._now = rows, now
        self._operator = next(row["id"] for row in rows["accounts"] if row["parent_id"] is None)
        people = rows["administrators"]
        self._account_of_person = {row["id"]: row["account_id"] for row in people}
        self._person_of_account = {row["account_id"]: row["id"] for row in reversed(people)}
        self._account_of_name = {row["user_name"]: row["account_id"] for row in people}
        self._parents = {row["id"]: row["parent_id"] for row in rows["accounts"]}
        self.applicants: dict[int, int] = {}

    def rows_of(self, table: Table) -> list[dict[str, Any]]:
        """Return the rows of a table in both trees."""
        rows = self._rows[table.name]
        if table.name in SHARED:
            return _of_both_trees(table.name, rows)
        rows += list(self._made_up(table))
        both = []
        for row in rows:
            owner = self._owner(table, row)
            both.append(self._marked_row(table, row, owner, shift=0))
            if owner != self._operator:
                both.append(self._marked_row(table, self._twin(table, row), owner, shift=OTHER))
        if table.name == "accounts":
            # People come after their accounts; who applied is written when both are there.
            self.applicants = {row["id"]: row["applied_by_id"] for row in both if row["applied_by_id"]}
            both = [{**row, "applied_by_id": None} for row in both]
        return sorted(both, key=lambda row: [row[column.name] for column in table.primary_key.columns])

    def _owner(self, table: Table, row: Mapping[str, Any]) -> int:
        """Return the account that a row of the first tree belongs to."""
        if table.name == "accounts":
            return int(row["id"])
        for name in ("account_id", "scope_account_id"):
            if row.get(name):
                return int(row[name])
        return int(self._account_of_person[row["administrator_id"]])

    def _twin(self, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
        return {column.name: self._twin_value(column, row[column.name]) for column in table.columns}

    def _twin_value(self, column: Column[Any], value: Any) -> Any:
        if value is None:
            return None
        if column.foreign_keys or column.name == "id":
            return self._twin_number(column, value)
        if column.name == "account_number":
            return str(int(value) + 40_000_000)
        if isinstance(value, str) and _DRAWN.fullmatch(value):
            return str(uuid.uuid5(uuid.NAMESPACE_OID, value))
        return _hash(value) if isinstance(value, str) and _HASH.fullmatch(value) else value

    def _twin_number(self, column: Column[Any], value: int) -> int:
        while column.foreign_keys:
            column = next(iter(column.foreign_keys)).column
        table = column.table.name
        is_operators = table == "accounts" and value == self._operator
        if table == "administrators":
            is_operators = self._account_of_person[value] == self._operator
        return value if is_operators or table in SHARED else value + OTHER

    def _marked_row(self, table: Table, row: Mapping[str, Any], owner: int, *, shift: int) -> dict[str, Any]:
        values = dict(row)
        for column in table.columns:
            if is_text(column) and (table.name, column.name) not in CODES:
                values[column.name] = self._marked(column, owner, row[column.name], shift)
        if table.name in _SEARCHED:
            values["search_text"] = _SEARCHED[table.name](values)
        return values

    def _marked(self, column: Column[Any], owner: int, value: Any, shift: int) -> Any:
        shape, width = SHAPES.get(column.name, Mark.TEXT), getattr(column.type, "length", None)
        if shape is Mark.USER_NAME:
            # Who acted: the mark is that of the person's own account.
            owner = self._account_of_name.get(value, owner)
        number = owner + (shift if owner != self._operator else 0)
        if shape is Mark.USER_NAME:
            return marked(shape, number, value, width=width) if value else ""
        if isinstance(column.type, JSON):
            return {
                key: marked(Mark.TEXT, number, str(item)) for key, item in (value or {"remark": ""}).items()
            }
        return marked(shape, number, value or "", width=width)

    # What the demo leaves empty

    def _made_up(self, table: Table) -> Iterator[dict[str, Any]]:
        """Yield a row for each sample account in a table of tenants that is empty."""
        if self._rows[table.name]:
            return
        # Of what a person has but once (a second factor), accounts without people of their own get none.
        once = [column.name for column in table.columns if column.unique and column.foreign_keys]
        taken: set[tuple[Any, ...]] = set()
        for serial, owner in enumerate(self._sample_accounts(), start=1):
            row = self._row(table, owner, serial)
            key = tuple(row[name] for name in once)
            if not once or key not in taken:
                taken.add(key)
                yield row

    def _sample_accounts(self) -> list[int]:
        """Return the accounts that have people of their own, and a customer of each of them."""
        found = set(self._person_of_account)
        for parent in list(found):
            children = (child for child, above in self._parents.items() if above == parent)
            found |= set(list(children)[-1:])
        return sorted(found)

    def _row(self, table: Table, owner: int, serial: int) -> dict[str, Any]:
        row = {}
        for column in table.columns:
            given = GIVEN.get((table.name, column.name), ...)
            row[column.name] = self._value(column, owner, serial) if given is ... else given
        return row

    def _value(self, column: Column[Any], owner: int, serial: int) -> Any:
        if column.foreign_keys:
            return self._pointed_at(column, owner)
        if column.name == "id":
            return serial
        return _plain_value(column, f"{column.table.name}-{column.name}-{owner}", self._now)

    def _pointed_at(self, column: Column[Any], owner: int) -> int | None:
        while column.foreign_keys:
            column = next(iter(column.foreign_keys)).column
        table = column.table.name
        if table == "accounts":
            return owner
        if table == "administrators":
            above: int | None = owner
            while above is not None and above not in self._person_of_account:
                above = self._parents[above]
            return self._person_of_account[above or self._operator]
        rows = self._rows[table]
        mine = [row for row in rows if table not in SHARED and self._owner(column.table, row) == owner]
        return int((mine or rows)[0]["id"])


def _plain_value(column: Column[Any], text_of_it: str, now: dt.datetime) -> Any:
    """Return a value that the type of a column takes; None where it may be empty and is no text."""
    if isinstance(column.type, EnumText):
        return None if column.nullable else next(iter(column.type.enum))
    if isinstance(column.type, JSON):
        return [] if column.name.endswith("_keys") else {}
    if isinstance(column.type, String | Text):
        is_hash, is_id = column.name.endswith(("_hash", "_digest")), column.name.endswith("_id")
        if is_hash:
            return _hash(text_of_it)
        return str(uuid.uuid5(uuid.NAMESPACE_OID, text_of_it)) if is_id else text_of_it
    if column.nullable:
        return None
    if isinstance(column.type, Boolean):
        return False
    if isinstance(column.type, UtcDateTime):
        return now
    return now.date() if isinstance(column.type, Date) else 1


def _of_both_trees(name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return shared rows; those of runs count the accounts of both trees."""
    if name == "billing_runs":
        counted = ("account_count", "due_points", "done_count", "charged_points")
        return [{**row, **{column: 2 * row[column] for column in counted}} for row in rows]
    if name == "billing_chunks":
        ends = ("first_account_id", "last_account_id")
        count = max((row["number"] for row in rows), default=0)
        twins = [
            {**row, "number": row["number"] + count, **{end: row[end] + OTHER for end in ends}}
            for row in rows
        ]
        return rows + twins
    return rows


def _hash(text_of_it: str) -> str:
    return hashlib.sha256(text_of_it.encode()).hexdigest()


def _number_on() -> None:
    """PostgreSQL: let the next row of each table get an id behind those that were given here."""
    for table in db.metadata.sorted_tables:
        column = table.columns.get("id")
        if column is not None:
            db.session.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "
                    f"(SELECT COALESCE(max(id), 1) FROM {table.name}))"
                )
            )
