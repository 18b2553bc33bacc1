"""Made-up facts for each kind of mail, for the previews in the portal and the golden files. Nobody real."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Any

from models.mails import MailKind
from services.mail_texts import LANGUAGES, MailBrand, MailText, render_mail

_APPLIED_ON = dt.date(2026, 11, 18)
_ACCOUNT: dict[str, dict[str, Any]] = {
    "ja": {
        "recipient_name": "山田 太郎",
        "recipient_company": "株式会社青空商事",
        "company_name": "株式会社青空商事",
    },
    "en": {
        "recipient_name": "Taro Yamada",
        "recipient_company": "Aozora Trading Co., Ltd.",
        "company_name": "Aozora Trading Co., Ltd.",
    },
}
_EVERYWHERE: dict[str, Any] = {"account_number": "10000042", "contract_user_count": 1200}
_ADDRESS: dict[str, dict[str, Any]] = {
    "ja": {
        "prefecture": "東京都",
        "city": "千代田区",
        "address_line": "千代田1-1",
        "contact_name": "山田 太郎",
    },
    "en": {
        "prefecture": "東京都",
        "city": "千代田区",
        "address_line": "千代田1-1",
        "contact_name": "Taro Yamada",
    },
}
_REASON = {
    "ja": "電話番号を確認できませんでした。\n代表番号をご記入ください。",
    "en": "We could not reach you at the telephone number.\nPlease give the main number.",
}

_REJECTED = {
    "ja": "契約書のユーザ数と合いません。\nご確認のうえ、もう一度ご依頼ください。",
    "en": "This does not match the users in the contract.\nPlease check and ask again.",
}
_APPROVAL: dict[str, Any] = {
    "number": 42,
    "payer_name": "MSP A",
    "approval_kind": "addition",
    "account_count": 0,
    "points": 1200,
    "scheduled_on": None,
    "expires_on": dt.date(2026, 11, 25),
    "expires_time": "00:00",
    "state": "open",
    "moved_points": None,
    "rejection_reason": "",
}
_SECOND_FACTOR = {
    "user_name": "aozora-admin",
    "change": "taken_away",
    "changed_on": dt.date(2026, 11, 20),
    "changed_time": "12:00",
}

#: What the mails to those who run the portal say, in any language.
_OF_OPERATOR: dict[MailKind, dict[str, Any]] = {
    MailKind.OPERATOR_ALARM: {
        "alarm": "late_run",
        "billing_date": dt.date(2026, 11, 25),
        "late_minutes": 16,
        "account_count": 0,
        "due_points": 0,
        "laws": (),
        "verified_at": "",
    },
    MailKind.AUDIT_HEAD: {
        "told_on": dt.date(2026, 11, 25),
        "seal_number": 4821,
        "seal_hash": hashlib.sha256(b"example").hexdigest(),
    },
}


def example_context(kind: MailKind, *, language: str, brand: MailBrand) -> Mapping[str, Any]:
    """Return everything that the template of a kind of mail names, in a language of LANGUAGES."""
    return {**_EVERYWHERE, **_ACCOUNT[language], **_facts(kind, language, brand)}


def example_mail(kind: MailKind, *, language: str, brand: MailBrand) -> MailText:
    """Return a mail of a kind as it would go out with made-up facts; another language gets Japanese."""
    language = language if language in LANGUAGES else LANGUAGES[0]
    context = example_context(kind, language=language, brand=brand)
    return render_mail(kind=kind, language=language, brand=brand, context=context)


def _facts(kind: MailKind, language: str, brand: MailBrand) -> dict[str, Any]:
    facts: dict[MailKind, dict[str, Any]] = {
        MailKind.DELIVERY_NOTICE: {
            **_ADDRESS[language],
            "contract_date": dt.date(2026, 11, 20),
            "postal_code": "100-0001",
            "phone_number": "03-1234-5678",
            "website_url": "https://aozora.example.jp",
            "administrator_user_names": ("aozora-admin", "aozora-sub"),
        },
        MailKind.APPROVAL: {"applied_on": _APPLIED_ON},
        MailKind.REJECTION: {"applied_on": _APPLIED_ON, "rejection_reason": _REASON[language]},
        MailKind.CANCELLATION_REMINDER: {"cancellation_date": dt.date(2026, 12, 25), "days_left": 30},
        MailKind.SUSPENSION_WARNING: {
            "point_balance": -1080,
            "negative_on": dt.date(2026, 10, 25),
            "suspension_on": dt.date(2026, 11, 24),
        },
        MailKind.ADMINISTRATOR_REGISTERED: {
            "user_name": "aozora-admin",
            "level": "system",
            "has_link": True,
        },
        MailKind.PASSWORD_LINK: {
            "user_name": "aozora-admin",
            "password_url": f"{brand.portal_url}/set-password/EXAMPLE",
            "expires_on": dt.date(2026, 11, 21),
            "expires_time": "12:00",
        },
        MailKind.APPROVAL_REQUEST: _APPROVAL,
        MailKind.APPROVAL_DECISION: {
            **_APPROVAL,
            "state": "rejected",
            "rejection_reason": _REJECTED[language],
        },
        MailKind.SECOND_FACTOR_CHANGED: _SECOND_FACTOR,
        **_OF_OPERATOR,
    }
    return facts[kind]
