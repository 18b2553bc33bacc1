"""Approval requests that nobody decided in time. From `expires_at` on they cannot be approved, marked or not."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from domain.four_eyes import ApprovalState
from models import ApprovalRequest, db
from services import audit, four_eyes
from services.approval_events import request_facts
from services.approval_mails import tell_requester
from services.mail_texts import MailBrand

#: How many are marked in one transaction; the next tick goes on.
LARGEST_BATCH = 500


def expire_due(*, now: dt.datetime, brand: MailBrand) -> int:
    """Mark open requests whose time is over, tell who asked, and return how many."""
    due = select(ApprovalRequest).where(four_eyes.is_expired(now)).order_by(ApprovalRequest.id)
    locked = due.limit(LARGEST_BATCH).with_for_update(skip_locked=True)
    found = db.session.execute(locked.execution_options(populate_existing=True)).scalars().all()
    for request in found:
        request.state, request.decided_at = ApprovalState.EXPIRED, now
        audit.record(
            action="approval.expired",
            viewer=None,
            account_id=request.account_id,
            now=now,
            **request_facts(request),
        )
        tell_requester(request=request, brand=brand, now=now)
    db.session.flush()
    return len(found)
