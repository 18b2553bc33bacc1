"""The statements of `services.demo_bulk` that fill the tables from the plan, each for the customers of one range."""
# ruff: noqa: S608 - what is filled in are names and whole numbers of our own.

from __future__ import annotations

from domain.inputs.text import search_key
from services.cancellations import CONSENT_TEXT
from services.demo_bulk_sql import BulkSettings, CustomerRange
from services.demo_plan import COMPANY_COUNT
from services.demo_rows import FIRST_ACCOUNT_NUMBER, reseller_columns

#: As long as any identifier of a transfer, and in the order of the customers: their index grows at its end.
_TRANSFER_ID = "'00000000-0000-8000-8000-' || substr(CAST(1000000000000 + p.position AS varchar), 2)"
_FIRST_LINES = "(CASE WHEN p.first_points > 0 THEN 1 ELSE 0 END)"
_HAS_CONTACT = "p.position % 5 <> 4"
_HAS_RESELLER = "p.position % 3 <> 2"
_EMAIL = "'contact' || CAST(p.position + 1 AS varchar) || '@customer.example.jp'"
_PHONE = (
    "'03-' || CAST(5000 + p.position % 5000 AS varchar) || '-' || "
    "substr(CAST(10000 + p.position * 7 % 10000 AS varchar), 2)"
)
#: A day before the customer came.
_APPLIED = "p.provisioned - 86400"
#: The customers of the plan stand behind those that bear the names themselves.
_BRANCH = f"CAST(p.position / {COMPANY_COUNT} + 1 AS varchar)"
_NUMBER = f"CAST({FIRST_ACCOUNT_NUMBER} + p.position AS varchar)"
_PAYERS = "JOIN demo_payers y ON y.account_id = p.payer_id"


def fill_statements(s: BulkSettings, part: CustomerRange) -> list[str]:
    """Return the statements that write everything of a range's customers, in the order that the keys demand."""
    return [
        _accounts(s, part),
        _user_changes(s, part),
        _balances(s, part),
        _hand_downs(s, part),
        _hand_downs_of_payers(s, part),
        _payers_balances(part),
        _fee_lines(s, part),
        _items(s, part),
        _write_offs(s, part),
        _cancellations(s, part),
    ]


def _accounts(s: BulkSettings, part: CustomerRange) -> str:
    values = {
        "id": "p.account_id",
        "parent_id": "p.payer_id",
        "privileged_msp_id": str(s.distributor_id),
        "account_type": "'customer'",
        "status": "CASE WHEN p.canceled IS NULL THEN 'active' ELSE 'canceled' END",
        "account_number": _NUMBER,
        **_profile(),
        "contract_user_count": "p.users",
        "contract_date": s.date("p.contract_day"),
        "cancellation_date": s.date("p.leaving_day"),
        "support_account_id": f"CASE WHEN p.position % 7 = 0 THEN {s.support_id} END",
        "hidden_menu_keys": s.empty_list,
        "applied_at": s.instant(_APPLIED),
        "applied_by_id": "y.administrator_id",
        "approval_due_on": "w.approval_due_on",
        "decided_at": s.instant(f"{_APPLIED} + 10800"),
        "provisioning_attempts": "0",
        "provisioned_at": s.instant("p.provisioned"),
        "canceled_at": s.instant("p.canceled"),
        "search_text": _search_text(),
        "version": "1",
    }
    return (
        f"{_insert('accounts', values)} FROM demo_plan p {_PAYERS} "
        f"JOIN demo_companies c ON c.number = p.position % {COMPANY_COUNT} "
        "JOIN demo_places l ON l.number = p.place JOIN demo_contacts n ON n.number = p.contact "
        f"JOIN demo_due_days w ON w.day = {s.day(_APPLIED)} WHERE {part.condition}"
    )


def _profile() -> dict[str, str]:
    return {
        "language": "'ja'",
        "company_name": f"c.company_name || ' 第' || {_BRANCH} || '支社'",
        "website_url": "'https://customer' || CAST(p.position + 1 AS varchar) || '.example.jp/'",
        "phone_number": _PHONE,
        "postal_code": "l.postal_code",
        "prefecture": "l.prefecture",
        "city": "l.city",
        "contact_name": f"CASE WHEN {_HAS_CONTACT} THEN n.contact_name END",
        "contact_email": f"CASE WHEN {_HAS_CONTACT} THEN {_EMAIL} END",
        **{
            name: f"CASE WHEN {_HAS_RESELLER} THEN '{value}' END"
            for name, value in reseller_columns(has_reseller=True).items()
        },
    }


def _search_text() -> str:
    """Return what `search_text_of` makes of the row: its parts are in that form, one blank between them."""
    reseller = reseller_columns(has_reseller=True)
    words = search_key(f"{reseller['reseller_company_name']} {reseller['reseller_contact_name']}")
    return (
        f"{_NUMBER} || ' ' || c.search_key || ' 第' || {_BRANCH} || '支社' "
        f"|| CASE WHEN {_HAS_CONTACT} THEN ' ' || n.search_key || ' ' || {_EMAIL} ELSE '' END "
        f"|| ' ' || {_PHONE} || CASE WHEN {_HAS_RESELLER} THEN ' {words}' ELSE '' END"
    )


def _user_changes(s: BulkSettings, part: CustomerRange) -> str:
    values = {
        "account_id": "p.account_id",
        "effective_at": s.instant("p.provisioned"),
        "contract_user_count": "p.users",
    }
    return f"{_insert('contract_user_changes', values)} FROM demo_plan p WHERE {part.condition}"


