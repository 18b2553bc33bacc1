"""The laws about accounts and users notice what breaks them; what broke them is rolled back."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from models import db
from services import invariants
from tests.builders import World

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
#: Beginning of a law → what breaks it.
BREAKS = {
    "C5": [CANCEL.format(kind="msp")],
    "C6": [ASSIGN, CANCEL.format(kind="support")],
    "C7": [OWING],
    "D3": ["UPDATE accounts SET contract_user_count = 11 WHERE account_type = 'msp'"],
    "U1": [REGISTERED.format(name="one"), REGISTERED.format(name="two")],
}


@pytest.mark.parametrize("law", BREAKS)
def test_a_law_notices_what_breaks_it(world: World, law: str) -> None:
    world.customer(users=1)
    assert invariants.verify() == []
    for statement in BREAKS[law]:
        db.session.execute(text(statement.replace(":", "\\:")))
    broken = {violation.law.split(" ")[0] for violation in invariants.verify()}
    db.session.rollback()
    assert law in broken
