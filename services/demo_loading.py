"""How PostgreSQL takes millions of rows at once: keys and indexes are built afterwards, and checked over all rows.

So PostgreSQL's manual advises for a database that was empty (Populating a Database). No key is named here: what is
taken away is read from the catalog and put back as it was, in the same transaction; a row that breaks a key then
undoes everything. Triggers and checks of single rows stay all the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from models import db
from services.engines import is_postgresql

#: Tables that get millions of rows; of the first two, nothing is read meanwhile.
WRITE_ONLY = ["point_lines", "billing_items"]
LOADED = [*WRITE_ONLY, "accounts", "contract_user_changes", "point_balances", "cancellations"]
#: Only the owner may take keys away; for another role the same rows are written, slower.
_MAY_ALTER = (
    "SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_class "
    "WHERE oid = ANY (CAST(:loaded AS regclass[]))"
)
#: Statements that take away, and those that put back: foreign keys, then the keys that they refer to, then indexes.
_FOUND = (
    "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', CAST(conrelid AS regclass), conname), "
    "format('ALTER TABLE %s ADD CONSTRAINT %I %s', CAST(conrelid AS regclass), conname, "
    "pg_get_constraintdef(oid)) FROM pg_constraint "
    "WHERE contype = 'f' AND conrelid = ANY (CAST(:loaded AS regclass[])) ORDER BY conname",
    "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', CAST(conrelid AS regclass), conname), "
    "format('ALTER TABLE %s ADD CONSTRAINT %I %s', CAST(conrelid AS regclass), conname, "
    "pg_get_constraintdef(oid)) FROM pg_constraint "
    "WHERE contype IN ('p', 'u') AND conrelid = ANY (CAST(:write_only AS regclass[])) ORDER BY conname",
    "SELECT format('DROP INDEX %s', CAST(indexrelid AS regclass)), pg_get_indexdef(indexrelid) FROM pg_index "
    "WHERE indrelid = ANY (CAST(:loaded AS regclass[])) "
    "AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid) ORDER BY indexrelid",
)
#: For this transaction: room to sort what an index of millions of rows is built from.
_ROOM = "SET LOCAL maintenance_work_mem = '256MB'"


@contextmanager
def loading() -> Iterator[None]:
    """Let a block write millions of rows into tables that are as good as empty; on SQLite nothing is different."""
    if not is_postgresql():
        yield
        return
    tables = {"loaded": LOADED, "write_only": WRITE_ONLY}
    pairs: list[tuple[str, str]] = []
    if db.session.execute(text(_MAY_ALTER), {"loaded": LOADED}).scalar_one():
        for query in _FOUND:
            wanted = {name: tables[name] for name in tables if f":{name} " in query}
            pairs.extend((off, on) for off, on in db.session.execute(text(query), wanted))
    _run([_ROOM, *(off for off, _on in pairs)])
    yield
    _run([on for _off, on in reversed(pairs)])
    # Else the planner would take the tables for empty until the server looks at them.
    _run([f"ANALYZE {table}" for table in LOADED])


def _run(statements: list[str]) -> None:
    """Run statements of the catalog's, in which colons and percent signs mean themselves."""
    connection = db.session.connection()
    for statement in statements:
        connection.exec_driver_sql(statement.replace("%", "%%"))
