"""Keep who wants a second person from how many points on, and what waits for one."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
KINDS = ("addition", "return", "refill", "cancellation", "scheduled_cancellation", "rule_change")
MAILS_BEFORE = (
    "delivery_notice",
    "approval",
    "rejection",
    "cancellation_reminder",
    "suspension_warning",
    "administrator_registered",
    "password_link",
    "operator_alarm",
    "audit_head",
)
MAILS_ADDED = ("approval_request", "approval_decision")
STATES = ("open", "approved", "rejected", "withdrawn", "expired")


def upgrade() -> None:
    op.create_table(
        "four_eyes_rules",
        sa.Column("account_id", BIG, autoincrement=False, nullable=False),
        sa.Column("threshold_points", BIG, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("administrator_id", BIG, nullable=False),
        _check("four_eyes_rules", "threshold_positive", "threshold_points > 0"),
        _refers("four_eyes_rules", "account_id", "accounts"),
        _refers("four_eyes_rules", "administrator_id", "administrators"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_four_eyes_rules")),
    )
    op.create_table(
        "approval_requests",
        *_columns(),
        *_laws(),
        _refers("approval_requests", "account_id", "accounts"),
        _refers("approval_requests", "subject_account_id", "accounts"),
        _refers("approval_requests", "requester_id", "administrators"),
        _refers("approval_requests", "decided_by_id", "administrators"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_requests")),
        sa.UniqueConstraint("request_id", name=op.f("uq_approval_requests_request_id")),
    )
    op.create_index("ix_approval_requests_account_id", "approval_requests", ["account_id", "id"])
    op.create_index(
        "uq_approval_requests_open",
        "approval_requests",
        ["account_id", "subject_key", "expires_at"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    _allow_mails(MAILS_BEFORE + MAILS_ADDED)


def downgrade() -> None:
    op.execute(f"DELETE FROM outgoing_mails WHERE kind IN ({', '.join(map(repr, MAILS_ADDED))})")  # nosec B608
    _allow_mails(MAILS_BEFORE)
    op.drop_table("approval_requests")
    op.drop_table("four_eyes_rules")


def _allow_mails(kinds: tuple[str, ...]) -> None:
    with op.batch_alter_table("outgoing_mails") as mails:
        mails.drop_constraint(op.f("ck_outgoing_mails_kind_known"), type_="check")
        mails.create_check_constraint(
            op.f("ck_outgoing_mails_kind_known"), f"kind IN ({', '.join(map(repr, kinds))})"
        )


def _columns() -> list[sa.Column]:
    return [
        sa.Column("id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("subject_account_id", BIG, nullable=True),
        sa.Column("subject_key", sa.String(length=80), nullable=False),
        sa.Column("account_ids", sa.JSON(), nullable=False),
        sa.Column("asked_amounts", sa.JSON(), nullable=False),
        sa.Column("asked_points", BIG, nullable=False),
        sa.Column("remark", sa.String(length=500), nullable=True),
        sa.Column("scheduled_on", sa.Date(), nullable=True),
        sa.Column("as_far_as_possible", sa.Boolean(), nullable=False),
        sa.Column("old_threshold_points", BIG, nullable=True),
        sa.Column("new_threshold_points", BIG, nullable=True),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("requester_id", BIG, nullable=False),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("decided_by_id", BIG, nullable=True),
        sa.Column("rejection_reason", sa.String(length=1000), nullable=True),
        sa.Column("approved_points", BIG, nullable=True),
        sa.Column("moved_points", BIG, nullable=True),
    ]


def _laws() -> list[sa.CheckConstraint]:
    laws = {
        "kind_known": f"kind IN ({', '.join(map(repr, KINDS))})",
        "state_known": f"state IN ({', '.join(map(repr, STATES))})",
        "decided_has_instant": "(state = 'open') = (decided_at IS NULL)",
        "decided_by_somebody": (
            "state NOT IN ('approved', 'rejected', 'withdrawn') OR decided_by_id IS NOT NULL"
        ),
        "approved_by_another": "state <> 'approved' OR decided_by_id <> requester_id",
        "withdrawn_by_requester": "state <> 'withdrawn' OR decided_by_id = requester_id",
        "approved_in_time": "state <> 'approved' OR decided_at < expires_at",
        "approved_has_points": (
            "(state = 'approved') = (approved_points IS NOT NULL AND moved_points IS NOT NULL)"
        ),
        "moved_as_approved": "moved_points IS NULL OR moved_points <= approved_points",
        "rejected_has_reason": "(state = 'rejected') = (rejection_reason IS NOT NULL)",
    }
    return [_check("approval_requests", name, law) for name, law in laws.items()]


def _check(table: str, name: str, law: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(law, name=op.f(f"ck_{table}_{name}"))


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))
