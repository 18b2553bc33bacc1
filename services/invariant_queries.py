"""The laws of the ledger, the 25th and the life of an account, each as one query that must find nothing.

They are written so that a year of lines of a million accounts takes seconds each: a pass over a table and joins of
whole tables, no look-up a row. `services.invariants` runs them.
"""

from __future__ import annotations

#: The cut of a billing date, as each engine keeps instants. Tokyo's offset never changes, and is written out: to look
#: a zone up for each of a year's fees would cost more than the rest of the check.
CUT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S.000000', {date}, '-9 hours')",
    "postgresql": "(CAST({date} AS timestamp) AT TIME ZONE INTERVAL '+09:00')",
}
#: The remaining fees (points ≥ 0) that the event of a cancellation names; NULL: none.
OWED = {
    "sqlite": "CAST(json_extract(e.details, '$.remaining_fee_points') AS INTEGER)",
    "postgresql": "CAST(e.details->>'remaining_fee_points' AS bigint)",
}
#: 契約ユーザ数 of an account from an instant on until the next change; `until` NULL: still.
USERS_OVER_TIME = (
    "(SELECT account_id, contract_user_count, effective_at, lead(effective_at) OVER "
    "(PARTITION BY account_id ORDER BY effective_at, id) AS until FROM contract_user_changes)"
)
#: The billing dates of all items, each found by the key behind the one before it: to read a year of items for twelve
#: dates would take longer than all that is asked of them, and PostgreSQL would plan as if it were so.
BILLING_DATES = (
    "billing_dates (billing_date) AS (SELECT min(billing_date) FROM billing_items UNION ALL "
    "SELECT (SELECT min(i.billing_date) FROM billing_items i WHERE i.billing_date > b.billing_date) "
    "FROM billing_dates b WHERE b.billing_date IS NOT NULL)"
)
#: The price that held at the cut of each billing date, by account type.
PRICES_AT_CUTS = (
    "(WITH RECURSIVE {billing_dates} "
    "SELECT d.billing_date, d.cut, t.account_type, (SELECT v.id FROM price_versions v "
    "WHERE v.account_type = t.account_type AND v.valid_from <= d.cut "
    "ORDER BY v.valid_from DESC, v.id DESC LIMIT 1) AS price_version_id "
    "FROM (SELECT b.billing_date, {date_cut} AS cut FROM billing_dates b WHERE b.billing_date IS NOT NULL) d "
    "CROSS JOIN (SELECT DISTINCT account_type FROM price_versions) t)"
)
#: Fee lines that correct nothing, and fees that a line must stand for.
FEE_LINE = "l.kind = 'monthly_fee' AND l.corrects_line_id IS NULL"
CHARGED_ITEM = "i.state = 'done' AND i.fee_points > 0"

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
    # With unique numbers from 1 on, each of which has the one before it, none is missing.
    "L3 lines are numbered without a gap and carry the balance": (
        "SELECT l.id, l.account_id, l.line_number FROM point_lines l LEFT JOIN point_lines p "
        "ON p.account_id = l.account_id AND p.line_number = l.line_number - 1 "
        "WHERE l.balance_after <> COALESCE(p.balance_after, 0) + l.points "
        "OR l.line_number < 1 OR (p.id IS NULL AND l.line_number <> 1)"
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
    # A customer may have been moved since: then the payer was another MSP of the same 特権MSP.
    "L7 a transfer runs between a child and its parent": (
        "SELECT child.id FROM point_lines child JOIN accounts a ON a.id = child.account_id "
        "JOIN point_lines payer ON payer.transfer_id = child.transfer_id AND payer.id > child.id "
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
    # Each fee line has its own item with the same fee; so only a different count leaves an item without a line.
    "B1 a fee line and its item are one": (
        "SELECT l.id, l.account_id, l.billing_date FROM point_lines l LEFT JOIN billing_items i "
        "ON i.account_id = l.account_id AND i.billing_date = l.billing_date AND i.state = 'done' "
        "WHERE {fee_line} AND (i.account_id IS NULL OR i.fee_points <> -l.points) "
        "UNION ALL SELECT NULL, i.account_id, i.billing_date FROM billing_items i LEFT JOIN point_lines l "
        "ON l.account_id = i.account_id AND l.billing_date = i.billing_date AND {fee_line} "
        "WHERE {charged_item} AND l.id IS NULL AND (SELECT count(*) FROM point_lines l WHERE {fee_line}) "
        "<> (SELECT count(*) FROM billing_items i WHERE {charged_item})"
    ),
    "B2 a finished run has charged or parked every account in service": (
        "SELECT a.id, r.billing_date FROM (SELECT DISTINCT r.billing_date, {run_cut} AS cut FROM billing_runs r "
        "WHERE r.finished_at IS NOT NULL) r JOIN accounts a "
        "ON a.account_type IN ('customer', 'msp', 'support') AND a.provisioned_at <= r.cut "
        "AND (a.canceled_at IS NULL OR a.canceled_at > r.cut) "
        "AND (a.cancellation_date IS NULL OR a.cancellation_date > r.billing_date) "
        "LEFT JOIN billing_items i ON i.account_id = a.id AND i.billing_date = r.billing_date "
        "WHERE i.account_id IS NULL OR i.state = 'due'"
    ),
    "B3 B4 a fee is an account's, and right by the users and the price at its cut": (
        "SELECT i.account_id, i.fee_points FROM billing_items i LEFT JOIN accounts a ON a.id = i.account_id "
        "LEFT JOIN price_versions p ON p.id = i.price_version_id "
        "LEFT JOIN {prices_at_cuts} v ON v.billing_date = i.billing_date AND v.account_type = a.account_type "
        "LEFT JOIN {users_over_time} c ON c.account_id = i.account_id AND c.effective_at <= v.cut "
        "AND (c.until IS NULL OR c.until > v.cut) "
        "WHERE a.id IS NULL OR p.id IS NULL OR v.price_version_id IS NULL "
        "OR i.price_version_id <> v.price_version_id OR i.contract_user_count <> "
        "COALESCE(c.contract_user_count, 0) OR i.fee_points <> p.base_points + p.points_per_additional_user * "
        "(CASE WHEN i.contract_user_count > p.included_user_count "
        "THEN i.contract_user_count - p.included_user_count ELSE 0 END)"
    ),
    "C2 canceled means balance 0, closed, and no line afterwards": (
        "SELECT a.id, b.point_balance FROM accounts a JOIN point_balances b ON b.account_id = a.id "
        "WHERE (a.status = 'canceled' AND (b.point_balance <> 0 OR NOT b.is_closed)) "
        "OR (a.status <> 'canceled' AND b.is_closed) "
        "UNION ALL SELECT a.id, l.points FROM accounts a JOIN point_lines l ON l.account_id = a.id "
        "AND l.recorded_at > a.canceled_at WHERE a.canceled_at IS NOT NULL"
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
        "LEFT JOIN {users_over_time} c ON c.account_id = a.id AND c.until IS NULL "
        "WHERE a.account_type <> 'operator' AND a.status IN ('active', 'suspended', 'canceled') "
        "AND (b.account_id IS NULL OR a.contract_user_count <> c.contract_user_count)"
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
    "V1 what waits for a second person is approved by another who may, in time, and once": (
        "SELECT r.id, r.state, r.decided_by_id FROM approval_requests r JOIN accounts p ON p.id = r.account_id "
        "LEFT JOIN administrators m ON m.id = r.decided_by_id WHERE (r.state = 'open') <> (r.decided_at IS NULL) "
        "OR (r.state = 'approved' AND (m.id IS NULL OR m.id = r.requester_id OR r.decided_at >= r.expires_at "
        "OR (m.account_id <> p.id AND m.account_id <> p.parent_id)))"
    ),
    # Additions, returns and refills bear the request's id; a refill of 0 is none.
    "V2 lines move what was approved, never more than was shown, and nothing before": (
        "SELECT r.id, r.moved_points, r.approved_points, l.moved FROM approval_requests r LEFT JOIN "
        "(SELECT l.request_id, sum(abs(l.points)) AS moved FROM point_lines l "
        "JOIN approval_requests r ON r.request_id = l.request_id WHERE l.account_id <> r.account_id "
        "GROUP BY l.request_id) l ON l.request_id = r.request_id "
        "WHERE COALESCE(r.moved_points, 0) > COALESCE(r.approved_points, 0) "
        "OR (r.kind IN ('addition', 'return', 'refill') AND COALESCE(l.moved, 0) <> COALESCE(r.moved_points, 0))"
    ),
    # Whether each seal is right takes a computation: services/audit_seals.py.
    "A1 seals are numbered without a gap, one an event": (
        "SELECT first_number, last_number, seals FROM (SELECT min(number) AS first_number, "
        "max(number) AS last_number, count(*) AS seals FROM audit_seals) s "
        "WHERE seals > 0 AND (first_number <> 1 OR last_number <> seals)"
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
