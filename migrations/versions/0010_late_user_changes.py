"""Find what changed after a cut without reading every change there ever was: each page of a run asks for it."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

NAME = "ix_contract_user_changes_effective_at"


def upgrade() -> None:
    op.create_index(NAME, "contract_user_changes", ["effective_at"])


def downgrade() -> None:
    op.drop_index(NAME, "contract_user_changes")
