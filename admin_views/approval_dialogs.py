"""The dialogs of 承認依頼: looking at a request, approving, rejecting and withdrawing it."""

from __future__ import annotations

from typing import Any

from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import BooleanField, Field
from wtforms.widgets import HiddenInput

from admin_views.customer_cancellations import CONSENT_WORDS
from admin_views.dialogs import Subject, render_dialog, success
from admin_views.fields import NoteField, PortalForm
from admin_views.formatting import number
from admin_views.messages import message_for
from admin_views.request_context import now, settings, viewer
from admin_views.submission import posted, submit
from domain.four_eyes import CANCELING, ApprovalState
from models import Account, ApprovalRequest, db
from services import approval_access, approval_plans, approvals, doorbell, four_eyes
from services.approval_plans import ApprovalPlan
from services.approval_subjects import name_of_subject, names_of_rows
from services.mail_texts import mail_brand_from
from services.refill_plans import LARGEST_SELECTION
from services.transaction import transaction
from services.words import APPROVAL_KIND_WORDS, APPROVAL_STATE_WORDS

LONGEST_REASON = 1000
#: Rows of a refill that a dialog shows; totals are always those of all.
SHOWN_ROWS = 200
#: More digits than any balance has.
LONGEST_AMOUNT = 13


class ShownAmountsField(Field):
    """The amounts that the page showed, sent back with the approval; anything unreadable counts as not shown."""

    widget = HiddenInput()
    data: tuple[int, ...]

    def process_data(self, value: Any) -> None:
        """Take amounts as they are."""
        self.data = value or ()

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read plain digits with commas between them only."""
        parts = (valuelist[0] if len(valuelist) == 1 else "").split(",", LARGEST_SELECTION)
        is_readable = all(part.isascii() and part.isdigit() and len(part) <= LONGEST_AMOUNT for part in parts)
        self.data = tuple(map(int, parts)) if is_readable and len(parts) <= LARGEST_SELECTION else ()

    def _value(self) -> str:
        return ",".join(map(str, self.data))


class ApproveForm(PortalForm):
    """承認. The box is asked for where a cancellation is approved."""

    shown = ShownAmountsField()
    consent = BooleanField(_l("同意する"))


class RejectForm(PortalForm):
    """却下."""

    rejection_reason = NoteField(_l("却下の理由"), maximum=LONGEST_REASON, required=True)


class ApprovalDialogs:
    """A part of the list's view: one request."""

    get_url: Any

    @expose("/<row_id:approval_id>/")
    def detail(self, approval_id: int) -> Response:
        """内容確認."""
        request = approval_access.find_request(viewer=viewer(), approval_id=approval_id)
        is_own = request.requester_id == viewer().administrator_id
        return self._page(
            PortalForm(),
            request,
            200,
            title=_("承認依頼"),
            submit_label="",
            may_decide=_may_decide(request),
            may_withdraw=is_own and _is_open(request),
        )

    @expose("/<row_id:approval_id>/approve/", methods=("GET", "POST"))
    def approve(self, approval_id: int) -> Response:
        """承認."""
        request = approval_access.find_request(viewer=viewer(), approval_id=approval_id)
        form = ApproveForm(posted())

        def run() -> Response:
            with transaction():
                done = approvals.approve(
                    viewer=viewer(),
                    approval_id=approval_id,
                    shown=form.shown.data,
                    consent=form.consent.data,
                    brand=mail_brand_from(settings()),
                    now=now(),
                )
                message = _approved_words(done)
            return self._done(approval_id, message)

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        request = approval_access.find_request(viewer=viewer(), approval_id=approval_id)
        plan = _plan(request)
        # Pressing the button again then knowingly approves what is shown; the consent to other amounts is not kept.
        form.shown.process_data(plan.amounts if plan else ())
        form.consent.data = False
        is_offered = plan is not None and plan.against is None and _may_decide(request)
        return self._page(
            form,
            request,
            answer,
            title=_("承認依頼の承認"),
            submit_label=_("承認") if is_offered else "",
            plan=plan,
            requires="consent" if request.kind in CANCELING else "",
            consent_words=CONSENT_WORDS if request.kind in CANCELING else "",
        )

    @expose("/<row_id:approval_id>/reject/", methods=("GET", "POST"))
    def reject(self, approval_id: int) -> Response:
        """却下."""
        request = approval_access.find_request(viewer=viewer(), approval_id=approval_id)
        form = RejectForm(posted())

        def run() -> Response:
            with transaction():
                approvals.reject(
                    viewer=viewer(),
                    approval_id=approval_id,
                    reason=form.rejection_reason.data,
                    brand=mail_brand_from(settings()),
                    now=now(),
                )
            return self._done(
                approval_id, _("承認依頼 No. %(number)s を却下しました。", number=number(approval_id))
            )

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        label = _("却下") if _may_decide(request) else ""
        return self._page(form, request, answer, title=_("承認依頼の却下"), submit_label=label, tone="danger")

    @expose("/<row_id:approval_id>/withdraw/", methods=("GET", "POST"))
    def withdraw(self, approval_id: int) -> Response:
        """取り下げ."""
        request = approval_access.find_request(viewer=viewer(), approval_id=approval_id)
        form = PortalForm(posted())

        def run() -> Response:
            with transaction():
                approvals.withdraw(
                    viewer=viewer(), approval_id=approval_id, brand=mail_brand_from(settings()), now=now()
                )
            return self._done(
                approval_id, _("承認依頼 No. %(number)s を取り下げました。", number=number(approval_id))
            )

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        is_own = request.requester_id == viewer().administrator_id and _is_open(request)
        return self._page(
            form,
            request,
            answer,
            title=_("承認依頼の取り下げ"),
            submit_label=_("取り下げ") if is_own else "",
            tone="danger",
        )

    def _done(self, approval_id: int, message: str) -> Response:
        doorbell.ring("send_mails")
        return success(to=f"{self.get_url('.index_view')}#row-{approval_id}", message=message)

    def _page(self, form: PortalForm, request: ApprovalRequest, status: int, **context: Any) -> Response:
        plan: ApprovalPlan | None = context.pop("plan", None) or _plan(request)
        payer = db.session.get_one(Account, request.account_id)
        subject = name_of_subject(request) or payer
        rows = _rows(request, plan)
        return render_dialog(
            form=form,
            status=status,
            back_url=f"{self.get_url('.index_view')}#row-{request.id}",
            template="approvals/request.html",
            subject=Subject(subject.company_name, subject.account_number),
            wide=bool(rows),
            request_row=request,
            kind_words=APPROVAL_KIND_WORDS[request.kind],
            state=approval_access.state_at(request, now()),
            state_words=APPROVAL_STATE_WORDS,
            people=_people(request),
            payer_name=payer.company_name,
            plan=plan,
            against=message_for(plan.against) if plan and plan.against else "",
            rows=rows[:SHOWN_ROWS],
            row_count=len(rows),
            is_own=request.requester_id == viewer().administrator_id,
            has_nobody=_is_open(request)
            and not four_eyes.count_approvers(request.account_id, without=request.requester_id),
            **context,
        )


