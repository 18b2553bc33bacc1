"""Run migrations as the schema's owner, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection, create_engine, make_url, pool

from models import db
from models.base import EnumText, UtcDateTime
from services import database_roles


def render_item(kind: str, item: Any, autogen_context: Any) -> str | bool:
    """Write our own column types into a migration as what they are in the database."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, EnumText):
        return "sa.String(length=40)"
    return False


def is_compared(item: Any, name: str | None, kind: str, is_reflected: bool, other: Any) -> bool:
    """Leave out, when models and schema are compared, what another engine alone has."""
    only_on = getattr(item, "info", {}).get("only_on")
    return only_on in (None, context.get_context().dialect.name)


def owner_url() -> str:
    """Return the address of the schema's owner, or the application's when there is no other."""
    settings = current_app.extensions.get("settings")
    return str(settings.database_owner_url or settings.database_url) if settings else _application_url()


def _application_url() -> str:
    return db.engine.url.render_as_string(hide_password=False)


def run(connection: Connection) -> None:
    """Upgrade in one transaction; on SQLite without foreign keys, since re-creating a table drops it."""
    if connection.dialect.name == "sqlite":
        # On the driver's connection: inside a transaction, which SQLAlchemy would begin, it does nothing.
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_item=render_item,
        include_object=is_compared,
        render_as_batch=False,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
        database_roles.settle(connection, application_role=make_url(_application_url()).username)


if context.is_offline_mode():
    context.configure(url=owner_url(), target_metadata=db.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = create_engine(owner_url(), poolclass=pool.NullPool, execution_options={"write": True})
    with engine.connect() as connection:
        run(connection)
