"""選択実行: the preview of what is run on chosen customers, and the running of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import abort, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import BooleanField

from admin_views import error_pages
from admin_views.asking import note_for
from admin_views.chosen_rows import chosen_ids
from admin_views.dialogs import json_redirect, render_dialog, success
from admin_views.fields import PortalForm
from admin_views.formatting import number
from admin_views.request_context import is_fragment, now, settings, viewer
from admin_views.request_id_field import FreshRequestIdField
from admin_views.submission import submit
from domain.billing_calendar import next_billing_date
from domain.permissions import Permission
from services import approval_asking, delivery_notices, doorbell, refills, rehearsal_choice
from services.four_eyes import ApprovalRequired
from services.lists import ListSource
from services.mail_texts import mail_brand_from
from services.refill_plans import own_fees
from services.transaction import transaction

REFILL, DELIVERY_NOTICE, REHEARSAL = "refill", "delivery_notice", "rehearsal"
ACTIONS = {
    REFILL: (_l("必要ポイントの補充"), Permission.POINTS_CHANGE),
    DELIVERY_NOTICE: (_l("納品通知"), Permission.NOTICES_SEND),
    REHEARSAL: (_l("リハーサル"), Permission.RUNS_VIEW),
}
#: Rows of a plan that a dialog shows; totals are always those of all.
SHOWN_ROWS = 200
LONGEST_DIGEST = 64


class NoticeForm(PortalForm):
    """納品通知."""

    request_id = FreshRequestIdField()


class RefillForm(PortalForm):
    """ポイント数自動更新. The digests seal the shown plan: that of all rows, and that of what the stock allows."""

    request_id = FreshRequestIdField()
    as_far_as_possible = BooleanField(_l("ポイントが足りる分だけ、一覧の順に補充する"))

    @property
    def digest(self) -> str:
        """The fingerprint of the plan that was chosen."""
        name = "digest_as_far" if self.as_far_as_possible.data else "digest"
        return request.form.get(name, "")[:LONGEST_DIGEST]


class CustomerBulk:
    """A part of the list's view: 選択実行."""

    require: Any
    get_url: Any
    list_source: Any

    def bulk_actions(self) -> Sequence[tuple[str, Any]]:
        """Return what the viewer may run on chosen rows, in the order of the menu."""
        return [(name, words) for name, (words, permission) in ACTIONS.items() if viewer().can(permission)]

    @expose("/action/", methods=("POST",))
    def action(self) -> Response:
        """Show the preview of an action for the chosen rows."""
        name = request.form.get("action", "")
        if name not in ACTIONS:
            abort(400)
        self.require(ACTIONS[name][1])
        limit = rehearsal_choice.LARGEST_CHOICE if name == REHEARSAL else refills.LARGEST_SELECTION
        account_ids = chosen_ids(self.list_source(), limit)
        if not account_ids:
            return error_pages.error_page(
                422, _l("アカウントが選択されていません。行を選択してから実行してください。")
            )
        if name == REHEARSAL:
            return _to_rehearsal(account_ids)
        if name == REFILL:
            return self._refill_page(RefillForm(), account_ids, status=200)
        return self._notice_page(NoticeForm(), account_ids, status=200)

    @expose("/bulk/refill/", methods=("POST",))
    def refill(self) -> Response:
        """Carry out ポイント数自動更新."""
        self.require(Permission.POINTS_CHANGE)
        account_ids = _chosen_ids(self.list_source())
        form = RefillForm(request.form)

        answer = submit(form, lambda: self._refill(form, account_ids))
        return answer if isinstance(answer, Response) else self._refill_page(form, account_ids, status=answer)

    @expose("/bulk/delivery-notice/", methods=("POST",))
    def delivery_notice(self) -> Response:
        """Queue the mails of 納品通知."""
        self.require(Permission.NOTICES_SEND)
        account_ids = _chosen_ids(self.list_source())
        form = NoticeForm(request.form)

        def run() -> Response:
            with transaction():
                result = delivery_notices.send_delivery_notices(
                    viewer=viewer(),
                    account_ids=account_ids,
                    request_id=form.request_id.data,
                    brand=mail_brand_from(settings()),
                    now=now(),
                )
            doorbell.ring("send_mails")
            return success(to=self.get_url(".index_view"), message=_sent_words(result))

        answer = submit(form, run)
        return answer if isinstance(answer, Response) else self._notice_page(form, account_ids, status=answer)

    def _refill(self, form: RefillForm, account_ids: list[int]) -> Response:
        """Refill, or ask second persons for what nobody may do alone."""
        values = {
            "viewer": viewer(),
            "account_ids": account_ids,
            "digest": form.digest,
            "request_id": form.request_id.data,
            "now": now(),
            "as_far_as_possible": form.as_far_as_possible.data,
        }
        try:
            with transaction():
                message = _refilled_words(refills.refill(**values))
        except ApprovalRequired:
            with transaction():
                asked = approval_asking.ask_for_refill(**values, brand=mail_brand_from(settings()))
            message = _asked_words(asked)
            doorbell.ring("send_mails")
        return success(to=self.get_url(".index_view"), message=message)

    def _refill_page(self, form: RefillForm, account_ids: list[int], *, status: int) -> Response:
        wanted = refills.plan_refill(viewer=viewer(), account_ids=account_ids, now=now())
        possible = wanted
        if wanted.missing_points:
            possible = refills.plan_refill(
                viewer=viewer(), account_ids=account_ids, now=now(), as_far_as_possible=True
            )
        return render_dialog(
            title=_("ポイント数自動更新"),
            form=form,
            submit_label=_("更新") if possible.refilled_count else "",
            back_url=self.get_url(".index_view"),
            action_url=self.get_url(".refill"),
            template="customers/refill.html",
            wide=True,
            requires="as_far_as_possible" if wanted.missing_points else "",
            status=status,
            account_ids=account_ids,
            plan=wanted,
            possible=possible,
            shown_rows=list(zip(wanted.rows, possible.rows, strict=True))[:SHOWN_ROWS],
            shown_payers=list(zip(wanted.payers, possible.payers, strict=True)),
            own_fees=own_fees(plan=wanted, now=now()),
            four_eyes=[note_for(payer.account_id, payer.paid_points) for payer in possible.payers],
        )

    def _notice_page(self, form: NoticeForm, account_ids: list[int], *, status: int) -> Response:
        plan = delivery_notices.plan_delivery_notices(viewer=viewer(), account_ids=account_ids, now=now())
        return render_dialog(
            title=_("納品通知"),
            form=form,
            submit_label=_("送信") if plan.mail_count else "",
            back_url=self.get_url(".index_view"),
            action_url=self.get_url(".delivery_notice"),
            template="customers/delivery_notice.html",
            wide=True,
            status=status,
            account_ids=account_ids,
            plan=plan,
            shown_rows=plan.rows[:SHOWN_ROWS],
        )


