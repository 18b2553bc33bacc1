"""The answer to an application, by mail to the administrator who applied."""

from __future__ import annotations

import datetime as dt
from typing import Any

from domain.billing_calendar import tokyo_date
from models.accounts import Account
from models.administrators import Administrator
from models.base import db
from models.mails import MailKind, OutgoingMail
from services.mail_texts import MailBrand
from services.outgoing_mails import queue_mail


def queue_approval_mail(*, account: Account, brand: MailBrand, now: dt.datetime) -> OutgoingMail | None:
    """Tell the applicant that an account was approved, in the transaction that approves it.

    None: the account has no applicant (any more), or this decision was told already.
    """
    return _queue(MailKind.APPROVAL, account, brand, now, {"account_number": account.account_number})


def queue_rejection_mail(*, account: Account, brand: MailBrand, now: dt.datetime) -> OutgoingMail | None:
    """Tell the applicant that an application was rejected, and why, in the transaction that rejects it.

    None: the account has no applicant (any more), or this decision was told already.
    """
    return _queue(MailKind.REJECTION, account, brand, now, {"rejection_reason": account.rejection_reason})


def _queue(
    kind: MailKind, account: Account, brand: MailBrand, now: dt.datetime, more: dict[str, Any]
) -> OutgoingMail | None:
    applicant = db.session.get(Administrator, account.applied_by_id) if account.applied_by_id else None
    if applicant is None or applicant.deleted_at is not None:
        # The address of a deleted administrator may be somebody else's by now.
        return None
    # Rejected, applied for again and decided again: the decision's instant tells the events apart.
    decided_at = (account.decided_at or now).astimezone(dt.UTC).isoformat()
    return queue_mail(
        kind=kind,
        account_id=account.id,
        recipient_name=applicant.full_name,
        recipient_email=applicant.email,
        event_key=f"{kind.value}:{account.id}:{decided_at}",
        language=applicant.language,
        brand=brand,
        context={
            "recipient_name": applicant.full_name,
            "recipient_company": applicant.account.company_name,
            "company_name": account.company_name,
            "contract_user_count": account.contract_user_count,
            "applied_on": tokyo_date(account.applied_at),
            **more,
        },
        now=now,
    )
