"""承認依頼 between a distributor and its MSP: each asks and answers, and learns no more of the other than before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from models import ApprovalRequest, OutgoingMail, db
from tests.web.browser_session import csrf_token_of
from tests.web.customer_screens import Screens, hidden_fields, text_of

SignIn = Callable[[FlaskClient, str], Any]
APPROVALS = "/msp/approvals/"


def visitor(app: Flask, sign_in: SignIn, name: str) -> Screens:
    client = app.test_client()
    sign_in(client, name)
    return Screens(app, client, csrf_token_of(client))


def newest(app: Flask) -> int:
    with app.app_context():
        return db.session.scalars(select(ApprovalRequest.id).order_by(ApprovalRequest.id.desc())).first() or 0


def answer(who: Screens, number: int, verb: str, **fields: Any) -> int:
    """Open a dialog of a request and send it; return the status."""
    address = f"{APPROVALS}{number}/{verb}/"
    hidden = hidden_fields(who.client.get(address).text)
    return who.client.post(address, data={**hidden, "csrf_token": who.token, **fields}).status_code


def test_each_level_asks_and_the_other_answers(app: Flask, screens: Screens, sign_in: SignIn) -> None:
    msp, distributor = screens, visitor(app, sign_in, "distributor")
    customer = msp.plain_id()
    before, parent_id = msp.balance(customer), msp.account(customer).parent_id
    # The distributor sets the rule of its MSP.
    address = f"/msp/four-eyes/{parent_id}/"
    hidden = hidden_fields(distributor.client.get(address).text)
    set_rule = distributor.client.post(
        address, data={**hidden, "csrf_token": distributor.token, "use": "on", "threshold_points": "100"}
    )
    assert set_rule.status_code == 303
    asked = distributor.sent(f"{customer}/points/", direction="add", points="200")
    assert (asked.status_code, msp.balance(customer)) == (303, before)
    from_above = newest(app)
    page = text_of(msp.client.get(f"{APPROVALS}{from_above}/approve/").text)
    # Who asked above is known by company only.
    above = msp.account(msp.account(parent_id or 0).parent_id or 0).company_name
    assert f"依頼者 {above}" in page
    assert "distributor" not in page
    assert answer(msp, from_above, "approve") == 303
    assert msp.balance(customer) == before + 200
    assert msp.sent(f"{customer}/points/", direction="add", points="300").status_code == 303
    assert answer(distributor, newest(app), "approve") == 303
    assert msp.balance(customer) == before + 500
    assert msp.sent(f"{customer}/points/", direction="add", points="400").status_code == 303
    assert answer(distributor, newest(app), "reject", rejection_reason="多い") == 303
    log = text_of(msp.client.get("/msp/log/").text)
    assert f"承認依頼 No.: {from_above}" in log
    with app.app_context():
        told = select(OutgoingMail.recipient_email, OutgoingMail.kind).order_by(OutgoingMail.id)
        mails = [(email.partition("@")[0], kind.value) for email, kind in db.session.execute(told)]
    assert [mail for mail in mails if mail[1] == "approval_decision"] == [
        ("distributor", "approval_decision"),
        ("msp-a", "approval_decision"),
        ("msp-a", "approval_decision"),
    ]
    # MSP A has people of its own: those above are not asked by mail.
    asked_people = {name for name, kind in mails if kind == "approval_request"}
    assert asked_people == {"msp-a", "contract-a"}
