"""An approval request in 操作ログ: what it was about, for those who asked, decided, or let it expire."""

from __future__ import annotations

from typing import Any

from domain.four_eyes import ApprovalKind
from models import ApprovalRequest
from services.approval_subjects import name_of_subject


def request_facts(request: ApprovalRequest) -> dict[str, Any]:
    """Return what an event says of a request."""
    facts: dict[str, Any] = {
        "approval_number": request.id,
        "approval_kind": request.kind.value,
    }
    if request.kind is not ApprovalKind.RULE_CHANGE:
        facts["approval_points"] = request.asked_points
    subject = name_of_subject(request)
    if subject is not None:
        facts |= {"company_name": subject.company_name, "account_number": subject.account_number}
    if request.account_ids:
        facts["account_count"] = len(request.account_ids)
    if request.scheduled_on is not None:
        facts["scheduled_on"] = request.scheduled_on.isoformat()
    if request.kind is ApprovalKind.RULE_CHANGE:
        facts["old_threshold_points"] = request.old_threshold_points
        facts["new_threshold_points"] = request.new_threshold_points
    return facts
