"""Let administrators have a second factor, accounts require one, and sessions say when they were authenticated."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
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
    "operator_alarm",
    "audit_head",
    "approval_request",
    "approval_decision",
)
KINDS_ADDED = ("second_factor_changed",)


def upgrade() -> None:
    op.create_table(
        "second_factors",
        sa.Column("id", BIG, nullable=False),
        sa.Column("administrator_id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("sealed_secret", sa.String(length=500), nullable=False),
        sa.Column("last_used_step", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", INSTANT, nullable=False),
        *_of_a_person("second_factors"),
        sa.UniqueConstraint("administrator_id", name=op.f("uq_second_factors_administrator_id")),
    )
    op.create_index("ix_second_factors_account_id", "second_factors", ["account_id"], unique=False)
    op.create_table(
        "recovery_codes",
        sa.Column("id", BIG, nullable=False),
        sa.Column("administrator_id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        *_of_a_person("recovery_codes"),
        sa.UniqueConstraint("code_hash", name=op.f("uq_recovery_codes_code_hash")),
    )
    for column in ("administrator_id", "account_id"):
        op.create_index(f"ix_recovery_codes_{column}", "recovery_codes", [column], unique=False)
    required = sa.Column("requires_second_factor", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("accounts", required)
    op.add_column("sign_ins", sa.Column("authenticated_at", INSTANT, nullable=True))
    _allow_kinds(KINDS_BEFORE + KINDS_ADDED)
    if op.get_bind().dialect.name == "postgresql":
        for table in ("second_factors", "recovery_codes"):
            _keep_apart(table)


def _keep_apart(table: str) -> None:
    """Give a table the row policy of those that are read and written before anybody is signed in."""
    scope = "(SELECT current_setting('portal.scope', true))"
    account = "(SELECT nullif(current_setting('portal.account', true), '')::bigint)"
    seen = f"EXISTS (SELECT FROM accounts WHERE accounts.id = {table}.account_id)"  # nosec B608
    condition = f"{scope} IN ('everything', 'before_sign_in') OR ({account} IS NOT NULL AND {seen})"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY {table}_by_scope ON {table} USING ({condition})")


def downgrade() -> None:
    added = ", ".join(f"'{kind}'" for kind in KINDS_ADDED)
    op.execute(f"DELETE FROM outgoing_mails WHERE kind IN ({added})")  # nosec B608
    _allow_kinds(KINDS_BEFORE)
    op.drop_column("sign_ins", "authenticated_at")
    op.drop_column("accounts", "requires_second_factor")
    op.drop_table("recovery_codes")
    op.drop_table("second_factors")


def _of_a_person(table: str) -> tuple[sa.Constraint, ...]:
    """Return the keys of a table whose rows belong to an administrator."""
    return (
        sa.ForeignKeyConstraint(
            ["administrator_id"], ["administrators.id"], name=op.f(f"fk_{table}_administrator_id")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f(f"fk_{table}_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _allow_kinds(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("outgoing_mails") as mails:
        mails.drop_constraint(op.f("ck_outgoing_mails_kind_known"), type_="check")
        mails.create_check_constraint(op.f("ck_outgoing_mails_kind_known"), f"kind IN ({listed})")
