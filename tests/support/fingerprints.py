"""What a database holds, written so that two histories which came to the same are equal.

Numbers that the database drew are replaced by places: a transaction that was rolled back leaves a gap in a
sequence, and a gap is no difference. Everything else counts to the letter, but for what LEFT_OUT names.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table, inspect
from sqlalchemy.orm import Session

from models import db

#: The rows of each table as text, in the order of their numbers, else sorted.
Fingerprint = dict[str, list[str]]
#: First and last instant of the work that is watched.
Span = tuple[dt.datetime, dt.datetime]
ColumnName = tuple[str, str]

#: Columns that tell how a row came about and not what it is, each with the reason.
LEFT_OUT: Mapping[ColumnName, str] = {
    ("outgoing_mails", "message_id"): "drawn at random, once a mail; that it is unique the database sees to",
    ("billing_chunks", "worker_name"): "which process it was, out of any",
}
#: Stands for every instant within the span: work that is taken up again is done later than undisturbed work.
AT_WORK = "(at-work)"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d")


def fingerprint(
    session: Session,
    *,
    at_work: Span | None = None,
    left_out: Collection[ColumnName] = (),
    ordered: bool = True,
) -> Fingerprint:
    """Return what all tables hold; equal for two databases that nobody could tell apart.

    `at_work`: instants within it are equal to each other. `left_out`: further columns that do not count.
    `ordered` False: nor does the order in which rows were appended, as when several workers share the work.
    """
    there = set(inspect(session.connection()).get_table_names())
    tables = [table for table in db.metadata.sorted_tables if table.name in there]
    rows = {table.name: _rows(session, table) for table in tables}
    assert rows["accounts"], "a scope that shows no rows would make all databases equal"
    writer = _Writer(_places(rows), _transfers(rows["point_lines"]), at_work, ordered)
    ignored = {*LEFT_OUT, *left_out}
    found = {}
    for table in tables:
        columns = [column for column in table.columns if (table.name, column.name) not in ignored]
        texts = [writer.row(columns, row) for row in rows[table.name]]
        found[table.name] = texts if ordered and _is_numbered(table) else sorted(texts)
    return found


def differences(expected: Fingerprint, found: Fingerprint) -> list[str]:
    """Return the rows that only one of two fingerprints has: `table − row` is missing, `table + row` too many."""
    told = []
    for name in sorted(expected.keys() | found.keys()):
        wanted, held = expected.get(name, []), found.get(name, [])
        if wanted != held:
            missing, surplus = _less(wanted, held), _less(held, wanted)
            told += [f"{name} − {row}" for row in missing] + [f"{name} + {row}" for row in surplus]
            told += [f"{name}: the same rows in another order"] if not missing and not surplus else []
    return told


def _less(rows: list[str], others: list[str]) -> list[str]:
    return list((Counter(rows) - Counter(others)).elements())


def _rows(session: Session, table: Table) -> list[Mapping[str, Any]]:
    statement = table.select().order_by(*table.primary_key.columns)
    return [dict(row) for row in session.execute(statement).mappings()]


def _is_numbered(table: Table) -> bool:
    return "id" in table.columns


def _places(rows: Mapping[str, list[Mapping[str, Any]]]) -> dict[str, dict[int, int]]:
    """Return for each table with numbers of its own: number → place, counted from 1."""
    return {
        name: {row["id"]: place for place, row in enumerate(found, 1)}
        for name, found in rows.items()
        if found and "id" in found[0]
    }


def _transfers(lines: list[Mapping[str, Any]]) -> dict[str, str]:
    """Name each transfer, whose own name is drawn at random, for the first of its lines."""
    named: dict[str, str] = {}
    for line in sorted(lines, key=lambda row: (row["account_id"], row["line_number"])):
        if line["transfer_id"] is not None:
            named.setdefault(line["transfer_id"], f"of line {line['account_id']}/{line['line_number']}")
    return named


@dataclass(frozen=True)
class _Writer:
    places: Mapping[str, Mapping[int, int]]
    transfers: Mapping[str, str]
    at_work: Span | None
    ordered: bool

    def row(self, columns: Collection[Column[Any]], row: Mapping[str, Any]) -> str:
        return " ".join(f"{column.name}={self.value(column, row[column.name])}" for column in columns)

    def value(self, column: Column[Any], value: Any) -> str:
        if value is None:
            return "-"
        numbered = _numbered_table(column)
        if numbered is not None and numbered in self.places:
            is_appended = numbered in ("point_lines", "audit_events", "outgoing_mails")
            return str(self.places[numbered][value]) if self.ordered or not is_appended else "#"
        if column.name == "transfer_id":
            return self.transfers[value]
        if isinstance(value, dt.datetime):
            return self.instant(value)
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
        return _INSTANT.sub(lambda found: self.instant(dt.datetime.fromisoformat(found[0])), text)

    def instant(self, instant: dt.datetime) -> str:
        if self.at_work is not None and self.at_work[0] <= instant <= self.at_work[1]:
            return AT_WORK
        return instant.astimezone(dt.UTC).isoformat()


def _numbered_table(column: Column[Any]) -> str | None:
    """Return the table whose numbers a column holds: its own, or the one that it points to in the end."""
    while column.foreign_keys:
        column = next(iter(column.foreign_keys)).column
    return column.table.name if column.name == "id" else None
