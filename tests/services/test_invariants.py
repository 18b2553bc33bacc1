"""The laws about accounts and users notice what breaks them; what broke them is rolled back."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from models import ContractUserChange, db
from services import invariants
from services.engines import is_postgresql
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
    "billing_date, actor_name) SELECT b.account_id, b.last_line_number + 1 + {gap}, '{kind}', {points}, "
    "b.point_balance + {points} + {off}, '2030-06-01 00:00:00+00:00', {transfer}, {date}, '' "
    "FROM point_balances b JOIN accounts a ON a.id = b.account_id WHERE a.account_type = '{of}'"
)
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
CLOSE = (
    "UPDATE point_balances SET is_closed = TRUE WHERE account_id IN "
    "(SELECT id FROM accounts WHERE account_type = 'customer')"
)


def line(kind: str = "issue", points: int = 5, of: str = "customer", **more: object) -> str:
    values = {"gap": 0, "off": 0, "transfer": "NULL", "date": "NULL"} | more
    return LINE.format(kind=kind, points=points, of=of, **values)


def fee_line(points: int = -10) -> str:
    return line("monthly_fee", points, date="'2030-01-25'")


def item(users: int = 1, fee: int = 10, price: str = "customer") -> str:
    return ITEM.format(users=users, fee=fee, price=price)


#: Law, what breaks it.
BREAKS = [
    ("L1", [line(transfer="'a'")]),
    ("L1", [line(transfer="'a'"), line(points=-4, of="msp", transfer="'a'")]),
    ("L1", [line()]),
    ("L2", [line()]),
    ("L2", ["UPDATE point_balances SET last_line_number = last_line_number + 1"]),
    ("L3", [line(gap=1)]),
    ("L3", [line(off=1)]),
    ("L7", [line("addition", transfer="'a'"), line("addition", -5, of="support", transfer="'a'")]),
    ("L8", [line("addition", -5, transfer="'a'")]),
    ("B1", [fee_line()]),
    ("B1", [item()]),
    ("B1", [item(), fee_line(-11)]),
    ("B2", [RUN]),
    ("B3", [item(users=2), fee_line()]),
    ("B3", [item(fee=11), fee_line(-11)]),
    ("B3", [item(price="msp"), fee_line()]),
    ("C2", [CANCEL.format(kind="customer")]),
    ("C2", [CLOSE]),
    ("C2", [CANCEL.format(kind="customer"), line(), CLOSE]),
    ("C5", [CANCEL.format(kind="msp")]),
    ("C6", [ASSIGN, CANCEL.format(kind="support")]),
    ("C7", [OWING]),
    ("D1", ["UPDATE accounts SET contract_user_count = 2 WHERE account_type = 'customer'"]),
    ("D3", ["UPDATE accounts SET contract_user_count = 11 WHERE account_type = 'msp'"]),
    ("U1", [REGISTERED.format(name="one"), REGISTERED.format(name="two")]),
]


def test_each_law_notices_what_breaks_it(world: World) -> None:
    """One database for all: what broke a law is rolled back."""
    world.customer(users=1)
    assert invariants.verify() == []
    unnoticed = []
    for law, statements in BREAKS:
        for statement in statements:
            db.session.execute(text(statement.replace(":", "\\:")))
        broken = {violation.law.split(" ")[0] for violation in invariants.verify()}
        db.session.rollback()
        if law not in broken:
            unnoticed.append((law, statements, broken))
    assert unnoticed == []


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
            broken = {violation.law.split(" ")[0] for violation in invariants.verify()}
            db.session.execute(text("DELETE FROM billing_items"))
        assert ("B3" not in broken) is is_right, (users, broken)
    db.session.rollback()


def test_a_fee_belongs_to_an_account(world: World) -> None:
    """SQLite refuses one of nobody's by its key; PostgreSQL does not look at each account of a run."""
    world.customer(users=1)
    orphan = item().replace("a.id, 3", "a.id + 1000000, 3")
    if is_postgresql():
        db.session.execute(text(orphan))
        assert "B3" in {violation.law.split(" ")[0] for violation in invariants.verify()}
    else:
        with pytest.raises(IntegrityError):
            db.session.execute(text(orphan))
    db.session.rollback()
