"""The two PostgreSQL roles: the owner of the schema, and the application's, which owns nothing.

Only held apart do the row policies bind the application: they do not bind a superuser, and the owner, who has to
migrate and to search, is let through by a policy of its own. With one role for both the policies, which are
forced, bind it; then the search does without its index.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import Connection, inspect, text

#: Lines, events and seals are appended; that they are never changed is refused by trigger, too.
APPEND_ONLY = ("audit_events", "audit_seals", "point_lines")
_OWNERS_POLICY = "owner_everything"


class Protection(StrEnum):
    """What the row policies do for the application's connections."""

    #: SQLite: there are none.
    NONE = "none"
    BYPASSED = "bypassed"
    #: The application owns the schema: bound by the policies, but free to take them away.
    OWNER = "owner"
    BOUND = "bound"


def settle(connection: Connection, *, application_role: str | None) -> None:
    """Give the application's role what it needs and the owner, who is connected, what the owner needs.

    Called after each upgrade, so that new tables are the application's, too. Nothing happens on SQLite or with
    one role for both.
    """
    if connection.dialect.name != "postgresql" or not application_role:
        return
    owner = connection.exec_driver_sql("SELECT current_user").scalar_one()
    if application_role == owner:
        return
    application, schema_owner = _quoted(connection, application_role), _quoted(connection, owner)
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {application}")
    connection.exec_driver_sql(
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {application}"
    )
    # UPDATE: demo data are written with numbers of their own, and the sequences set behind them.
    connection.exec_driver_sql(f"GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {application}")
    for table in set(APPEND_ONLY) & set(inspect(connection).get_table_names()):
        connection.exec_driver_sql(f"REVOKE UPDATE, DELETE ON {table} FROM {application}")
    without = text(
        "SELECT c.relname FROM pg_class c WHERE c.relrowsecurity AND c.relnamespace = 'public'::regnamespace "
        "AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = :policy)"
    )
    for table in connection.execute(without, {"policy": _OWNERS_POLICY}).scalars().all():
        connection.exec_driver_sql(
            f"CREATE POLICY {_OWNERS_POLICY} ON {table} TO {schema_owner} USING (true)"
        )


def protection(connection: Connection) -> Protection:
    """Return what the row policies do for the role that is connected."""
    if connection.dialect.name != "postgresql":
        return Protection.NONE
    row = connection.exec_driver_sql(
        "SELECT r.rolsuper OR r.rolbypassrls AS bypasses, c.relowner = r.oid AS owns, "
        "c.relrowsecurity AND c.relforcerowsecurity AS is_forced, "
        "EXISTS (SELECT FROM pg_policies p WHERE p.tablename = 'accounts' AND r.rolname = ANY (p.roles)) "
        "AS is_let_through FROM pg_roles r, pg_class c "
        "WHERE r.rolname = current_user AND c.oid = 'public.accounts'::regclass"
    ).one()
    if row.bypasses or row.is_let_through or not row.is_forced:
        return Protection.BYPASSED
    return Protection.OWNER if row.owns else Protection.BOUND


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)
