"""不達: what a bounce withholds and what it does not, and the lifting of it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func, select

from domain.permissions import AccountType
from models import Account, AuditEvent, BounceLift, OutgoingMail, db
from models.mails import MailKind, MailState
from services import bounces
from services.access import AccountNotVisible, PermissionRefused
from services.bounces import BounceUnknown, bounced_addresses, is_withheld
from services.delivery_notices import NoticeRefusal, plan_delivery_notices, send_delivery_notices
from services.mail_transports import MailMessage, MailRefused
from services.outgoing_mails import send_waiting
from services.transaction import transaction
from services.warning_mails import queue_cancellation_reminders
from tests.support.mail_accounts import BRAND, NOW, Tree, agree, customer, plant_tree

TARO = "taro-20000001@example.jp"


class Refusing:
    """A server that knows some addresses no more."""

    delivered_state = MailState.SENT

    def __init__(self, *refused: str) -> None:
        self.refused = refused

    def deliver(self, message: MailMessage) -> None:
        if message.recipient_email.lower() in self.refused:
            raise MailRefused("550 No such mailbox")


@pytest.fixture
def tree(app: Flask) -> Iterator[Tree]:
    with app.app_context():
        yield plant_tree()


def notify(tree: Tree, *account_ids: int) -> int:
    with transaction():
        return send_delivery_notices(
            viewer=tree.viewer, account_ids=account_ids, request_id=str(uuid.uuid4()), brand=BRAND, now=NOW
        ).mail_count


def bounce(tree: Tree, account_id: int, *emails: str, now: dt.datetime = NOW) -> None:
    notify(tree, account_id)
    send_waiting(now=now, transport=Refusing(*emails))


def lift(tree: Tree, account_id: int, email: str, now: dt.datetime = NOW) -> bounces.BouncedAddress:
    with transaction():
        return bounces.lift(viewer=tree.viewer, account_id=account_id, email=email, now=now)


def marked(account_id: int) -> list[str]:
    db.session.rollback()
    return [address.email for address in bounced_addresses([account_id]).get(account_id, ())]


def test_a_bounced_contact_gets_no_notice_and_the_plan_says_so(tree: Tree) -> None:
    account_id = customer(tree, "20000001", contact_email="Taro-20000001@example.jp")
    bounce(tree, account_id, TARO)
    (row,) = plan_delivery_notices(viewer=tree.viewer, account_ids=[account_id], now=NOW).rows
    assert [contact.email for contact in row.recipients] == ["hanako@example.jp"]
    assert row.bounced_emails == {TARO}
    assert (row.bounced[0].reason, row.bounced[0].bounced_at) == ("550 No such mailbox", NOW)
    assert notify(tree, account_id) == 1
    bounce(tree, account_id, "hanako@example.jp")
    (row,) = plan_delivery_notices(viewer=tree.viewer, account_ids=[account_id], now=NOW).rows
    assert (row.refusal, row.recipients) == (NoticeRefusal.ALL_BOUNCED, ())
    # Another customer with the same reseller is told of its own bounces only.
    assert notify(tree, customer(tree, "20000002")) == 2


def test_what_the_clock_withholds_is_kept_and_shown(tree: Tree) -> None:
    account_id = customer(tree, "20000001")
    bounce(tree, account_id, TARO)
    day = dt.date(2026, 12, 20)
    with transaction():
        db.session.get_one(Account, account_id).cancellation_date = day
        agree(tree, account_id, day, NOW - dt.timedelta(days=10))
    for _ in range(2):
        with transaction():
            queued = queue_cancellation_reminders(now=NOW, brand=BRAND)
        assert queued in (1, 0)
    reminder = OutgoingMail.kind == MailKind.CANCELLATION_REMINDER
    mails = {mail.recipient_email: mail for mail in db.session.scalars(select(OutgoingMail).where(reminder))}
    assert len(mails) == 2
    withheld = mails[TARO]
    assert (withheld.state, withheld.last_error) == (MailState.BOUNCED, "550 No such mailbox")
    assert is_withheld(withheld)
    assert mails["hanako@example.jp"].state is MailState.WAITING
    event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "warning_mail.queued")).one()
    assert (event.details["mail_count"], event.details["withheld_count"]) == (1, 1)
    found = bounces.find_bounce(viewer=tree.viewer, account_id=account_id, email=TARO)
    assert (found.withheld_count, found.bounced_at, found.reason) == (1, NOW, "550 No such mailbox")
    # Lifting sends nothing that was withheld.
    lift(tree, account_id, TARO)
    assert send_waiting(now=NOW, transport=Refusing()).delivered_count == 1
    assert marked(account_id) == []


def test_after_a_lift_mails_go_there_again_and_a_new_bounce_counts_anew(tree: Tree) -> None:
    account_id = customer(tree, "20000001")
    bounce(tree, account_id, TARO)
    lifted = lift(tree, account_id, f" {TARO.upper()} ")
    assert lifted.email == TARO
    assert marked(account_id) == []
    event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "bounce.lifted")).one()
    assert (event.account_id, event.details["email"]) == (account_id, TARO)
    assert event.details["reason"] == "550 No such mailbox"
    with pytest.raises(BounceUnknown):
        lift(tree, account_id, TARO)
    assert db.session.scalar(select(func.count(BounceLift.id))) == 1
    later = NOW + dt.timedelta(minutes=1)
    bounce(tree, account_id, TARO, now=later)
    assert marked(account_id) == [TARO]
    lift(tree, account_id, TARO, now=later)
    assert notify(tree, account_id) == 2
    assert send_waiting(now=later, transport=Refusing()).delivered_count == 2


def test_a_mail_that_was_under_way_at_the_lift_may_bounce_anew(tree: Tree) -> None:
    account_id = customer(tree, "20000001")
    notify(tree, account_id)
    bounce(tree, account_id, TARO)
    assert marked(account_id) == [TARO]
    late = db.session.scalars(select(OutgoingMail).order_by(OutgoingMail.id)).first()
    assert late is not None
    with transaction() as session:
        session.get_one(OutgoingMail, late.id).state = MailState.RETRYING
    lift(tree, account_id, TARO)
    send_waiting(now=NOW + dt.timedelta(days=2), transport=Refusing(TARO))
    assert marked(account_id) == [TARO]


def test_only_those_above_lift_and_only_what_bounced(tree: Tree) -> None:
    account_id, foreign_id = (
        customer(tree, "20000001"),
        customer(tree, "20000002", parent_id=tree.other_msp_id),
    )
    bounce(tree, account_id, TARO)
    for email in ("hanako@example.jp", "", "\0", "x" * 5000):
        with pytest.raises(BounceUnknown):
            bounces.find_bounce(viewer=tree.viewer, account_id=account_id, email=email)
    for wrong_id in (foreign_id, tree.msp_id, 2**62):
        with pytest.raises(AccountNotVisible):
            lift(tree, wrong_id, TARO)
    support = replace(tree.viewer, account_type=AccountType.SUPPORT)
    with pytest.raises(PermissionRefused), transaction():
        bounces.lift(viewer=support, account_id=account_id, email=TARO, now=NOW)
    assert marked(account_id) == [TARO]