def _plan(request: ApprovalRequest) -> ApprovalPlan | None:
    """Return what would be done now; None for a request that is decided, or that the viewer may only look at."""
    if not _is_open(request) or not approval_access.is_possible_approver(viewer(), request):
        return None
    return approval_plans.plan_now(request=request, viewer=viewer(), now=now())


def _is_open(request: ApprovalRequest) -> bool:
    return approval_access.state_at(request, now()) is ApprovalState.OPEN


def _may_decide(request: ApprovalRequest) -> bool:
    return (
        _is_open(request)
        and request.requester_id != viewer().administrator_id
        and approval_access.is_possible_approver(viewer(), request)
    )


def _people(request: ApprovalRequest) -> dict[str, str]:
    return approval_access.names_of(request=request, viewer=viewer())


def _rows(request: ApprovalRequest, plan: ApprovalPlan | None) -> list[Any]:
    """Return (row of the account, points asked for, points now or None) of a refill."""
    if not request.account_ids:
        return []
    names = names_of_rows(request)
    amounts = plan.amounts if plan and plan.against is None else (None,) * len(request.account_ids)
    return list(zip(names, request.asked_amounts, amounts, strict=True))


def _approved_words(done: approvals.ApprovalDone) -> str:
    words = {"number": number(done.request.id), "points": number(done.moved_points)}
    if not done.request.asked_amounts:
        return _("承認依頼 No. %(number)s を承認し、設定を変更しました。", **words)
    if done.moved_points != done.request.asked_points:
        return _(
            "承認依頼 No. %(number)s を承認し、いま必要な%(points)sポイントで実行しました"
            "（依頼時は%(asked)sポイント）。",
            asked=number(done.request.asked_points),
            **words,
        )
    return _("承認依頼 No. %(number)s を承認し、%(points)sポイントで実行しました。", **words)
