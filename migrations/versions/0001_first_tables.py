"""Create the first tables, and the triggers that keep ledger and audit append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("parent_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("privileged_msp_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("account_type", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("suspension_reason", sa.String(length=40), nullable=True),
        sa.Column("account_number", sa.String(length=8), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("company_name", sa.String(length=120), nullable=False),
        sa.Column("website_url", sa.String(length=300), nullable=True),
        sa.Column("phone_number", sa.String(length=20), nullable=False),
        sa.Column("postal_code", sa.String(length=8), nullable=False),
        sa.Column("prefecture", sa.String(length=10), nullable=False),
        sa.Column("city", sa.String(length=100), nullable=False),
        sa.Column("address_line", sa.String(length=200), nullable=True),
        sa.Column("contact_name", sa.String(length=100), nullable=True),
        sa.Column("contact_email", sa.String(length=254), nullable=True),
        sa.Column("industry", sa.String(length=60), nullable=True),
        sa.Column("reseller_company_name", sa.String(length=120), nullable=True),
        sa.Column("reseller_phone_number", sa.String(length=20), nullable=True),
        sa.Column("reseller_postal_code", sa.String(length=8), nullable=True),
        sa.Column("reseller_prefecture", sa.String(length=10), nullable=True),
        sa.Column("reseller_city", sa.String(length=100), nullable=True),
        sa.Column("reseller_address_line", sa.String(length=200), nullable=True),
        sa.Column("reseller_contact_name", sa.String(length=100), nullable=True),
        sa.Column("reseller_contact_email", sa.String(length=254), nullable=True),
        sa.Column("reseller_remark", sa.String(length=1000), nullable=True),
        sa.Column("contract_user_count", sa.Integer(), nullable=False),
        sa.Column("contract_date", sa.Date(), nullable=True),
        sa.Column("cancellation_date", sa.Date(), nullable=True),
        sa.Column("support_account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("hidden_menu_keys", sa.JSON(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("approval_due_on", sa.Date(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rejection_reason", sa.String(length=1000), nullable=True),
        sa.Column("provisioning_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provisioning_attempts", sa.Integer(), nullable=False),
        sa.Column("provisioning_error", sa.String(length=500), nullable=True),
        sa.Column("provisioning_next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provisioned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("canceled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(canceled_at IS NOT NULL) = (status = 'canceled')", name=op.f("ck_accounts_canceled_has_instant")
        ),
        sa.CheckConstraint(
            "(parent_id IS NULL) = (account_type = 'operator')",
            name=op.f("ck_accounts_only_operator_is_root"),
        ),
        sa.CheckConstraint(
            "(privileged_msp_id IS NULL) = (account_type IN ('operator', 'privileged_msp'))",
            name=op.f("ck_accounts_privileged_msp_above"),
        ),
        sa.CheckConstraint(
            "(suspension_reason IS NOT NULL) = (status = 'suspended')",
            name=op.f("ck_accounts_suspension_has_reason"),
        ),
        sa.CheckConstraint(
            "account_type IN ('operator', 'privileged_msp', 'msp', 'support', 'customer')",
            name=op.f("ck_accounts_account_type_known"),
        ),
        sa.CheckConstraint(
            "status IN ('pending_approval', 'approved', 'provisioning_failed', 'rejected', 'withdrawn', 'active', 'suspended', 'canceled')",
            name=op.f("ck_accounts_status_known"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('active', 'suspended', 'canceled') OR (account_number IS NOT NULL AND provisioned_at IS NOT NULL AND contract_date IS NOT NULL)",
            name=op.f("ck_accounts_running_is_provisioned"),
        ),
        sa.CheckConstraint(
            "account_number IS NULL OR length(account_number) = 8",
            name=op.f("ck_accounts_account_number_length"),
        ),
        sa.CheckConstraint(
            "contract_user_count BETWEEN 1 AND 1000000", name=op.f("ck_accounts_contract_user_count_range")
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["accounts.id"], name=op.f("fk_accounts_parent_id")),
        sa.ForeignKeyConstraint(
            ["privileged_msp_id"], ["accounts.id"], name=op.f("fk_accounts_privileged_msp_id")
        ),
        sa.ForeignKeyConstraint(
            ["support_account_id"], ["accounts.id"], name=op.f("fk_accounts_support_account_id")
        ),
        *_applied_by_key_on_sqlite(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("account_number", name=op.f("uq_accounts_account_number")),
    )
    op.create_index("ix_accounts_cancellation_date", "accounts", ["cancellation_date"], unique=False)
    op.create_index("ix_accounts_parent_id_id", "accounts", ["parent_id", "id"], unique=False)
    op.create_index("ix_accounts_privileged_msp_id_id", "accounts", ["privileged_msp_id", "id"], unique=False)
    op.create_index("ix_accounts_status_type", "accounts", ["status", "account_type"], unique=False)
    op.create_index(
        "ix_accounts_support_account_id_id", "accounts", ["support_account_id", "id"], unique=False
    )
    op.create_table(
        "billing_runs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("billing_date", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("account_count", sa.Integer(), nullable=False),
        sa.Column("done_count", sa.Integer(), nullable=False),
        sa.Column("charged_points", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "state IN ('running', 'done', 'partly_parked')", name=op.f("ck_billing_runs_state_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_runs")),
        sa.UniqueConstraint("billing_date", name=op.f("uq_billing_runs_billing_date")),
    )
    op.create_table(
        "portal_settings",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_portal_settings")),
    )
    op.create_table(
        "administrators",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_name", sa.String(length=60), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("full_name", sa.String(length=100), nullable=False),
        sa.Column("level", sa.String(length=40), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("failed_sign_in_count", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "deleted_at IS NULL OR is_disabled", name=op.f("ck_administrators_deleted_is_disabled")
        ),
        sa.CheckConstraint(
            "level IN ('overall', 'contract', 'system')", name=op.f("ck_administrators_level_known")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_administrators_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_administrators")),
        sa.UniqueConstraint("user_name", name=op.f("uq_administrators_user_name")),
    )
    op.create_index("ix_administrators_account_id", "administrators", ["account_id"], unique=False)
    op.create_index(
        "uq_administrators_email",
        "administrators",
        ["email"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "outgoing_mails",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recipient_name", sa.String(length=100), nullable=False),
        sa.Column("recipient_email", sa.String(length=254), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("body_text", sa.Text(), nullable=False),
        sa.Column("body_html", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(length=200), nullable=False),
        sa.Column("event_key", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(sent_at IS NOT NULL) = (state = 'sent')", name=op.f("ck_outgoing_mails_sent_has_instant")
        ),
        sa.CheckConstraint(
            "kind IN ('delivery_notice', 'approval', 'rejection', 'cancellation_reminder', 'suspension_warning', 'administrator_registered', 'password_link')",
            name=op.f("ck_outgoing_mails_kind_known"),
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'retrying', 'sent', 'bounced', 'kept')",
            name=op.f("ck_outgoing_mails_state_known"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_outgoing_mails_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_mails")),
        sa.UniqueConstraint(
            "event_key", "recipient_email", name=op.f("uq_outgoing_mails_event_key_recipient_email")
        ),
        sa.UniqueConstraint("message_id", name=op.f("uq_outgoing_mails_message_id")),
    )
    op.create_index("ix_outgoing_mails_account_id", "outgoing_mails", ["account_id", "id"], unique=False)
    op.create_index(
        "ix_outgoing_mails_due",
        "outgoing_mails",
        ["next_attempt_at", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('waiting', 'retrying')"),
        postgresql_where=sa.text("state IN ('waiting', 'retrying')"),
    )
    op.create_table(
        "point_balances",
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("point_balance", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_line_number", sa.Integer(), nullable=False),
        sa.Column("negative_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_closed", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(negative_since IS NOT NULL) = (point_balance < 0)",
            name=op.f("ck_point_balances_negative_has_instant"),
        ),
        sa.CheckConstraint(
            "NOT is_closed OR point_balance = 0", name=op.f("ck_point_balances_closed_is_zero")
        ),
        sa.CheckConstraint(
            "point_balance BETWEEN -1000000000000 AND 1000000000000", name=op.f("ck_point_balances_range")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_point_balances_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_point_balances")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_index(
        "ix_point_balances_negative_since",
        "point_balances",
        ["negative_since"],
        unique=False,
        sqlite_where=sa.text("negative_since IS NOT NULL"),
        postgresql_where=sa.text("negative_since IS NOT NULL"),
    )
    op.create_table(
        "audit_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("administrator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("actor_name", sa.String(length=60), nullable=False),
        sa.Column("remote_address", sa.String(length=45), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_audit_events_account_id")),
        sa.ForeignKeyConstraint(
            ["administrator_id"], ["administrators.id"], name=op.f("fk_audit_events_administrator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index("ix_audit_events_account_id", "audit_events", ["account_id", "id"], unique=False)
    op.create_index("ix_audit_events_recorded_at", "audit_events", ["recorded_at", "id"], unique=False)
    op.create_table(
        "cancellations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("scheduled_on", sa.Date(), nullable=True),
        sa.Column("consent_text", sa.String(length=300), nullable=False),
        sa.Column(
            "shown_top_up_points", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "shown_write_off_points", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("administrator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("executed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint(
            "executed_at IS NULL OR lifted_at IS NULL", name=op.f("ck_cancellations_executed_or_lifted")
        ),
        sa.CheckConstraint(
            "shown_top_up_points >= 0 AND shown_write_off_points >= 0",
            name=op.f("ck_cancellations_shown_not_negative"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_cancellations_account_id")),
        sa.ForeignKeyConstraint(
            ["administrator_id"], ["administrators.id"], name=op.f("fk_cancellations_administrator_id")
        ),
        sa.ForeignKeyConstraint(
            ["lifted_by_id"], ["administrators.id"], name=op.f("fk_cancellations_lifted_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cancellations")),
    )
    op.create_index("ix_cancellations_account_id", "cancellations", ["account_id", "id"], unique=False)
    op.create_index(
        "uq_cancellations_open",
        "cancellations",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text("lifted_at IS NULL"),
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "contract_user_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contract_user_count", sa.Integer(), nullable=False),
        sa.Column("administrator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint(
            "contract_user_count BETWEEN 1 AND 1000000", name=op.f("ck_contract_user_changes_count_range")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_contract_user_changes_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["administrator_id"],
            ["administrators.id"],
            name=op.f("fk_contract_user_changes_administrator_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract_user_changes")),
    )
    op.create_index(
        "ix_contract_user_changes_as_of",
        "contract_user_changes",
        ["account_id", "effective_at", "id"],
        unique=False,
    )
    op.create_table(
        "one_time_links",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("administrator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["administrator_id"], ["administrators.id"], name=op.f("fk_one_time_links_administrator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_one_time_links_token_hash")),
    )
    op.create_index(
        "ix_one_time_links_administrator_id", "one_time_links", ["administrator_id"], unique=False
    )
    op.create_table(
        "point_lines",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("points", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("balance_after", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("transfer_id", sa.String(length=36), nullable=True),
        sa.Column("request_id", sa.String(length=36), nullable=True),
        sa.Column("corrects_line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("billing_date", sa.Date(), nullable=True),
        sa.Column("administrator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("actor_name", sa.String(length=60), nullable=False),
        sa.Column("remark", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "(kind = 'monthly_fee') = (billing_date IS NOT NULL)",
            name=op.f("ck_point_lines_fee_has_billing_date"),
        ),
        sa.CheckConstraint(
            "corrects_line_id IS NOT NULL OR kind NOT IN ('monthly_fee', 'cancellation_write_off') OR points < 0",
            name=op.f("ck_point_lines_consumption_is_negative"),
        ),
        sa.CheckConstraint(
            "kind IN ('issue', 'addition', 'return', 'monthly_fee', 'cancellation_top_up', 'cancellation_write_off')",
            name=op.f("ck_point_lines_kind_known"),
        ),
        sa.CheckConstraint(
            "kind NOT IN ('addition', 'cancellation_top_up') OR transfer_id IS NOT NULL",
            name=op.f("ck_point_lines_handed_down_is_transfer"),
        ),
        sa.CheckConstraint("points <> 0", name=op.f("ck_point_lines_not_zero")),
        sa.CheckConstraint("points BETWEEN -1000000000 AND 1000000000", name=op.f("ck_point_lines_range")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["point_balances.account_id"], name=op.f("fk_point_lines_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["administrator_id"], ["administrators.id"], name=op.f("fk_point_lines_administrator_id")
        ),
        sa.ForeignKeyConstraint(
            ["corrects_line_id"], ["point_lines.id"], name=op.f("fk_point_lines_corrects_line_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_lines")),
        sa.UniqueConstraint("account_id", "line_number", name=op.f("uq_point_lines_account_id_line_number")),
    )
    op.create_index(
        "uq_point_lines_corrects_line_id",
        "point_lines",
        ["corrects_line_id"],
        unique=True,
        sqlite_where=sa.text("corrects_line_id IS NOT NULL"),
        postgresql_where=sa.text("corrects_line_id IS NOT NULL"),
    )
    op.create_index("ix_point_lines_recorded_at", "point_lines", ["recorded_at", "id"], unique=False)
    op.create_index(
        "ix_point_lines_transfer_id",
        "point_lines",
        ["transfer_id"],
        unique=False,
        sqlite_where=sa.text("transfer_id IS NOT NULL"),
        postgresql_where=sa.text("transfer_id IS NOT NULL"),
    )
    op.create_index(
        "uq_point_lines_monthly_fee",
        "point_lines",
        ["account_id", "billing_date"],
        unique=True,
        sqlite_where=sa.text("kind = 'monthly_fee' AND corrects_line_id IS NULL"),
        postgresql_where=sa.text("kind = 'monthly_fee' AND corrects_line_id IS NULL"),
    )
    op.create_table(
        "point_requests",
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("administrator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("body_digest", sa.String(length=64), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["administrator_id"], ["administrators.id"], name=op.f("fk_point_requests_administrator_id")
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_point_requests")),
    )
    op.create_table(
        "price_versions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_type", sa.String(length=40), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("base_points", sa.Integer(), nullable=False),
        sa.Column("included_user_count", sa.Integer(), nullable=False),
        sa.Column("points_per_additional_user", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("administrator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint(
            "account_type IN ('operator', 'privileged_msp', 'msp', 'support', 'customer')",
            name=op.f("ck_price_versions_account_type_known"),
        ),
        sa.CheckConstraint(
            "base_points >= 0 AND included_user_count >= 0 AND points_per_additional_user >= 0",
            name=op.f("ck_price_versions_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["administrator_id"], ["administrators.id"], name=op.f("fk_price_versions_administrator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_versions")),
        sa.UniqueConstraint(
            "account_type", "valid_from", name=op.f("uq_price_versions_account_type_valid_from")
        ),
    )
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("administrator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remote_address", sa.String(length=45), nullable=True),
        sa.Column("user_agent", sa.String(length=300), nullable=True),
        sa.Column("failed_count", sa.Integer(), nullable=False),
        sa.Column("portal_account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["administrator_id"], ["administrators.id"], name=op.f("fk_sign_ins_administrator_id")
        ),
        sa.ForeignKeyConstraint(
            ["portal_account_id"], ["accounts.id"], name=op.f("fk_sign_ins_portal_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_ins_token_hash")),
    )
    op.create_index("ix_sign_ins_administrator_id", "sign_ins", ["administrator_id"], unique=False)
    op.create_table(
        "billing_items",
        sa.Column("billing_date", sa.Date(), nullable=False),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("contract_user_count", sa.Integer(), nullable=False),
        sa.Column("price_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fee_points", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("parked_reason", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(state = 'parked') = (parked_reason IS NOT NULL)",
            name=op.f("ck_billing_items_parked_has_reason"),
        ),
        sa.CheckConstraint("state IN ('due', 'done', 'parked')", name=op.f("ck_billing_items_state_known")),
        sa.CheckConstraint("fee_points >= 0", name=op.f("ck_billing_items_fee_not_negative")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_billing_items_account_id")),
        sa.PrimaryKeyConstraint("billing_date", "account_id", name=op.f("pk_billing_items")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_billing_items_open",
        "billing_items",
        ["account_id", "billing_date", "depth"],
        unique=False,
        sqlite_where=sa.text("state <> 'done'"),
        postgresql_where=sa.text("state <> 'done'"),
    )
    _create_portal_tables()
    _create_triggers()


def _create_portal_tables() -> None:
    op.create_table(
        "service_users",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_name", sa.String(length=100), nullable=False),
        sa.Column("full_name", sa.String(length=100), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("department", sa.String(length=100), nullable=True),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_service_users_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_users")),
        sa.UniqueConstraint("account_id", "user_name", name=op.f("uq_service_users_account_id_user_name")),
    )
    op.create_index("ix_service_users_account_id_id", "service_users", ["account_id", "id"], unique=False)
    op.create_table(
        "menu_presets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("hidden_menu_keys", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_menu_presets_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menu_presets")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_menu_presets_account_id_name")),
    )
    op.create_table(
        "bounce_lifts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recipient_email", sa.String(length=254), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_bounce_lifts_account_id")),
        sa.ForeignKeyConstraint(
            ["lifted_by_id"], ["administrators.id"], name=op.f("fk_bounce_lifts_lifted_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bounce_lifts")),
    )
    op.create_index(
        "ix_bounce_lifts_account_id", "bounce_lifts", ["account_id", "recipient_email"], unique=False
    )


def _applied_by_key_on_sqlite() -> list[sa.ForeignKeyConstraint]:
    """SQLite takes no constraint later, and does not mind that the other table comes after this one."""
    if op.get_bind().dialect.name != "sqlite":
        return []
    return [
        sa.ForeignKeyConstraint(["applied_by_id"], ["administrators.id"], name="fk_accounts_applied_by_id")
    ]


APPEND_ONLY = ("point_lines", "audit_events")


def _create_triggers() -> None:
    """Refuse changes of the ledger and the audit, and of a closed balance, whoever asks."""
    if op.get_bind().dialect.name == "postgresql":
        _create_postgresql_triggers()
        return
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed or deleted'); END"
            )
    op.execute(
        "CREATE TRIGGER point_balances_refuse_closed BEFORE UPDATE ON point_balances WHEN OLD.is_closed "
        "BEGIN SELECT RAISE(ABORT, 'a closed balance takes no more lines'); END"
    )


def _create_postgresql_triggers() -> None:
    op.create_foreign_key(
        "fk_accounts_applied_by_id", "accounts", "administrators", ["applied_by_id"], ["id"]
    )
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME "
        "USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER point_balances_refuse_closed BEFORE UPDATE ON point_balances "
        "FOR EACH ROW WHEN (OLD.is_closed) EXECUTE FUNCTION refuse_change()"
    )


def _drop_triggers() -> None:
    """PostgreSQL: the function takes its triggers along; SQLite: each goes with its table."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("fk_accounts_applied_by_id", "accounts", type_="foreignkey")
        op.execute("DROP FUNCTION refuse_change() CASCADE")


TABLES = (
    "bounce_lifts",
    "menu_presets",
    "service_users",
    "billing_items",
    "sign_ins",
    "price_versions",
    "point_requests",
    "point_lines",
    "one_time_links",
    "contract_user_changes",
    "cancellations",
    "audit_events",
    "point_balances",
    "outgoing_mails",
    "administrators",
    "portal_settings",
    "billing_runs",
    "accounts",
)


def downgrade() -> None:
    _drop_triggers()
    for table in TABLES:
        op.drop_table(table)
