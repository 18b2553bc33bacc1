"""二人承認 in the dialogs that move points: what is said beforehand, and what is said once it is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _

from admin_views.formatting import instant_text, number
from admin_views.request_context import viewer
from domain.four_eyes import ApprovalKind, needs_approval
from models import Account, ApprovalRequest, db
from services import four_eyes


@dataclass(frozen=True)
class FourEyesNote:
    """What a dialog says of the rule of who pays. `is_certain`: this very operation waits, not only large ones."""

    payer_name: str
    threshold_points: int
    is_certain: bool
    has_nobody: bool


def note_for(payer_id: int | None, points: int | None = None) -> FourEyesNote | None:
    """Return what to say beforehand; None: nothing waits. `points` None: it depends on what is typed."""
    threshold = four_eyes.threshold_of(payer_id)
    if payer_id is None or threshold is None:
        return None
    if points is not None and not needs_approval(points, threshold):
        return None
    return FourEyesNote(
        payer_name=db.session.get_one(Account, payer_id).company_name,
        threshold_points=threshold,
        is_certain=points is not None,
        has_nobody=not four_eyes.count_approvers(payer_id, without=viewer().administrator_id),
    )


def asked_words(request: ApprovalRequest) -> str:
    """Return what is said after asking."""
    words = {"number": number(request.id), "until": instant_text(request.expires_at)}
    if request.kind is ApprovalKind.RULE_CHANGE:
        return _(
            "二人目の管理者に承認を依頼しました（承認依頼 No. %(number)s、期限 %(until)s）。"
            "承認されるまで、設定は変わりません。",
            **words,
        )
    words["points"] = number(request.asked_points)
    if request.kind is ApprovalKind.CANCELLATION:
        return _(
            "二人目の管理者に承認を依頼しました（承認依頼 No. %(number)s、%(points)sポイント、期限 %(until)s）。"
            "承認されるまで、解約されません。",
            **words,
        )
    if request.kind is ApprovalKind.SCHEDULED_CANCELLATION:
        return _(
            "二人目の管理者に承認を依頼しました（承認依頼 No. %(number)s、%(points)sポイント、期限 %(until)s）。"
            "承認されるまで、解約予定日は設定されません。",
            **words,
        )
    return _(
        "二人目の管理者に承認を依頼しました（承認依頼 No. %(number)s、%(points)sポイント、期限 %(until)s）。"
        "承認されるまで、ポイントは動きません。",
        **words,
    )
