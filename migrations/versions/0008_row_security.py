"""PostgreSQL: let the database itself keep each tenant's rows apart, and search through an index nevertheless.

Every statement runs under a scope that its transaction has set (services/row_scope.py): `portal.scope` says how
far it reaches, `portal.account` whose rows those are. Without one there are no rows.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# In sub-selects of their own: read once a statement, not once a row.
SCOPE = "(SELECT current_setting('portal.scope', true))"
ACCOUNT = "(SELECT nullif(current_setting('portal.account', true), '')::bigint)"
# Not an OR over the columns: no plan shall begin here instead of at the query's own condition.
BELONGS = f"{ACCOUNT} IN (id, parent_id, privileged_msp_id, support_account_id)"

ACCOUNT_COLUMNS = {
    "administrators": "account_id",
    "approval_requests": "account_id",
    "audit_events": "account_id",
    "billing_items": "account_id",
    "billing_rehearsals": "scope_account_id",
    "billing_rehearsal_items": "account_id",
    "bounce_lifts": "account_id",
    "cancellations": "account_id",
    "contract_user_changes": "account_id",
    "four_eyes_rules": "account_id",
    "menu_presets": "account_id",
    "outgoing_mails": "account_id",
    "point_balances": "account_id",
    "point_lines": "account_id",
    "service_users": "account_id",
}
OF_ADMINISTRATORS = ("one_time_links", "point_requests", "sign_ins")
BEFORE_SIGN_IN = ("administrators", "audit_events", "one_time_links", "outgoing_mails", "sign_ins")
LONGEST_SEARCH = 10_001


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    _protect("accounts", f"{SCOPE} = 'everything' OR {BELONGS}")
    op.execute(
        f"CREATE POLICY accounts_before_sign_in ON accounts FOR SELECT USING ({SCOPE} = 'before_sign_in')"
    )
    for table, column in ACCOUNT_COLUMNS.items():
        # The rows of accounts in the sub-select are those that their own policy shows.
        seen = f"EXISTS (SELECT FROM accounts WHERE accounts.id = {table}.{column})"  # nosec B608
        _protect(table, _within(table, seen))
    for table in OF_ADMINISTRATORS:
        seen = f"EXISTS (SELECT FROM administrators WHERE administrators.id = {table}.administrator_id)"  # nosec B608
        _protect(table, _within(table, seen))
    _name_accounts()
    _search_accounts()


def _protect(table: str, condition: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY {table}_by_scope ON {table} USING ({condition})")


def _within(table: str, seen: str) -> str:
    whole = "IN ('everything', 'before_sign_in')" if table in BEFORE_SIGN_IN else "= 'everything'"
    return f"{SCOPE} {whole} OR ({ACCOUNT} IS NOT NULL AND {seen})"


def _name_accounts() -> None:
    """会社名 of accounts above or beside one's own, which their policy hides: the name, nothing else."""
    _name_function("portal_company_name", "SELECT company_name FROM accounts WHERE id = wanted")
    _name_function(
        "portal_employer_name",
        "SELECT a.company_name FROM accounts a JOIN administrators p ON p.account_id = a.id WHERE p.id = wanted",
    )


def _name_function(name: str, query: str) -> None:
    """Widen the scope for one query: it works for whoever owns the schema, let through by a policy or not."""
    op.execute(
        f"""
        CREATE FUNCTION {name}(wanted bigint) RETURNS text LANGUAGE plpgsql SET search_path = public AS $$
        DECLARE
            reach text := coalesce(current_setting('portal.scope', true), '');
            found text;
        BEGIN
            PERFORM set_config('portal.scope', 'everything', true);
            found := ({query});
            PERFORM set_config('portal.scope', reach, true);
            RETURN found;
        END $$
        """
    )


def _search_accounts() -> None:
    """The ids of the accounts whose search text holds every pattern, and that the scope shows: 10,001 at most.

    Under a row policy a trigram index is not used for LIKE, which might leak what it compares. The owner is not
    held by the policies, so this function, which is the owner's, uses the index and applies the scope itself.
    """
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_index(
        "ix_accounts_search_text",
        "accounts",
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.execute(
        f"""
        CREATE FUNCTION portal_search_accounts(patterns text[]) RETURNS SETOF bigint
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public AS $$
        DECLARE
            reach text := current_setting('portal.scope', true);
            account bigint := nullif(current_setting('portal.account', true), '')::bigint;
            matching text := '';
            pattern text;
        BEGIN
            IF reach IS DISTINCT FROM 'everything' AND account IS NULL THEN
                RETURN;
            END IF;
            FOREACH pattern IN ARRAY patterns LOOP
                matching := matching || format(' AND search_text LIKE %L ESCAPE ''!''', pattern);
            END LOOP;
            IF reach IS DISTINCT FROM 'everything' THEN
                matching := matching || format(
                    ' AND %s IN (id, parent_id, privileged_msp_id, support_account_id)', account
                );
            END IF;
            RETURN QUERY EXECUTE 'SELECT id FROM accounts WHERE true' || matching || ' LIMIT {LONGEST_SEARCH}';
        END $$
        """  # nosec B608
    )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DROP FUNCTION portal_search_accounts(text[])")
    op.execute("DROP FUNCTION portal_employer_name(bigint)")
    op.execute("DROP FUNCTION portal_company_name(bigint)")
    op.drop_index("ix_accounts_search_text", table_name="accounts")
    op.execute("DROP POLICY accounts_before_sign_in ON accounts")
    for table in ("accounts", *ACCOUNT_COLUMNS, *OF_ADMINISTRATORS):
        op.execute(f"DROP POLICY {table}_by_scope ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
