"""Seal the audit events into a chain, keep the checks of the invariants and the workers' beats, mail alarms."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
KINDS_BEFORE = (
    "delivery_notice",
    "approval",
    "rejection",
    "cancellation_reminder",
    "suspension_warning",
    "administrator_registered",
    "password_link",
)
KINDS_ADDED = ("operator_alarm", "audit_head")


def upgrade() -> None:
    op.create_table(
        "audit_seals",
        sa.Column("number", BIG, autoincrement=False, nullable=False),
        sa.Column("event_id", BIG, nullable=False),
        sa.Column("sealed_at", INSTANT, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["audit_events.id"], name=op.f("fk_audit_seals_event_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_seals")),
        sa.UniqueConstraint("event_id", name=op.f("uq_audit_seals_event_id")),
    )
    _refuse_changes_of_seals()
    op.create_table(
        "verifications",
        sa.Column("id", BIG, nullable=False),
        sa.Column("verified_at", INSTANT, nullable=False),
        sa.Column("duration_ms", BIG, nullable=False),
        sa.Column("check_count", sa.Integer(), nullable=False),
        sa.Column("seal_count", BIG, nullable=False),
        sa.Column("is_whole_chain", sa.Boolean(), nullable=False),
        sa.Column("broken", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verifications")),
    )
    op.create_index("ix_verifications_verified_at", "verifications", ["verified_at", "id"], unique=False)
    op.create_table(
        "worker_beats",
        sa.Column("worker_name", sa.String(length=120), nullable=False),
        sa.Column("beat_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("worker_name", name=op.f("pk_worker_beats")),
    )
    _allow_kinds(KINDS_BEFORE + KINDS_ADDED)


def downgrade() -> None:
    added = ", ".join(f"'{kind}'" for kind in KINDS_ADDED)
    # Put together from names of our own only.
    op.execute(f"DELETE FROM outgoing_mails WHERE kind IN ({added})")  # nosec B608
    _allow_kinds(KINDS_BEFORE)
    for table in ("worker_beats", "verifications", "audit_seals"):
        op.drop_table(table)


def _allow_kinds(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("outgoing_mails") as mails:
        mails.drop_constraint(op.f("ck_outgoing_mails_kind_known"), type_="check")
        mails.create_check_constraint(op.f("ck_outgoing_mails_kind_known"), f"kind IN ({listed})")


def _refuse_changes_of_seals() -> None:
    """As of the events themselves: whoever asks."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER audit_seals_append_only BEFORE UPDATE OR DELETE ON audit_seals "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            "CREATE TRIGGER audit_seals_refuse_truncate BEFORE TRUNCATE ON audit_seals "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_seals_refuse_{verb.lower()} BEFORE {verb} ON audit_seals "
            "BEGIN SELECT RAISE(ABORT, 'rows of audit_seals are never changed or deleted'); END"
        )
