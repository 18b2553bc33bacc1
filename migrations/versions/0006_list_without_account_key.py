"""Spare a run's list the look at each account: on PostgreSQL it locked them all, and cost a fifth of the run.

The list is written from the accounts themselves, in one statement; an account with a balance cannot be deleted; and
the ledger's checks ask for the account of every item.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NAME = "fk_billing_items_account_id"


def upgrade() -> None:
    # SQLite looks by row number, for next to nothing, and could drop the key only with the whole table.
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(NAME, "billing_items", type_="foreignkey")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.create_foreign_key(NAME, "billing_items", "accounts", ["account_id"], ["id"])
