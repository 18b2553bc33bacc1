"""Let each lock after another be longer: keep how many came one after the other."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "administrators",
        sa.Column("consecutive_lock_count", sa.Integer(), nullable=False, server_default=sa.text("0")),
    )


def downgrade() -> None:
    op.drop_column("administrators", "consecutive_lock_count")