def _balances(s: BulkSettings, part: CustomerRange) -> str:
    # Put together from names of our own only.
    fell = f"(SELECT d.cut FROM demo_dates d WHERE d.number = {part.skipped} + p.first_points / p.fee + 1)"  # nosec B608
    values = {
        "account_id": "p.account_id",
        "point_balance": "CASE WHEN p.canceled IS NULL THEN p.balance ELSE 0 END",
        "last_line_number": f"{_FIRST_LINES} + {part.charged} + CASE WHEN p.canceled IS NULL THEN 0 ELSE 1 END",
        "negative_since": f"CASE WHEN p.balance < 0 THEN {s.instant(fell)} END",
        "is_closed": "p.canceled IS NOT NULL",
    }
    return f"{_insert('point_balances', values)} FROM demo_plan p WHERE {part.condition}"


def _hand_downs(s: BulkSettings, part: CustomerRange) -> str:
    values = _hand_down(s) | {
        "account_id": "p.account_id",
        "line_number": "1",
        "points": "p.first_points",
        "balance_after": "p.first_points",
    }
    return (
        f"{_insert('point_lines', values)} FROM demo_plan p {_PAYERS} "
        f"WHERE {part.condition} AND p.first_points > 0"
    )


def _hand_downs_of_payers(s: BulkSettings, part: CustomerRange) -> str:
    values = _hand_down(s) | {
        "account_id": "p.payer_id",
        "line_number": "b.last_line_number + row_number() OVER given",
        "points": "-p.first_points",
        "balance_after": "b.point_balance - sum(p.first_points) OVER given",
    }
    return (
        f"{_insert('point_lines', values)} FROM demo_plan p {_PAYERS} "
        f"JOIN point_balances b ON b.account_id = p.payer_id WHERE {part.condition} AND p.first_points > 0 "
        "WINDOW given AS (PARTITION BY p.payer_id ORDER BY p.position)"
    )


def _hand_down(s: BulkSettings) -> dict[str, str]:
    """Return what the two lines of a hand-down have in common: half an hour after the customer came."""
    return {
        "kind": "'addition'",
        "recorded_at": s.instant("p.provisioned + 1800"),
        "transfer_id": _TRANSFER_ID,
        "administrator_id": "y.administrator_id",
        "actor_name": "y.actor_name",
    }


def _payers_balances(part: CustomerRange) -> str:
    return (
        # Put together from names of our own only.
        "UPDATE point_balances SET point_balance = point_balances.point_balance - given.points, "  # nosec B608
        "last_line_number = point_balances.last_line_number + given.lines FROM "
        "(SELECT p.payer_id, sum(p.first_points) AS points, count(*) AS lines FROM demo_plan p "
        f"WHERE {part.condition} AND p.first_points > 0 GROUP BY p.payer_id) given "
        "WHERE given.payer_id = point_balances.account_id"
    )


def _fee_lines(s: BulkSettings, part: CustomerRange) -> str:
    count = f"(d.number - {part.skipped})"
    values = {
        "account_id": "p.account_id",
        "line_number": f"{_FIRST_LINES} + {count}",
        "kind": "'monthly_fee'",
        "points": "-p.fee",
        "balance_after": f"p.first_points - p.fee * {count}",
        "recorded_at": s.instant("d.cut"),
        "billing_date": "d.billing_date",
        "actor_name": "''",
    }
    return f"{_insert('point_lines', values)} {_charged(part)}"


def _items(s: BulkSettings, part: CustomerRange) -> str:
    values = {
        "billing_date": "d.billing_date",
        "account_id": "p.account_id",
        "depth": str(s.depth),
        "contract_user_count": "p.users",
        "price_version_id": str(s.price_version_id),
        "fee_points": "p.fee",
        "state": "'done'",
    }
    return f"{_insert('billing_items', values)} {_charged(part)}"


def _charged(part: CustomerRange) -> str:
    """Return the customers of a range with each 25th that charged them."""
    return f"FROM demo_plan p JOIN demo_dates d ON d.number > {part.skipped} WHERE {part.condition}"


def _write_offs(s: BulkSettings, part: CustomerRange) -> str:
    values = {
        "account_id": "p.account_id",
        "line_number": f"{_FIRST_LINES} + {part.charged + 1}",
        "kind": "'cancellation_write_off'",
        "points": "-p.balance",
        "balance_after": "0",
        "recorded_at": s.instant("p.canceled"),
        "administrator_id": "y.administrator_id",
        "actor_name": "y.actor_name",
    }
    return (
        f"{_insert('point_lines', values)} FROM demo_plan p {_PAYERS} "
        f"WHERE {part.condition} AND p.canceled IS NOT NULL"
    )


def _cancellations(s: BulkSettings, part: CustomerRange) -> str:
    values = {
        "account_id": "p.account_id",
        "scheduled_on": s.date("p.leaving_day"),
        "consent_text": f"'{CONSENT_TEXT}'",
        "shown_top_up_points": "0",
        "shown_write_off_points": "p.balance",
        "consented_at": s.instant(f"coalesce(p.canceled, {s.now})"),
        "administrator_id": "y.administrator_id",
        "executed_at": s.instant("p.canceled"),
    }
    return (
        f"{_insert('cancellations', values)} FROM demo_plan p {_PAYERS} "
        f"WHERE {part.condition} AND (p.canceled IS NOT NULL OR p.leaving_day IS NOT NULL)"
    )


def _insert(table: str, values: dict[str, str]) -> str:
    return f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())}"
