"""Let workers share a run by its chunks, a run stop for review, and rehearsals be kept."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
STATES_NOW = "state IN ('running', 'review', 'done', 'partly_parked')"
STATES_BEFORE = "state IN ('running', 'done', 'partly_parked')"


def upgrade() -> None:
    with op.batch_alter_table("billing_runs") as runs:
        runs.add_column(sa.Column("due_points", BIG, nullable=False, server_default="0"))
        runs.add_column(sa.Column("released_at", INSTANT, nullable=True))
        runs.add_column(sa.Column("released_by_id", BIG, nullable=True))
        runs.add_column(
            sa.Column("released_by_name", sa.String(length=60), nullable=False, server_default="")
        )
        runs.create_foreign_key(
            op.f("fk_billing_runs_released_by_id"), "administrators", ["released_by_id"], ["id"]
        )
        runs.drop_constraint(op.f("ck_billing_runs_state_known"), type_="check")
        runs.create_check_constraint(op.f("ck_billing_runs_state_known"), STATES_NOW)
        runs.create_check_constraint(
            op.f("ck_billing_runs_finished_has_instant"),
            "(state IN ('done', 'partly_parked')) = (finished_at IS NOT NULL)",
        )
    op.execute("UPDATE billing_runs SET due_points = charged_points")
    with op.batch_alter_table("billing_runs") as runs:
        runs.alter_column("due_points", server_default=None)
        runs.alter_column("released_by_name", server_default=None)
    _create_chunks()
    # A run that is under way goes on: what is due of it becomes one chunk a level.
    op.execute(
        "INSERT INTO billing_chunks (run_id, number, depth, first_account_id, last_account_id, account_count, "
        "due_points, charged_count, charged_points, parked_count, worker_name) "
        "SELECT r.id, 4 - i.depth, i.depth, min(i.account_id), max(i.account_id), count(*), sum(i.fee_points), "
        "0, 0, 0, '' FROM billing_runs r JOIN billing_items i ON i.billing_date = r.billing_date "
        "WHERE i.state = 'due' AND r.state = 'running' GROUP BY r.id, i.depth"
    )
    _create_rehearsals()
    op.drop_index("ix_billing_items_open", table_name="billing_items")
    op.create_index(
        "ix_billing_items_parked",
        "billing_items",
        ["account_id"],
        unique=False,
        sqlite_where=sa.text("state = 'parked'"),
        postgresql_where=sa.text("state = 'parked'"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE billing_items SET (fillfactor = 50)")


def _create_chunks() -> None:
    op.create_table(
        "billing_chunks",
        sa.Column("run_id", BIG, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("first_account_id", BIG, nullable=False),
        sa.Column("last_account_id", BIG, nullable=False),
        sa.Column("account_count", sa.Integer(), nullable=False),
        sa.Column("due_points", BIG, nullable=False),
        sa.Column("done_at", INSTANT, nullable=True),
        sa.Column("charged_count", sa.Integer(), nullable=False),
        sa.Column("charged_points", BIG, nullable=False),
        sa.Column("parked_count", sa.Integer(), nullable=False),
        sa.Column("worker_name", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["billing_runs.id"], name=op.f("fk_billing_chunks_run_id")),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_billing_chunks")),
    )
    op.create_index(
        "ix_billing_chunks_open",
        "billing_chunks",
        ["run_id", "number"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )


def _create_rehearsals() -> None:
    op.create_table(
        "billing_rehearsals",
        sa.Column("id", BIG, nullable=False),
        sa.Column("billing_date", sa.Date(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("administrator_id", BIG, nullable=True),
        sa.Column("actor_name", sa.String(length=60), nullable=False),
        sa.Column("scope_account_id", BIG, nullable=False),
        sa.Column("is_of_chosen", sa.Boolean(), nullable=False),
        sa.Column("account_count", sa.Integer(), nullable=False),
        sa.Column("fee_points", BIG, nullable=False),
        sa.Column("negative_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["administrator_id"], ["administrators.id"], name=op.f("fk_billing_rehearsals_administrator_id")
        ),
        sa.ForeignKeyConstraint(
            ["scope_account_id"], ["accounts.id"], name=op.f("fk_billing_rehearsals_scope_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_rehearsals")),
    )
    op.create_index(
        "ix_billing_rehearsals_billing_date", "billing_rehearsals", ["billing_date", "id"], unique=False
    )
    op.create_table(
        "billing_rehearsal_items",
        sa.Column("rehearsal_id", BIG, autoincrement=False, nullable=False),
        sa.Column("account_id", BIG, autoincrement=False, nullable=False),
        sa.Column("contract_user_count", sa.Integer(), nullable=False),
        sa.Column("price_version_id", BIG, nullable=False),
        sa.Column("fee_points", BIG, nullable=False),
        sa.Column("earlier_fee_points", BIG, nullable=False),
        sa.Column("balance_after", BIG, nullable=False),
        sa.Column("last_line_number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_billing_rehearsal_items_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["rehearsal_id"],
            ["billing_rehearsals.id"],
            name=op.f("fk_billing_rehearsal_items_rehearsal_id"),
        ),
        sa.PrimaryKeyConstraint("rehearsal_id", "account_id", name=op.f("pk_billing_rehearsal_items")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_index("ix_billing_items_parked", table_name="billing_items")
    op.create_index(
        "ix_billing_items_open",
        "billing_items",
        ["account_id", "billing_date", "depth"],
        unique=False,
        sqlite_where=sa.text("state <> 'done'"),
        postgresql_where=sa.text("state <> 'done'"),
    )
    for table in ("billing_rehearsal_items", "billing_rehearsals", "billing_chunks"):
        op.drop_table(table)
    # A run that waits for its release goes on by itself under the program of before.
    op.execute("UPDATE billing_runs SET state = 'running' WHERE state = 'review'")
    with op.batch_alter_table("billing_runs") as runs:
        runs.drop_constraint(op.f("fk_billing_runs_released_by_id"), type_="foreignkey")
        for name in ("ck_billing_runs_state_known", "ck_billing_runs_finished_has_instant"):
            runs.drop_constraint(op.f(name), type_="check")
        for column in ("due_points", "released_at", "released_by_id", "released_by_name"):
            runs.drop_column(column)
        runs.create_check_constraint(op.f("ck_billing_runs_state_known"), STATES_BEFORE)
