"""The laws about accounts and users notice what breaks them; what broke them is rolled back."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from models import ContractUserChange, db
from services import invariants
from services.engines import is_postgresql
from services.invariant_queries import CHECKS
from tests.builders import World, tokyo

CANCEL = "UPDATE accounts SET status = 'canceled', canceled_at = applied_at WHERE account_type = '{kind}'"
ASSIGN = (
    "UPDATE accounts SET support_account_id = (SELECT min(id) FROM accounts WHERE account_type = 'support') "
    "WHERE account_type = 'customer'"
)
OWING = (
    "INSERT INTO audit_events (recorded_at, action, account_id, actor_name, details) "
    "SELECT applied_at, 'cancellation.executed', id, '', '{\"remaining_fee_points\": 90}' "
    "FROM accounts WHERE account_type = 'msp'"
)
REGISTERED = (
    "INSERT INTO service_users (account_id, user_name, full_name, is_disabled, created_at, updated_at, "
    "search_text, version) SELECT id, '{name}', 'n', FALSE, applied_at, applied_at, '', 1 "
    "FROM accounts WHERE account_type = 'customer'"
)
#: A line of a kind with what follows from the account's balance, {gap} numbers and {off} points too far.
LINE = (
    "INSERT INTO point_lines (account_id, line_number, kind, points, balance_after, recorded_at, transfer_id, "
    "billing_date, administrator_id, actor_name) SELECT b.account_id, b.last_line_number + 1 + {gap}, '{kind}', "
    "{points}, b.point_balance + {points} + {off}, '2030-06-01 00:00:00+00:00', {transfer}, {date}, {by}, '' "
    "FROM point_balances b JOIN accounts a ON a.id = b.account_id WHERE a.account_type = '{of}'"
)
OWN_PERSON = "(SELECT min(m.id) FROM administrators m WHERE m.account_id = b.account_id)"
ITEM = (
    "INSERT INTO billing_items (billing_date, account_id, depth, contract_user_count, price_version_id, "
    "fee_points, state) SELECT '2030-01-25', a.id, 3, {users}, p.id, {fee}, 'done' FROM accounts a "
    "JOIN price_versions p ON p.account_type = '{price}' WHERE a.account_type = 'customer'"
)
RUN = (
    "INSERT INTO billing_runs (billing_date, state, started_at, finished_at, account_count, due_points, "
    "done_count, charged_points, released_by_name) SELECT '2030-01-25', 'done', applied_at, applied_at, 0, 0, "
    "0, 0, '' FROM accounts WHERE account_type = 'operator'"
)
CONSENT = (
    "INSERT INTO cancellations (account_id, scheduled_on, consent_text, shown_top_up_points, "
    "shown_write_off_points, consented_at, administrator_id, executed_at) SELECT a.id, '2030-01-26', 'x', 0, 0, "
    "a.applied_at, (SELECT min(id) FROM administrators), {executed} FROM accounts a "
    "WHERE a.account_type = 'customer'"
)
#: MSP A asked; {decider} is said to have approved.
APPROVED = (
    "INSERT INTO approval_requests (account_id, kind, state, subject_key, account_ids, asked_amounts, "
    "asked_points, as_far_as_possible, request_id, requester_id, requested_at, expires_at, decided_at, "
    "decided_by_id, approved_points, moved_points) SELECT p.account_id, 'addition', 'approved', 'x', '[]', "
    "'[]', 5, FALSE, 'r', p.id, p.created_at, '2030-01-25 00:00:00+00:00', p.created_at, "
    "(SELECT id FROM administrators WHERE user_name = '{decider}'), 5, {moved} FROM administrators p "
    "WHERE p.user_name = 'msp-a'"
)
SEAL = (
    "INSERT INTO audit_seals (number, event_id, sealed_at, hash) "
    "SELECT 7, max(id), max(recorded_at), 'x' FROM audit_events"
)
CLOSE = (
    "UPDATE point_balances SET is_closed = TRUE WHERE account_id IN "
    "(SELECT id FROM accounts WHERE account_type = 'customer')"
)


def line(kind: str = "issue", points: int = 5, of: str = "customer", **more: object) -> str:
    values = {"gap": 0, "off": 0, "transfer": "NULL", "date": "NULL", "by": "NULL"} | more
    return LINE.format(kind=kind, points=points, of=of, **values)


def fee_line(points: int = -10) -> str:
    return line("monthly_fee", points, date="'2030-01-25'")


def item(users: int = 1, fee: int = 10, price: str = "customer") -> str:
    return ITEM.format(users=users, fee=fee, price=price)


RIGHT_FEE = "B3 B4 a fee is an account's, and right by the users and the price at its cut"
#: Law → what breaks it, each by itself.
BREAKS = {
    "L1 the two lines of a transfer sum to 0": [
        [line(transfer="'a'")],
        [line(transfer="'a'"), line(points=-4, of="msp", transfer="'a'")],
    ],
    "L1 net issued less net consumed is the sum of all balances": [[line()]],
    "L2 a balance is the sum of its lines": [
        [line()],
        ["UPDATE point_balances SET last_line_number = last_line_number + 1"],
    ],
    "L3 lines are numbered without a gap and carry the balance": [[line(gap=1)], [line(off=1)]],
    # The database itself refuses lines that are too large.
    "L5 whole points within range, never 0": [[line(off=10**12)], [line(off=-(10**12) - 10)]],
    "L7 every kind has its sides and signs": [
        [line("issue", transfer="'a'")],
        [line("cancellation_write_off", -5, transfer="'a'")],
    ],
    "L7 a transfer runs between a child and its parent": [
        [line("addition", transfer="'a'"), line("addition", -5, of="support", transfer="'a'")]
    ],
    "L8 what a person asks for leaves the payer at 0 or more": [[line("addition", -5, transfer="'a'")]],
    "L9 nobody changes the points of its own account": [
        [line("issue", 5, of="msp", by=OWN_PERSON)],
        [line("addition", 5, of="msp", transfer="'a'", by=OWN_PERSON)],
        [line("return", -5, of="msp", by=OWN_PERSON)],
    ],
    "B1 a fee line and its item are one": [[fee_line()], [item()], [item(), fee_line(-11)]],
    "B2 a finished run has charged or parked every account in service": [[RUN]],
    RIGHT_FEE: [
        [item(users=2), fee_line()],
        [item(fee=11), fee_line(-11)],
        [item(price="msp"), fee_line()],
    ],
    "C2 canceled means balance 0, closed, and no line afterwards": [
        [CANCEL.format(kind="customer")],
        [CLOSE],
        [CANCEL.format(kind="customer"), line(), CLOSE],
    ],
    "C3 a scheduled cancellation is never done before its date": [
        [CONSENT.format(executed="'2030-01-25 14:59:59+00:00'")]
    ],
    "C4 every cancellation has its consent": [[CANCEL.format(kind="customer")]],
    "C4 a date on the row is an open consent, and the other way round": [
        ["UPDATE accounts SET cancellation_date = '2030-01-26' WHERE account_type = 'customer'"],
        [CONSENT.format(executed="NULL")],
    ],
    "C5 nothing runs or waits below a canceled account": [[CANCEL.format(kind="msp")]],
    "C6 a canceled support account looks after nobody": [[ASSIGN, CANCEL.format(kind="support")]],
    "C7 an early cancellation consumed what the contract owed": [[OWING]],
    "D1 an account in service has a balance and the users of its history": [
        ["UPDATE accounts SET contract_user_count = 2 WHERE account_type = 'customer'"]
    ],
    "D2 the tree is what the account types allow": [
        ["UPDATE accounts SET account_type = 'support' WHERE account_type = 'customer'"],
        [
            "UPDATE accounts SET parent_id = (SELECT id FROM accounts WHERE account_type = 'operator') "
            "WHERE account_type = 'customer'"
        ],
    ],
    "D3 every account between operator and customers has ten users": [
        ["UPDATE accounts SET contract_user_count = 11 WHERE account_type = 'msp'"]
    ],
    "U1 no more registered users than contracted": [
        [REGISTERED.format(name="one"), REGISTERED.format(name="two")]
    ],
    "V1 what waits for a second person is approved by another who may, in time, and once": [
        [APPROVED.format(decider="msp-b", moved=0)]
    ],
    "V2 lines move what was approved, never more than was shown, and nothing before": [
        [APPROVED.format(decider="distributor", moved=5)]
    ],
    "A1 seals are numbered without a gap, one an event": [[SEAL]],
}


def broken_laws() -> set[str]:
    return {violation.law for violation in invariants.verify()}


def test_each_law_notices_what_breaks_it(world: World) -> None:
    """One database for all: what broke a law is rolled back."""
    world.customer(users=1)
    assert broken_laws() == set()
    unnoticed = []
    for law, ways in BREAKS.items():
        for statements in ways:
            for statement in statements:
                db.session.execute(text(statement.replace(":", "\\:")))
            broken = broken_laws()
            db.session.rollback()
            if law not in broken:
                unnoticed.append((law, statements, broken))
    assert unnoticed == []


def test_no_law_is_left_unbroken() -> None:
    assert set(BREAKS) == set(CHECKS)


def test_a_fee_is_right_only_by_the_users_and_the_price_at_its_cut(world: World) -> None:
    """A change at the very cut counts, one after it does not."""
    account_id = world.customer(users=1)
    cut = tokyo("2030-01-25T00:00:00")
    for effective_at, users in ((cut, 20), (cut + dt.timedelta(seconds=1), 30)):
        change = {"effective_at": effective_at, "contract_user_count": users}
        db.session.execute(insert(ContractUserChange).values(account_id=account_id, **change))
    for users, fee, is_right in ((20, 20, True), (1, 10, False), (30, 30, False)):
        with db.session.begin_nested():
            db.session.execute(text(item(users=users, fee=fee)))
            broken = broken_laws()
            db.session.execute(text("DELETE FROM billing_items"))
        assert (RIGHT_FEE not in broken) is is_right, (users, broken)
    db.session.rollback()


def test_a_fee_belongs_to_an_account(world: World) -> None:
    """SQLite refuses one of nobody's by its key; PostgreSQL does not look at each account of a run."""
    world.customer(users=1)
    orphan = item().replace("a.id, 3", "a.id + 1000000, 3")
    if is_postgresql():
        db.session.execute(text(orphan))
        assert RIGHT_FEE in broken_laws()
    else:
        with pytest.raises(IntegrityError):
            db.session.execute(text(orphan))
    db.session.rollback()
