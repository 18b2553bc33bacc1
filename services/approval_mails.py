"""The mails of 承認依頼: to those who may approve, and back to who asked."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from domain.billing_calendar import TOKYO, tokyo_date
from domain.four_eyes import ApprovalKind
from models import Account, Administrator, ApprovalRequest, db
from models.mails import MailKind
from services import four_eyes, row_scope
from services.approval_subjects import name_of_subject
from services.mail_texts import MailBrand
from services.outgoing_mails import MailDraft, queue_mails


def tell_approvers(*, request: ApprovalRequest, brand: MailBrand, now: dt.datetime) -> int:
    """Queue one mail to each who may approve a request; return how many.

    The paying account's own people are asked first; where there is none beside the requester, those of the
    account above it.
    """
    payer = db.session.get_one(Account, request.account_id)
    people = _approvers(request, payer.id) or _approvers(request, payer.parent_id or 0)
    return queue_mails(
        [_draft(MailKind.APPROVAL_REQUEST, request, payer, person) for person in people], brand=brand, now=now
    )


def tell_requester(*, request: ApprovalRequest, brand: MailBrand, now: dt.datetime) -> None:
    """Queue the mail that tells who asked what became of it."""
    with row_scope.beyond("somebody above may have asked; the mail goes to him alone"):
        person = db.session.get_one(Administrator, request.requester_id)
    if person.deleted_at is None:
        payer = db.session.get_one(Account, request.account_id)
        draft = _draft(MailKind.APPROVAL_DECISION, request, payer, person)
        queue_mails([draft], brand=brand, now=now)


def _approvers(request: ApprovalRequest, account_id: int) -> list[Administrator]:
    statement = (
        select(Administrator)
        .join(Account, Account.id == Administrator.account_id)
        .where(
            Account.id == account_id,
            four_eyes.may_approve_as(Administrator, Account),
            Administrator.id != request.requester_id,
        )
        .order_by(Administrator.id)
    )
    with row_scope.beyond("people of the account above get a mail each, which names nobody else"):
        return list(db.session.execute(statement).scalars())


def _draft(kind: MailKind, request: ApprovalRequest, payer: Account, person: Administrator) -> MailDraft:
    return MailDraft(
        kind=kind,
        # The mail is a matter of the paying account, whoever reads it.
        account_id=payer.id,
        recipient_name=person.full_name,
        recipient_email=person.email,
        event_key=f"{kind.value}:{request.id}",
        language=person.language,
        context={
            "recipient_name": person.full_name,
            "recipient_company": payer.company_name if person.account_id == payer.id else "",
            "payer_name": payer.company_name,
            **_facts(request),
        },
    )


def _facts(request: ApprovalRequest) -> dict[str, Any]:
    subject = name_of_subject(request)
    return {
        "number": request.id,
        "approval_kind": request.kind.value,
        "company_name": subject.company_name if subject else "",
        "account_count": len(request.account_ids),
        "points": request.asked_points if request.kind is not ApprovalKind.RULE_CHANGE else None,
        "scheduled_on": request.scheduled_on,
        "expires_on": tokyo_date(request.expires_at),
        "expires_time": f"{request.expires_at.astimezone(TOKYO):%H:%M}",
        "state": request.state.value,
        "moved_points": request.moved_points,
        "rejection_reason": request.rejection_reason or "",
    }
