"""The laws of the ledger, the 25th and the life of an account, each as one query that must find nothing.

They run after every test, and by `flask --app app ledger verify`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from models import db

SHOWN_ROWS = 20

#: The cut of an item's or run's billing date, as each engine keeps instants.
_CUT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S.000000', {date}, '-9 hours')",
    "postgresql": "(CAST({date} AS timestamp) AT TIME ZONE 'Asia/Tokyo')",
}
#: The remaining fees (points ≥ 0) that the event of a cancellation names; NULL: none.
_OWED = {
    "sqlite": "CAST(json_extract(e.details, '$.remaining_fee_points') AS INTEGER)",
    "postgresql": "CAST(e.details->>'remaining_fee_points' AS bigint)",
}
_ITEM_USERS = (
    "COALESCE((SELECT c.contract_user_count FROM contract_user_changes c "
    "WHERE c.account_id = i.account_id AND c.effective_at <= {item_cut} "
    "ORDER BY c.effective_at DESC, c.id DESC LIMIT 1), 0)"
)
_ITEM_PRICE = (
    "(SELECT p.id FROM price_versions p JOIN accounts a ON a.id = i.account_id "
    "WHERE p.account_type = a.account_type AND p.valid_from <= {item_cut} "
    "ORDER BY p.valid_from DESC, p.id DESC LIMIT 1)"
)

#: Name of the law → a query whose rows break it. {…} are filled per engine.
CHECKS: dict[str, str] = {
    "L1 the two lines of a transfer sum to 0": (
        "SELECT transfer_id, count(*), sum(points) FROM point_lines WHERE transfer_id IS NOT NULL "
        "GROUP BY transfer_id HAVING sum(points) <> 0 OR count(*) <> 2"
    ),
    "L1 net issued less net consumed is the sum of all balances": (
        "SELECT s.single_sided, b.balances FROM "
        "(SELECT COALESCE(sum(points), 0) AS single_sided FROM point_lines WHERE transfer_id IS NULL) s, "
        "(SELECT COALESCE(sum(point_balance), 0) AS balances FROM point_balances) b "
        "WHERE s.single_sided <> b.balances"
    ),
    "L2 a balance is the sum of its lines": (
        "SELECT b.account_id, b.point_balance, l.total FROM point_balances b LEFT JOIN "
        "(SELECT account_id, sum(points) AS total, count(*) AS lines FROM point_lines GROUP BY account_id) l "
        "ON l.account_id = b.account_id "
        "WHERE b.point_balance <> COALESCE(l.total, 0) OR b.last_line_number <> COALESCE(l.lines, 0)"
    ),
    "L3 lines are numbered without a gap and carry the balance": (
        "SELECT id, account_id, line_number FROM (SELECT id, account_id, line_number, balance_after, "
        "row_number() OVER w AS expected_number, sum(points) OVER w AS expected_balance FROM point_lines "
        "WINDOW w AS (PARTITION BY account_id ORDER BY line_number)) chain "
        "WHERE line_number <> expected_number OR balance_after <> expected_balance"
    ),
    "L5 whole points within range, never 0": (
        "SELECT id, points, balance_after FROM point_lines WHERE points = 0 "
        "OR abs(points) > 1000000000 OR abs(balance_after) > 1000000000000"
    ),
    "L7 every kind has its sides and signs": (
        "SELECT l.id, l.kind, l.points FROM point_lines l "
        "WHERE (l.kind IN ('addition', 'cancellation_top_up') AND l.transfer_id IS NULL) "
        "OR (l.kind IN ('issue', 'monthly_fee', 'cancellation_write_off') AND l.transfer_id IS NOT NULL) "
        "OR (l.kind IN ('monthly_fee', 'cancellation_write_off') AND l.points > 0 "
        "AND l.corrects_line_id IS NULL)"
    ),
    # A customer may have been moved since: then the payer was another reseller of the same 特権MSP.
    "L7 a transfer runs between a child and its parent": (
        "SELECT child.id FROM point_lines child JOIN accounts a ON a.id = child.account_id "
        "JOIN point_lines payer ON payer.transfer_id = child.transfer_id AND payer.id <> child.id "
        "JOIN accounts p ON p.id = payer.account_id "
        "WHERE a.parent_id <> p.id AND p.parent_id <> a.id "
        "AND NOT (a.account_type = 'customer' AND p.account_type IN ('msp', 'privileged_msp') "
        "AND a.privileged_msp_id = COALESCE(p.privileged_msp_id, p.id)) "
        "AND NOT (p.account_type = 'customer' AND a.account_type IN ('msp', 'privileged_msp') "
        "AND p.privileged_msp_id = COALESCE(a.privileged_msp_id, a.id))"
    ),
    "L8 what a person asks for leaves the payer at 0 or more": (
        "SELECT id, account_id, balance_after FROM point_lines "
        "WHERE kind = 'addition' AND points < 0 AND balance_after < 0 AND corrects_line_id IS NULL"
    ),
    "L9 nobody changes the points of its own account": (
        "SELECT l.id, l.kind, l.points FROM point_lines l JOIN administrators m ON m.id = l.administrator_id "
        "WHERE m.account_id = l.account_id AND (l.kind = 'issue' OR (l.kind = 'addition' AND l.points > 0) "
        "OR (l.kind = 'return' AND l.points < 0))"
    ),
    "B1 a fee line and its item are one": (
        "SELECT l.id FROM point_lines l LEFT JOIN billing_items i ON i.account_id = l.account_id "
        "AND i.billing_date = l.billing_date AND i.state = 'done' "
        "WHERE l.kind = 'monthly_fee' AND l.corrects_line_id IS NULL "
        "AND (i.account_id IS NULL OR i.fee_points <> -l.points) "
        "UNION ALL SELECT i.account_id FROM billing_items i LEFT JOIN point_lines l ON l.account_id = i.account_id "
        "AND l.billing_date = i.billing_date AND l.kind = 'monthly_fee' AND l.corrects_line_id IS NULL "
        "WHERE i.state = 'done' AND i.fee_points > 0 AND l.id IS NULL"
    ),
    "B2 a finished run has charged or parked every account in service": (
        "SELECT a.id, r.billing_date FROM billing_runs r JOIN accounts a "
        "ON a.account_type IN ('customer', 'msp', 'support') AND a.provisioned_at <= {run_cut} "
        "AND (a.canceled_at IS NULL OR a.canceled_at > {run_cut}) "
        "AND (a.cancellation_date IS NULL OR a.cancellation_date > r.billing_date) "
        "LEFT JOIN billing_items i ON i.account_id = a.id AND i.billing_date = r.billing_date "
        "WHERE r.finished_at IS NOT NULL AND (i.account_id IS NULL OR i.state = 'due')"
    ),
    "B3 B4 a fee is right by the users and the price at its cut": (
        "SELECT i.account_id, i.fee_points FROM billing_items i JOIN price_versions p ON p.id = i.price_version_id "
        "WHERE i.price_version_id <> {item_price} OR i.contract_user_count <> {item_users} "
        "OR i.fee_points <> p.base_points + p.points_per_additional_user * "
        "(CASE WHEN i.contract_user_count > p.included_user_count "
        "THEN i.contract_user_count - p.included_user_count ELSE 0 END)"
    ),
    "C2 canceled means balance 0, closed, and no line afterwards": (
        "SELECT a.id FROM accounts a JOIN point_balances b ON b.account_id = a.id "
        "WHERE (a.status = 'canceled' AND (b.point_balance <> 0 OR NOT b.is_closed)) "
        "OR (a.status <> 'canceled' AND b.is_closed) "
        "OR EXISTS (SELECT 1 FROM point_lines l WHERE l.account_id = a.id AND l.recorded_at > a.canceled_at)"
    ),
    "C3 a scheduled cancellation is never done before its date": (
        "SELECT c.id FROM cancellations c WHERE c.executed_at < {cancellation_start}"
    ),
    "C4 every cancellation has its consent": (
        "SELECT a.id FROM accounts a WHERE a.status = 'canceled' AND NOT EXISTS (SELECT 1 FROM cancellations c "
        "WHERE c.account_id = a.id AND c.executed_at = a.canceled_at AND c.consent_text <> '')"
    ),
    "C4 a date on the row is an open consent, and the other way round": (
        "SELECT a.id FROM accounts a LEFT JOIN cancellations c ON c.account_id = a.id "
        "AND c.lifted_at IS NULL AND c.executed_at IS NULL WHERE a.status IN ('active', 'suspended') "
        "AND ((a.cancellation_date IS NULL) <> (c.id IS NULL) OR a.cancellation_date <> c.scheduled_on)"
    ),
    "C5 nothing runs or waits below a canceled account": (
        "SELECT a.id, a.status FROM accounts a JOIN accounts p ON p.id = a.parent_id WHERE p.status = 'canceled' "
        "AND a.status IN ('active', 'suspended', 'pending_approval', 'approved', 'provisioning_failed')"
    ),
    "C6 a canceled support account looks after nobody": (
        "SELECT a.id FROM accounts a JOIN accounts s ON s.id = a.support_account_id "
        "WHERE s.status = 'canceled' AND a.status IN ('active', 'suspended')"
    ),
    # What was owed stands in the event of the cancellation; the lines of the same instant consumed it.
    "C7 an early cancellation consumed what the contract owed": (
        "SELECT e.account_id, {owed} FROM audit_events e WHERE e.action = 'cancellation.executed' "
        "AND {owed} > COALESCE((SELECT -sum(l.points) FROM point_lines l WHERE l.account_id = e.account_id "
        "AND l.kind = 'cancellation_write_off' AND l.recorded_at = e.recorded_at), 0)"
    ),
    "D1 an account in service has a balance and the users of its history": (
        "SELECT a.id FROM accounts a LEFT JOIN point_balances b ON b.account_id = a.id "
        "WHERE a.account_type <> 'operator' AND a.status IN ('active', 'suspended', 'canceled') "
        "AND (b.account_id IS NULL OR a.contract_user_count <> (SELECT c.contract_user_count "
        "FROM contract_user_changes c WHERE c.account_id = a.id ORDER BY c.effective_at DESC, c.id DESC LIMIT 1))"
    ),
    "U1 no more registered users than contracted": (
        "SELECT a.id, a.contract_user_count, u.registered FROM accounts a JOIN "
        "(SELECT account_id, count(*) AS registered FROM service_users GROUP BY account_id) u "
        "ON u.account_id = a.id WHERE u.registered > a.contract_user_count"
    ),
    "D3 every account between operator and customers has ten users": (
        "SELECT id, contract_user_count FROM accounts "
        "WHERE account_type IN ('privileged_msp', 'msp', 'support') "
        "AND contract_user_count <> 10"
    ),
    "D2 the tree is what the account types allow": (
        "SELECT a.id FROM accounts a JOIN accounts p ON p.id = a.parent_id WHERE NOT ("
        "(a.account_type = 'privileged_msp' AND p.account_type = 'operator') "
        "OR (a.account_type IN ('msp', 'support') AND p.account_type = 'privileged_msp' "
        "AND a.privileged_msp_id = p.id) "
        "OR (a.account_type = 'customer' AND p.account_type = 'privileged_msp' AND a.privileged_msp_id = p.id) "
        "OR (a.account_type = 'customer' AND p.account_type = 'msp' "
        "AND a.privileged_msp_id = p.privileged_msp_id))"
    ),
}

_TRIGGERS = {
    "sqlite": (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        {
            "point_lines_refuse_update",
            "point_lines_refuse_delete",
            "audit_events_refuse_update",
            "audit_events_refuse_delete",
            "point_balances_refuse_closed",
        },
    ),
    "postgresql": (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'",
        {
            "point_lines_append_only",
            "point_lines_refuse_truncate",
            "audit_events_append_only",
            "audit_events_refuse_truncate",
            "point_balances_refuse_closed",
        },
    ),
}
L4 = "L4 the database refuses changes of ledger and audit"


@dataclass(frozen=True)
class Violation:
    """A broken law and up to twenty rows that break it."""

    law: str
    rows: list[tuple[Any, ...]]


def verify() -> list[Violation]:
    """Run every check and return what is broken; empty: all invariants hold."""
    engine = db.session.get_bind().dialect.name
    violations = []
    for law, query in CHECKS.items():
        rows = db.session.execute(_statement(query, engine))
        found = [tuple(row) for row in rows.fetchmany(SHOWN_ROWS)]
        rows.close()
        if found:
            violations.append(Violation(law, found))
    query, wanted = _TRIGGERS[engine]
    missing = wanted - {row[0] for row in db.session.execute(text(query))}
    if missing:
        violations.append(Violation(L4, [(name,) for name in sorted(missing)]))
    return violations


def check_count() -> int:
    """Return how many invariants there are."""
    return len(CHECKS) + 1


def _statement(query: str, engine: str) -> Any:
    cut = _CUT[engine]
    filled = query.replace("{item_price}", _ITEM_PRICE).replace("{item_users}", _ITEM_USERS)
    filled = filled.replace("{owed}", _OWED[engine])
    filled = filled.replace("{item_cut}", cut.format(date="i.billing_date"))
    filled = filled.replace("{run_cut}", cut.format(date="r.billing_date"))
    filled = filled.replace("{cancellation_start}", cut.format(date="c.scheduled_on"))
    # The engines' date functions hold colons that are no parameters.
    return text(filled.replace("%H:%M:%S", "%H\\:%M\\:%S"))
