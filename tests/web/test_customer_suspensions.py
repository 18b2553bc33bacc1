"""一時停止, 再開 and 不達の解除 on the screens."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from domain.lifecycle import AccountStatus, SuspensionReason
from models import Account, OutgoingMail
from models.mails import MailKind, MailState
from services.transaction import transaction
from tests.support.databases import START
from tests.web.browser_session import csrf_token_of
from tests.web.customer_screens import LIST, Screens, text_of

BEGUN = START - dt.timedelta(hours=1)


def test_suspended_by_hand_and_resumed(screens: Screens) -> None:
    account_id = screens.plain_id()
    name = screens.account(account_id).company_name
    assert f"{account_id}/suspend/" in screens.get(f"{account_id}/").text
    page = screens.get(f"{account_id}/suspend/")
    for words in ("閲覧のみ", "月額利用料は、一時停止中も発生", "自動では解除されません"):
        assert words in page.text
    for reason, told in (
        ("", "必須項目です。"),
        ("\u3000", "必須項目です。"),
        ("あ" * 501, "500文字以内"),
    ):
        answer = screens.sent(f"{account_id}/suspend/", reason=reason)
        assert answer.status_code == 422
        assert told in answer.text
    assert screens.account(account_id).status is AccountStatus.ACTIVE
    assert screens.sent(f"{account_id}/suspend/", reason="料金未納\nのため <b>").status_code == 303
    rows = screens.get("?state=suspended&page_size=100").text
    assert "一時停止（手動）" in rows
    assert f"{account_id}/resume/" in rows
    own_page = screens.get(f"{account_id}/").text
    assert f"{account_id}/resume/" in own_page
    assert f"{account_id}/suspend/" not in own_page
    assert screens.sent(f"{account_id}/suspend/", reason="もう一度").status_code == 409
    assert "料金未納\nのため &lt;b&gt;" in screens.get(f"{account_id}/resume/").text
    assert screens.sent(f"{account_id}/resume/").status_code == 303
    account = screens.account(account_id)
    assert (account.status, account.suspension_reason) == (AccountStatus.ACTIVE, None)
    assert f"{name} の利用を再開しました" in screens.get("").text
    assert screens.get(f"{account_id}/resume/").status_code == 409
    assert screens.post(f"{account_id}/resume/").status_code == 409


def test_a_shortage_is_not_lifted_by_hand(screens: Screens) -> None:
    account_id = screens.ids(Account.suspension_reason == SuspensionReason.SHORTAGE)[0]
    assert "ポイントを追加して0以上になると自動で解除されます" in screens.get(f"{account_id}/resume/").text
    assert screens.post(f"{account_id}/resume/").status_code == 409
    assert screens.account(account_id).suspension_reason is SuspensionReason.SHORTAGE


@pytest.mark.parametrize("dialog", ["suspend", "resume", "bounces/lift"])
def test_others_rows_and_readers(
    app: Flask, screens: Screens, sign_in: Callable[..., object], dialog: str
) -> None:
    for wrong in (screens.foreign_id(), 2**62):
        assert screens.get(f"{wrong}/{dialog}/?email=a@example.jp").status_code == 404
        assert screens.post(f"{wrong}/{dialog}/", {"reason": "x", "email": "a@example.jp"}).status_code == 404
    assert screens.get(f"{screens.canceled_id()}/{dialog}/").status_code == 409
    support: FlaskClient = app.test_client()
    sign_in(support, "support")
    address = f"{LIST}{screens.plain_id()}/{dialog}/"
    assert support.get(address).status_code == 403
    assert support.post(address, data={"csrf_token": csrf_token_of(support)}).status_code == 403


def bounce(screens: Screens, account_id: int, email: str) -> None:
    with screens.app.app_context(), transaction() as session:
        session.add(
            OutgoingMail(
                kind=MailKind.DELIVERY_NOTICE,
                account_id=account_id,
                recipient_name="山田",
                recipient_email=email,
                subject="s",
                body_text="b",
                message_id="<1@x>",
                event_key="k",
                state=MailState.BOUNCED,
                attempts=1,
                next_attempt_at=BEGUN,
                created_at=BEGUN,
                last_error="550 <no> such user",
            )
        )


def test_a_bounce_is_said_in_the_notice_and_lifted_from_the_row(screens: Screens) -> None:
    account_id = screens.ids(
        Account.status == AccountStatus.ACTIVE,
        Account.contact_email.is_not(None),
        Account.contact_name.is_not(None),
        Account.cancellation_date.is_(None),
    )[0]
    email = screens.account(account_id).contact_email or ""
    bounce(screens, account_id, email)
    notice = {"action": "delivery_notice", "rowid": [str(account_id)]}
    words = text_of(screens.post("action/", notice).text)
    assert "不達のため送信されません" in words or "宛先が不達のため送信されません" in words
    row = screens.get("?page_size=100").text
    assert "メール不達" in row
    address = f"{account_id}/bounces/lift/?email={email.replace('@', '%40')}"
    assert address.replace("%40", "@") in row.replace("&amp;", "&")
    page = screens.get(address)
    assert page.status_code == 200
    assert email in page.text
    assert "550 &lt;no&gt; such user" in page.text
    assert f"{BEGUN.astimezone(dt.timezone(dt.timedelta(hours=9))):%Y/%m/%d %H:%M}" in page.text
    assert screens.sent(address).status_code == 303
    row = screens.get("?page_size=100").text
    assert f"{email} の不達を解除しました" in row
    assert "メール不達" not in row
    assert "不達のため送信されません" not in text_of(screens.post("action/", notice).text)
    assert screens.get(address).status_code == 404
    assert screens.post(address, {"email": email}).status_code == 404


@pytest.mark.parametrize("email", ["", "%00", "nobody%40example.jp", "x" * 3000, "%27%3B--"])
def test_what_never_bounced_cannot_be_lifted(screens: Screens, email: str) -> None:
    account_id = screens.plain_id()
    assert screens.get(f"{account_id}/bounces/lift/?email={email}").status_code == 404
    assert screens.post(f"{account_id}/bounces/lift/", {"email": email}).status_code == 404
