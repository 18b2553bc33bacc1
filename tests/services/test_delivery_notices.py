"""納品通知, the answers to applications, and the mails that the clock causes."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from domain.billing_calendar import start_of_day
from domain.lifecycle import AccountStatus, SuspensionReason
from domain.permissions import AccountType, AdminLevel
from domain.points import PointKind
from models import Account, AuditEvent, Cancellation, OutgoingMail, db
from models.mails import MailKind, MailState
from services import ledger
from services.access import AccountNotVisible, PermissionRefused
from services.account_contacts import ContactGap, ContactRole
from services.application_mails import queue_approval_mail, queue_rejection_mail
from services.delivery_notices import (
    DeliveryNoticeResult,
    NobodyToNotify,
    NoticeRefusal,
    plan_delivery_notices,
    send_delivery_notices,
)
from services.ledger import LineDraft
from services.refills import LARGEST_SELECTION, SelectionTooLarge
from services.requests import RequestIdMissing, RequestIdReused
from services.transaction import transaction
from services.warning_mails import queue_cancellation_reminders, queue_suspension_warnings
from tests.support.mail_accounts import BRAND, NOW, Tree, administrator, agree, customer, plant_tree

NOBODY: dict[str, Any] = {"contact_email": None, "reseller_contact_name": None}
CANCELED: dict[str, Any] = {"status": AccountStatus.CANCELED, "canceled_at": NOW}
PENDING: dict[str, Any] = {"status": AccountStatus.APPROVED, "provisioned_at": None, "contract_date": None}


@pytest.fixture
def tree(app: Flask) -> Iterator[Tree]:
    with app.app_context():
        yield plant_tree()


def send(tree: Tree, *account_ids: int, request_id: str | None = None) -> DeliveryNoticeResult:
    with transaction():
        return send_delivery_notices(
            viewer=tree.viewer,
            account_ids=account_ids,
            request_id=request_id or str(uuid.uuid4()),
            brand=BRAND,
            now=NOW,
        )


def mails(kind: MailKind | None = None) -> list[OutgoingMail]:
    db.session.rollback()
    statement = select(OutgoingMail).order_by(OutgoingMail.id)
    if kind:
        statement = statement.where(OutgoingMail.kind == kind)
    return list(db.session.scalars(statement))


def test_notice_goes_to_both_contacts_with_the_facts_and_no_password(tree: Tree) -> None:
    account_id = customer(tree, "20000001", contract_user_count=1200)
    with transaction():
        administrator(account_id, "customer-1", AdminLevel.SYSTEM)
        administrator(account_id, "disabled-1", AdminLevel.SYSTEM).is_disabled = True
    assert send(tree, account_id) == DeliveryNoticeResult(mail_count=2, notified_count=1, refused_count=0)
    profile, reseller = mails()
    assert (profile.recipient_name, profile.recipient_email) == ("山田 太郎", "taro-20000001@example.jp")
    assert (reseller.recipient_name, reseller.recipient_email) == ("佐藤 花子", "hanako@example.jp")
    assert profile.body_text.startswith("顧客20000001\n山田 太郎 様\n")
    assert reseller.body_text.startswith("販売店A\n佐藤 花子 様\n")
    for fact in (
        "20000001",
        "契約ユーザ数: 1,200",
        "https://portal.example.jp",
        "・customer-1",
        "東京都千代田区",
    ):
        assert fact in profile.body_text
    assert "disabled-1" not in profile.body_text
    assert {mail.state for mail in mails()} == {MailState.WAITING}


@pytest.mark.parametrize(
    ("values", "gaps"),
    [
        ({}, (None, None)),
        ({"contact_name": None}, (ContactGap.NAME_MISSING, None)),
        ({"reseller_contact_email": ""}, (None, ContactGap.EMAIL_MISSING)),
        ({"contact_name": None, "contact_email": None}, (ContactGap.NAME_AND_EMAIL_MISSING, None)),
        ({"reseller_contact_email": "TARO-20000001@example.jp"}, (None, ContactGap.SAME_ADDRESS)),
    ],
)
def test_plan_says_who_gets_a_mail_and_who_cannot(
    tree: Tree, values: dict[str, Any], gaps: tuple[ContactGap | None, ...]
) -> None:
    account_id = customer(tree, "20000001", **values)
    (row,) = plan_delivery_notices(viewer=tree.viewer, account_ids=[account_id], now=NOW).rows
    assert tuple(contact.gap for contact in row.contacts) == gaps
    assert [contact.role for contact in row.contacts] == [ContactRole.PROFILE, ContactRole.RESELLER]
    assert len(row.recipients) == gaps.count(None)
    assert row.refusal is None
    assert not row.has_administrator
    assert send(tree, account_id).mail_count == gaps.count(None)


def test_accounts_that_cannot_be_notified_say_why_and_hold_up_nobody(tree: Tree) -> None:
    ids = [
        customer(tree, "20000001", **CANCELED),
        customer(tree, "20000002", **PENDING),
        customer(tree, "20000003", **NOBODY),
        customer(tree, "20000004", cancellation_date=dt.date(2026, 11, 20)),
        customer(tree, "20000005", status="suspended", suspension_reason=SuspensionReason.MANUAL),
    ]
    plan = plan_delivery_notices(viewer=tree.viewer, account_ids=[*ids, ids[0]], now=NOW)
    assert [row.refusal for row in plan.rows] == [
        NoticeRefusal.CANCELED,
        NoticeRefusal.NOT_PROVISIONED,
        NoticeRefusal.NO_RECIPIENT,
        NoticeRefusal.CANCELLATION_UNDER_WAY,
        None,
    ]
    assert (plan.mail_count, plan.notified_count, plan.refused_count) == (2, 1, 4)
    assert send(tree, *ids) == DeliveryNoticeResult(mail_count=2, notified_count=1, refused_count=4)
    assert {mail.account_id for mail in mails()} == {ids[4]}


def test_nothing_to_send_is_refused(tree: Tree) -> None:
    with pytest.raises(NobodyToNotify):
        send(tree, customer(tree, "20000001", **CANCELED))
    with pytest.raises(NobodyToNotify):
        send(tree)
    with pytest.raises(SelectionTooLarge):
        send(tree, *range(1, LARGEST_SELECTION + 2))
    assert mails() == []


def test_the_same_request_again_sends_nothing_more(tree: Tree) -> None:
    account_id, other_id = customer(tree, "20000001"), customer(tree, "20000002")
    request_id = str(uuid.uuid4())
    first = send(tree, account_id, request_id=request_id)
    assert send(tree, account_id, request_id=request_id) == first
    with pytest.raises(RequestIdReused):
        send(tree, other_id, request_id=request_id)
    with pytest.raises(RequestIdMissing):
        send(tree, other_id, request_id="1")
    assert len(mails()) == 2
    assert len(db.session.scalars(select(AuditEvent)).all()) == 1
    # A new press of the button is a new event.
    send(tree, account_id)
    assert len(mails()) == 4


def test_one_audit_event_names_the_accounts(tree: Tree) -> None:
    account_id, refused_id = customer(tree, "20000001"), customer(tree, "20000002", **NOBODY)
    send(tree, account_id, refused_id)
    told, event = db.session.scalars(select(AuditEvent).order_by(AuditEvent.action))
    assert (told.action, told.account_id, told.details) == (
        "delivery_notice.sent",
        account_id,
        {"mail_count": 2},
    )
    assert (event.action, event.account_id) == ("delivery_notices.sent", tree.msp_id)
    assert (event.actor_name, event.recorded_at) == ("msp-a", NOW)
    assert event.details["account_ids"] == [account_id]
    assert (event.details["mail_count"], event.details["refused_count"]) == (2, 1)


def test_one_foreign_account_refuses_all(tree: Tree) -> None:
    own_id, foreign_id = customer(tree, "20000001"), customer(tree, "20000002", parent_id=tree.other_msp_id)
    for account_ids in ([own_id, foreign_id], [own_id, 999_999], [tree.msp_id]):
        with pytest.raises(AccountNotVisible):
            plan_delivery_notices(viewer=tree.viewer, account_ids=account_ids, now=NOW)
        with pytest.raises(AccountNotVisible):
            send(tree, *account_ids)
    assert mails() == []


@pytest.mark.parametrize(
    ("account_type", "level"),
    [(AccountType.SUPPORT, AdminLevel.OVERALL), (AccountType.MSP, AdminLevel.SYSTEM)],
)
def test_who_may_not_send_notices_is_refused(
    tree: Tree, account_type: AccountType, level: AdminLevel
) -> None:
    account_id = customer(tree, "20000001")
    tree.viewer = replace(tree.viewer, account_type=account_type, level=level)
    with pytest.raises(PermissionRefused):
        plan_delivery_notices(viewer=tree.viewer, account_ids=[account_id], now=NOW)
    with pytest.raises(PermissionRefused):
        send(tree, account_id)


def test_english_accounts_get_english_mails(tree: Tree) -> None:
    send(tree, customer(tree, "20000001", language="en"))
    assert mails()[0].subject == "[SingleID] Your account is ready (account number 20000001)"


def test_longest_names_fit_into_a_mail(tree: Tree) -> None:
    customer_id = customer(tree, "20000001", contact_name="名" * 100, contact_email="a" * 242 + "@example.jp")
    with transaction():
        db.session.get_one(Account, customer_id).company_name = "社" * 120
    assert send(tree, customer_id).mail_count == 2


def decide(tree: Tree, account_id: int, decided_at: dt.datetime, **values: str) -> Account:
    account = db.session.get_one(Account, account_id)
    account.applied_by_id = tree.viewer.administrator_id
    account.decided_at = decided_at
    for name, value in values.items():
        setattr(account, name, value)
    return account


def test_the_applicant_is_told_of_approval_once(tree: Tree) -> None:
    account_id = customer(tree, "20000001", **PENDING)
    for _ in range(2):
        with transaction():
            account = decide(tree, account_id, NOW)
            queue_approval_mail(account=account, brand=BRAND, now=NOW)
    (mail,) = mails(MailKind.APPROVAL)
    assert (mail.recipient_email, mail.recipient_name) == ("msp-a@example.jp", "担当 msp-a")
    assert mail.body_text.startswith("販売店A\n担当 msp-a 様\n")
    assert "アカウント番号: 20000001" in mail.body_text


def test_the_applicant_is_told_of_each_rejection_with_its_reason(tree: Tree) -> None:
    account_id = customer(tree, "20000001", **PENDING)
    for day, reason in enumerate(("電話番号の誤り", "住所の誤り")):
        with transaction():
            now = NOW + dt.timedelta(days=day)
            account = decide(tree, account_id, now, rejection_reason=reason)
            queue_rejection_mail(account=account, brand=BRAND, now=now)
    first, second = mails(MailKind.REJECTION)
    assert "電話番号の誤り" in first.body_text
    assert "住所の誤り" in second.body_text


def test_an_application_without_an_applicant_tells_nobody(tree: Tree) -> None:
    account_id = customer(tree, "20000001", **PENDING)
    with transaction():
        account = db.session.get_one(Account, account_id)
        assert queue_approval_mail(account=account, brand=BRAND, now=NOW) is None


DATE = dt.date(2027, 3, 31)


def schedule(tree: Tree, account_id: int, date: dt.date, *, days_before: int) -> None:
    """Set 解約予定日 at noon of a day so many days before it."""
    consented_at = start_of_day(date - dt.timedelta(days=days_before)) + dt.timedelta(hours=12)
    with transaction() as session:
        session.get_one(Account, account_id).cancellation_date = date
        for former in session.scalars(select(Cancellation).where(Cancellation.account_id == account_id)):
            former.lifted_at = former.lifted_at or consented_at
        session.flush()
        agree(tree, account_id, date, consented_at)


def remind(days_before: int, *, date: dt.date = DATE, seconds: int = 0) -> int:
    now = start_of_day(date - dt.timedelta(days=days_before)) + dt.timedelta(seconds=seconds)
    with transaction():
        return queue_cancellation_reminders(now=now, brand=BRAND)


def test_both_contacts_are_reminded_at_sixty_and_thirty_days(tree: Tree) -> None:
    schedule(tree, customer(tree, "20000001"), DATE, days_before=100)
    assert remind(60, seconds=-1) == 0
    assert remind(60) == 2
    assert [remind(days) for days in (60, 59, 31)] == [0, 0, 0]
    assert remind(30) == 2
    assert [remind(days) for days in (29, 1, 0, -1)] == [0, 0, 0, 0]
    assert "解約予定日まであと60日です" in mails()[0].subject
    assert "解約予定日まであと30日です" in mails()[2].subject
    assert "2027年3月31日" in mails()[0].body_text


def test_a_late_worker_reminds_once_with_the_days_that_are_left(tree: Tree) -> None:
    schedule(tree, customer(tree, "20000001"), DATE, days_before=100)
    assert [remind(days) for days in (55, 54)] == [2, 0]
    assert "あと55日" in mails()[0].subject
    # Off over both steps: only the nearer one is told.
    schedule(tree, customer(tree, "20000002"), DATE, days_before=100)
    assert [remind(days) for days in (12, 11)] == [4, 0]


@pytest.mark.parametrize(("days_before", "mail_count"), [(60, 4), (59, 2), (30, 2), (29, 0), (1, 0)])
def test_no_reminder_of_a_step_that_had_passed_when_the_date_was_set(
    tree: Tree, days_before: int, mail_count: int
) -> None:
    schedule(tree, customer(tree, "20000001"), DATE, days_before=days_before)
    assert sum(remind(days) for days in range(days_before, -1, -1)) == mail_count


def test_another_date_is_reminded_anew_and_a_lifted_one_not_at_all(tree: Tree) -> None:
    account_id = customer(tree, "20000001")
    schedule(tree, account_id, DATE, days_before=100)
    assert remind(60) == 2
    later = DATE + dt.timedelta(days=40)
    schedule(tree, account_id, later, days_before=90)
    assert remind(60, date=later) == 2
    with transaction() as session:
        session.get_one(Account, account_id).cancellation_date = None
        for cancellation in session.scalars(select(Cancellation)):
            cancellation.lifted_at = cancellation.lifted_at or NOW
    assert remind(30, date=later) == 0


def test_without_contacts_or_after_the_end_nobody_is_reminded(tree: Tree) -> None:
    unreachable_id = customer(tree, "20000001", **NOBODY)
    schedule(tree, unreachable_id, DATE, days_before=100)
    customer(tree, "20000002", **CANCELED)
    assert remind(60) == 0
    with transaction() as session:
        session.get_one(Account, unreachable_id).contact_email = "late@example.jp"
    assert [remind(45), remind(44)] == [1, 0]


SHORT_SINCE = NOW - dt.timedelta(days=90)


def owe(account_id: int, points: int, now: dt.datetime) -> None:
    """Take points from a balance of 0: what is below zero is a line of its own, without a second side."""
    with transaction():
        ledger.post(drafts=[LineDraft(account_id, PointKind.RETURN, -points)], viewer=None, now=now)


def pay(tree: Tree, account_id: int, points: int, now: dt.datetime) -> None:
    """Issue points at the top and hand them down to a customer."""
    with transaction():
        drafts = [LineDraft(tree.distributor_id, PointKind.ISSUE, points)]
        for payer_id, receiver_id in ((tree.distributor_id, tree.msp_id), (tree.msp_id, account_id)):
            drafts += ledger.transfer(
                payer_id=payer_id, account_id=receiver_id, kind=PointKind.ADDITION, points=points
            )
        ledger.post(drafts=drafts, viewer=None, now=now)


def warn(now: dt.datetime) -> int:
    with transaction():
        return queue_suspension_warnings(now=now, suspend_after_days=30, brand=BRAND)


def test_suspension_is_warned_of_seven_days_ahead_once(tree: Tree) -> None:
    account_id = customer(tree, "20000001")
    owe(account_id, 1080, SHORT_SINCE)
    due = SHORT_SINCE + dt.timedelta(days=23)
    assert [warn(due - dt.timedelta(seconds=1)), warn(due), warn(due + dt.timedelta(days=3))] == [0, 2, 0]
    body = mails(MailKind.SUSPENSION_WARNING)[0].body_text
    for fact in ("現在のポイント: -1,080", "2026年8月22日", "2026年9月21日", "1,080ポイントの追加"):
        assert fact in body
    # Paid and short again: a new warning.
    pay(tree, account_id, 1080, due + dt.timedelta(days=4))
    owe(account_id, 5, due + dt.timedelta(days=4))
    assert warn(due + dt.timedelta(days=4 + 23)) == 2


def test_a_late_worker_warns_of_a_later_suspension(tree: Tree) -> None:
    owe(customer(tree, "20000001"), 5, SHORT_SINCE)
    assert warn(SHORT_SINCE + dt.timedelta(days=31)) == 2
    assert "2026年9月29日" in mails(MailKind.SUSPENSION_WARNING)[0].body_text


def test_only_those_who_would_be_suspended_are_warned(tree: Tree) -> None:
    owe(
        customer(tree, "20000001", status="suspended", suspension_reason=SuspensionReason.SHORTAGE),
        5,
        SHORT_SINCE,
    )
    with transaction() as session:
        msp = session.get_one(Account, tree.msp_id)
        msp.contact_name, msp.contact_email = "担当", "msp@example.jp"
    owe(tree.msp_id, 5, SHORT_SINCE)
    customer(tree, "20000002")
    assert warn(SHORT_SINCE + dt.timedelta(days=25)) == 0
