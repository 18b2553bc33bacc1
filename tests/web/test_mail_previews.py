"""メールの文面: every kind in both languages, marked as an example, for those who send them."""

from __future__ import annotations

import html
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from admin_views.mail_previews import OPERATOR_KINDS
from domain.lifecycle import AccountStatus
from models import Account
from models.mails import MailKind
from services.mail_examples import example_mail
from services.mail_texts import mail_brand_from
from services.transaction import transaction
from tests.web.customer_screens import Screens, text_of

MAILS = "/msp/mails/"
WORDS = (
    "納品通知",
    "管理者の登録通知",
    "パスワード設定の案内",
    "契約期限前の警告通知",
    "承認の通知",
    "却下の通知",
    "一時停止の予告",
)


def test_all_kinds_are_listed_with_when_and_to_whom(screens: Screens) -> None:
    page = screens.client.get(MAILS)
    words = text_of(page.text)
    assert page.status_code == 200
    for word in (*WORDS, "解約予定日の60日前と30日前", "申請した管理者"):
        assert word in words
    for kind in MailKind:
        assert (f'href="{MAILS}{kind.value}/"' in page.text) is (kind not in OPERATOR_KINDS)
    assert 'href="/msp/mails/"' in screens.get("").text


@pytest.mark.parametrize("language", ["ja", "en"])
def test_each_kind_is_shown_as_it_goes_out(screens: Screens, language: str) -> None:
    brand = mail_brand_from(screens.app.extensions["settings"])
    for kind in set(MailKind) - OPERATOR_KINDS:
        page = screens.client.get(f"{MAILS}{kind.value}/?language={language}").text
        mail = example_mail(kind, language=language, brand=brand)
        assert "見本です" in page
        assert mail.subject in html.unescape(page)
        assert mail.body_text in html.unescape(page)
        paragraph = mail.body_html.partition("<hr>\n")[2].partition("</p>")[0]
        assert paragraph in page
        assert f'<div class="mail-body" lang="{language}">' in page
        assert "<iframe" not in page


def test_odd_addresses(screens: Screens) -> None:
    assert 'lang="ja">' in screens.client.get(f"{MAILS}approval/?language=fr%00").text
    for kind in ("nothing", "approval.ja", "..%2fapproval", "_layout", "%00", "x" * 3000):
        assert screens.client.get(f"{MAILS}{kind}/").status_code == 404


def test_only_those_who_send_mails_see_them(
    app: Flask, client: FlaskClient, sign_in: Callable[..., object]
) -> None:
    assert client.get(MAILS).status_code == 303
    for name, status in (("contract-a", 200), ("distributor", 200), ("operator", 200), ("support", 403)):
        visitor = app.test_client()
        sign_in(visitor, name)
        assert visitor.get(MAILS).status_code == status
        assert visitor.get(f"{MAILS}approval/").status_code == status
    for name in ("system-a", "customer-a"):
        visitor = app.test_client()
        sign_in(visitor, name)
        assert visitor.get(MAILS).status_code == 403


def test_the_notice_dialog_leads_to_its_words(screens: Screens) -> None:
    page = screens.post("action/", {"action": "delivery_notice", "rowid": [str(screens.plain_id())]}).text
    assert 'href="/msp/mails/delivery_notice/"' in page


def test_the_dialog_says_which_reminders_a_date_brings(screens: Screens) -> None:
    account_id = screens.ids(
        Account.status == AccountStatus.ACTIVE,
        Account.contact_email.is_not(None),
        Account.contact_name.is_not(None),
        Account.cancellation_date.is_(None),
    )[0]
    told = {
        # From 2026-11-20: 60, 59, 30 and 29 days ahead.
        "2027-01-19": "60日前（2026/11/20）、30日前（2026/12/20）",
        "2027-01-18": "30日前（2026/12/19） 解約予定日まで60日未満のため、60日前には送信されません",
        "2026-12-20": "30日前（2026/11/20） 解約予定日まで60日未満のため",
        "2026-12-19": "解約予定日まで30日未満のため、契約期限前の警告通知は送信されません",
    }
    for date, words in told.items():
        assert words in text_of(screens.get(f"{account_id}/schedule/?cancellation_date={date}").text), date
    with screens.app.app_context(), transaction() as session:
        account = session.get_one(Account, account_id)
        account.contact_email = account.reseller_contact_email = None
    words = text_of(screens.get(f"{account_id}/schedule/?cancellation_date=2027-01-19").text)
    assert "送信できる担当者がいないため" in words
