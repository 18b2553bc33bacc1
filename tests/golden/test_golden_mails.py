"""Every mail in both languages, word for word. `make golden` writes them anew."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from models.mails import MailKind
from services.mail_texts import LANGUAGES, MailBrand, render_mail

FOLDER = Path(__file__).parent / "mails"
BRAND = MailBrand(brand_name="SingleID", portal_url="https://portal.example.jp")
ACCOUNT: dict[str, Any] = {
    "recipient_name": "山田 太郎",
    "recipient_company": "株式会社青空商事",
    "account_number": "10000042",
    "company_name": "株式会社青空商事",
    "contract_user_count": 1200,
}
CONTEXTS: dict[MailKind, dict[str, Any]] = {
    MailKind.DELIVERY_NOTICE: {
        "contract_date": dt.date(2026, 11, 20),
        "postal_code": "100-0001",
        "prefecture": "東京都",
        "city": "千代田区",
        "address_line": "千代田1-1",
        "phone_number": "03-1234-5678",
        "website_url": "https://aozora.example.jp",
        "contact_name": "山田 太郎",
        "administrator_user_names": ("aozora-admin", "aozora-sub"),
    },
    MailKind.APPROVAL: {"applied_on": dt.date(2026, 11, 18)},
    MailKind.REJECTION: {
        "applied_on": dt.date(2026, 11, 18),
        "rejection_reason": "電話番号を確認できませんでした。\n代表番号をご記入ください。",
    },
    MailKind.CANCELLATION_REMINDER: {"cancellation_date": dt.date(2026, 12, 25), "days_left": 30},
    MailKind.SUSPENSION_WARNING: {
        "point_balance": -1080,
        "negative_on": dt.date(2026, 10, 25),
        "suspension_on": dt.date(2026, 11, 24),
    },
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(MailKind))
def test_mail_says_what_it_said(kind: MailKind, language: str) -> None:
    mail = render_mail(kind=kind, language=language, brand=BRAND, context=ACCOUNT | CONTEXTS[kind])
    text = f"Subject: {mail.subject}\n\n{mail.body_text}"
    kept = FOLDER / f"{kind.value}.{language}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        kept.write_text(text, encoding="utf-8")
    assert text == kept.read_text(encoding="utf-8")


def test_delivery_notice_without_administrators_and_optional_facts_says_so() -> None:
    context = ACCOUNT | CONTEXTS[MailKind.DELIVERY_NOTICE]
    context |= {
        "administrator_user_names": (),
        "website_url": None,
        "address_line": None,
        "contact_name": None,
    }
    mail = render_mail(kind=MailKind.DELIVERY_NOTICE, language="ja", brand=BRAND, context=context)
    assert "管理者は、まだ登録されていません" in mail.body_text
    assert "None" not in mail.body_text
    assert "ウェブサイト" not in mail.body_text


def test_line_breaks_in_a_name_stay_out_of_the_subject() -> None:
    context = ACCOUNT | CONTEXTS[MailKind.APPROVAL] | {"company_name": "青空\r\nBcc: evil@example.jp"}
    mail = render_mail(kind=MailKind.APPROVAL, language="ja", brand=BRAND, context=context)
    assert "青空 Bcc: evil@example.jp" in mail.subject


def test_words_of_a_customer_are_no_template() -> None:
    context = ACCOUNT | CONTEXTS[MailKind.APPROVAL] | {"company_name": "{{7*7}} <b>%s"}
    mail = render_mail(kind=MailKind.APPROVAL, language="ja", brand=BRAND, context=context)
    assert "{{7*7}} <b>%s" in mail.body_text


def test_an_unknown_language_gets_japanese() -> None:
    mails = [
        render_mail(
            kind=MailKind.APPROVAL,
            language=language,
            brand=BRAND,
            context=ACCOUNT | CONTEXTS[MailKind.APPROVAL],
        )
        for language in ("ja", "fr")
    ]
    assert mails[0] == mails[1]


def test_a_missing_value_is_an_error_instead_of_a_gap() -> None:
    with pytest.raises(UndefinedError):
        render_mail(kind=MailKind.APPROVAL, language="ja", brand=BRAND, context=ACCOUNT)