def _chosen_ids(source: ListSource) -> list[int]:
    return chosen_ids(source, refills.LARGEST_SELECTION)


def _to_rehearsal(account_ids: list[int]) -> Response:
    """Lead to the rehearsal of the next 25th for the chosen accounts."""
    numbers = rehearsal_choice.numbers_of(viewer=viewer(), account_ids=account_ids)
    address = url_for(
        "run_rehearsals.index_view", billing_date=next_billing_date(now()), accounts=" ".join(numbers)
    )
    return json_redirect(address) if is_fragment() else redirect(address, code=303)


def _refilled_words(result: refills.RefillResult) -> str:
    return _(
        "%(count)s件のアカウントに合計%(points)sポイントを補充しました。",
        count=number(result.refilled_count),
        points=number(result.total_points),
    )


def _asked_words(asked: approval_asking.RefillAsked) -> str:
    words = _(
        "合計%(points)sポイントの補充は、二人目の管理者に承認を依頼しました。承認されるまで、ポイントは動きません。",
        points=number(asked.asked_points),
    )
    return _refilled_words(asked.done) + words if asked.done.refilled_count else words


def _sent_words(result: delivery_notices.DeliveryNoticeResult) -> str:
    words = {
        "accounts": number(result.notified_count),
        "mails": number(result.mail_count),
        "refused": number(result.refused_count),
    }
    if result.refused_count:
        return _(
            "%(accounts)s件のアカウントに納品通知メールを%(mails)s通送信します（%(refused)s件は送信できません）。",
            **words,
        )
    return _("%(accounts)s件のアカウントに納品通知メールを%(mails)s通送信します。", **words)
