"""The mails to administrators: 管理者の登録通知 and パスワード設定の案内. Neither carries a password."""

from __future__ import annotations

import datetime as dt
from typing import Any

from domain.billing_calendar import TOKYO, tokyo_date
from models import Account, Administrator
from models.mails import MailKind
from services.mail_texts import MailBrand
from services.one_time_links import LINK_LIFETIME, create_one_time_link
from services.outgoing_mails import queue_mail
from services.sign_ins import token_hash


def queue_registered_mail(
    *, administrator: Administrator, has_link: bool, brand: MailBrand, now: dt.datetime
) -> None:
    """Tell an administrator that he was registered, once; `has_link`: the password comes by a link of its own."""
    queue_mail(
        kind=MailKind.ADMINISTRATOR_REGISTERED,
        event_key=f"{MailKind.ADMINISTRATOR_REGISTERED.value}:{administrator.id}",
        context={**facts_of(administrator), "level": administrator.level.value, "has_link": has_link},
        **recipient_of(administrator),
        brand=brand,
        now=now,
    )


def send_password_link(*, administrator: Administrator, brand: MailBrand, now: dt.datetime) -> None:
    """Make a new link and mail it to its holder; earlier links end.

    The mail's row is the only place where the token stands, until it is sent: its body must be shown to nobody.
    """
    token = create_one_time_link(administrator_id=administrator.id, now=now)
    expires_at = now + LINK_LIFETIME
    queue_mail(
        kind=MailKind.PASSWORD_LINK,
        event_key=f"{MailKind.PASSWORD_LINK.value}:{token_hash(token)}",
        context={
            **facts_of(administrator),
            "password_url": f"{brand.portal_url}/set-password/{token}",
            "expires_on": tokyo_date(expires_at),
            "expires_time": f"{expires_at.astimezone(TOKYO):%H:%M}",
        },
        **recipient_of(administrator),
        brand=brand,
        now=now,
    )


def recipient_of(administrator: Administrator) -> dict[str, Any]:
    """Return to whom a mail about an administrator goes, as queue_mail takes it."""
    return {
        "account_id": administrator.account_id,
        "recipient_name": administrator.full_name,
        "recipient_email": administrator.email,
        "language": administrator.account.language,
    }


def facts_of(administrator: Administrator) -> dict[str, Any]:
    """Return what every mail to an administrator names."""
    account: Account = administrator.account
    return {
        "recipient_name": administrator.full_name,
        "recipient_company": account.company_name,
        "company_name": account.company_name,
        "account_number": account.account_number or "",
        "user_name": administrator.user_name,
    }
