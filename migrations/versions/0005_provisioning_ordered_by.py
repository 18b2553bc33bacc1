"""Keep with an account who ordered its provisioning, so that his right can be looked at when it is done."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COLUMN = "provisioning_requested_by_id"
KEY = "CONSTRAINT fk_accounts_provisioning_requested_by_id REFERENCES administrators (id)"


def upgrade() -> None:
    # In plain SQL: Alembic would build the table anew on SQLite, which drops its triggers.
    kind = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    op.execute(f"ALTER TABLE accounts ADD COLUMN {COLUMN} {kind} {KEY}")


def downgrade() -> None:
    op.execute(f"ALTER TABLE accounts DROP COLUMN {COLUMN}")
