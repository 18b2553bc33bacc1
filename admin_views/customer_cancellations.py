"""解約 and 解約予定日設定: the consent, the exact amounts, and what lifts a date again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from typing import Any, ClassVar

from flask import request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import IntegerField
from wtforms.widgets import HiddenInput

from admin_views.asking import asked_words, note_for
from admin_views.customer_dialogs import open_account, subject_of
from admin_views.dialogs import refuse, render_dialog, success
from admin_views.fields import ConsentField, IsoDateField, PortalForm
from admin_views.formatting import date_text, number
from admin_views.fresh_sign_in import asks_fresh_sign_in
from admin_views.request_context import now, settings, viewer
from admin_views.shown_fields import ShownDateField
from admin_views.submission import posted, submit
from domain.permissions import AccountType, Permission
from models import Account
from services import (
    access,
    approval_asking,
    cancellation_previews,
    cancellations,
    doorbell,
    warning_mails,
)
from services.cancellation_previews import CancellationDateInvalid, CancellationPreview
from services.four_eyes import ApprovalRequired
from services.mail_texts import mail_brand_from
from services.requests import RequestIdMissing
from services.shown_values import CancellationDateChanged
from services.transaction import transaction

#: services.cancellations.CONSENT_TEXT as the guide prints it, with a full-width question mark.
CONSENT_WORDS = _l(
    "解約処理が完了する際に、現在のポイントの不足分のポイントは補充され、残存分のポイントは消費されます。"
    "解約を続行しますか？"
)
#: Name of the button that asks for the amounts of a date, without scripts.
CHECK = "check"


class ShownPointsField(IntegerField):
    """Points that the page named, sent back with the consent; anything unreadable counts as not shown."""

    widget = HiddenInput()

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read plain digits only."""
        text = valuelist[0] if len(valuelist) == 1 else ""
        self.data = int(text) if text.isascii() and text.isdigit() and len(text) <= 13 else None


class CancelForm(PortalForm):
    """解約."""

    shown_top_up_points = ShownPointsField()
    shown_write_off_points = ShownPointsField()
    consent = ConsentField(_l("同意する"))

    @property
    def shown(self) -> tuple[int, int]:
        """The amounts that were shown; −1 stands for none, which no preview equals."""
        fields = (self.shown_top_up_points, self.shown_write_off_points)
        top_up, write_off = (-1 if field.data is None else field.data for field in fields)
        return top_up, write_off

    def show(self, preview: CancellationPreview | None) -> None:
        """Name a preview's amounts; the consent to others is not kept."""
        self.shown_top_up_points.data = preview.top_up_points if preview else None
        self.shown_write_off_points.data = preview.write_off_points if preview else None
        self.shown_top_up_points.raw_data = self.shown_write_off_points.raw_data = None
        self.consent.data = False


class ScheduleForm(CancelForm):
    """解約予定日設定."""

    cancellation_date = IsoDateField(_l("解約予定日"), required=True)
    #: Not named shown_…: those follow the date that is chosen, this one what the page says of the account.
    current_cancellation_date = ShownDateField()


class CustomerCancellations:
    """A part of a list's view: cancel, schedule, lift. Which accounts, and by which right, is the subclass's."""

    cancel_permission: ClassVar[Permission] = Permission.CUSTOMERS_CANCEL
    canceled_types: ClassVar[Collection[AccountType]] = access.CUSTOMERS
    cancellation_template: ClassVar[str] = "customers/cancellation.html"

    require: Any
    get_url: Any
    row_url: Any

    @expose("/<row_id:account_id>/cancel/", methods=("GET", "POST"))
    @asks_fresh_sign_in
    def cancel(self, account_id: int) -> Response:
        """解約."""
        self.require(self.cancel_permission)
        account = open_account(account_id, self.canceled_types)
        form = CancelForm(posted())

        answer = submit(form, lambda: self._or_ask(self._cancel, account_id, form))
        if isinstance(answer, Response):
            return answer
        preview = cancellation_previews.preview(
            viewer=viewer(), account_id=account_id, scheduled_on=None, now=now()
        )
        form.show(preview)
        return self._page(account, form, preview, status=answer, title=_("解約"))

    @expose("/<row_id:account_id>/schedule/", methods=("GET", "POST"))
    @asks_fresh_sign_in
    def schedule(self, account_id: int) -> Response:
        """解約予定日設定."""
        self.require(self.cancel_permission)
        account = open_account(account_id, self.canceled_types)
        form = ScheduleForm(posted(), cancellation_date=account.cancellation_date)
        if CHECK in request.form:
            status = 200
        else:
            answer = submit(form, lambda: self._or_ask(self._schedule, account_id, form))
            if isinstance(answer, Response):
                return answer
            status = answer
        return self._schedule_page(account, form, status)

    def _schedule_page(self, account: Account, form: ScheduleForm, status: int) -> Response:
        preview, status = _preview_of_date(account, form, status)
        form.show(preview)
        form.current_cancellation_date.show(account.cancellation_date)
        earliest, latest = cancellation_previews.date_bounds(now())
        return self._page(
            account,
            form,
            preview,
            status=status,
            title=_("解約予定日設定"),
            earliest=earliest,
            latest=latest,
            action_url=self.get_url(".schedule", account_id=account.id),
            lift_url=self.get_url(".lift", account_id=account.id),
            reminders=warning_mails.plan_reminders(
                account=account, scheduled_on=form.cancellation_date.data, now=now()
            )
            if preview
            else None,
        )

    @expose("/<row_id:account_id>/lift/", methods=("POST",))
    def lift(self, account_id: int) -> Response:
        """解除."""
        self.require(self.cancel_permission)
        account = access.find_account(
            viewer=viewer(), account_id=account_id, account_types=self.canceled_types
        )
        shown = ScheduleForm(posted()).current_cancellation_date
        try:
            if not shown.is_readable:
                raise RequestIdMissing
            with transaction():
                lifted = cancellations.lift(
                    viewer=viewer(), account_id=account_id, now=now(), shown_date=shown.shown
                )
        except (RequestIdMissing, CancellationDateChanged) as error:
            form = ScheduleForm(None, cancellation_date=account.cancellation_date)
            return self._schedule_page(account, form, refuse(form, error))
        message = _(
            "%(name)s の解約予定日（%(date)s）を解除しました。",
            name=account.company_name,
            date=date_text(lifted),
        )
        return success(to=self.row_url(account_id), message=message)

    def _or_ask(self, do: Callable[[int, Any], Response], account_id: int, form: CancelForm) -> Response:
        """Do it, or ask a second person for what nobody may do alone."""
        try:
            return do(account_id, form)
        except ApprovalRequired:
            date = form.cancellation_date.data if isinstance(form, ScheduleForm) else None
        with transaction():
            asked = approval_asking.ask_for_cancellation(
                viewer=viewer(),
                account_id=account_id,
                scheduled_on=date,
                consent=form.consent.data,
                shown=form.shown,
                brand=mail_brand_from(settings()),
                now=now(),
            )
            message = asked_words(asked)
        doorbell.ring("send_mails")
        return success(to=self.row_url(account_id), message=message)

    def _cancel(self, account_id: int, form: CancelForm) -> Response:
        with transaction():
            settled = cancellations.cancel(
                viewer=viewer(),
                account_id=account_id,
                consent=form.consent.data,
                shown=form.shown,
                now=now(),
            )
            message = self.canceled_words(settled)
        return success(to=self.row_url(account_id), message=message)

    def _schedule(self, account_id: int, form: ScheduleForm) -> Response:
        date: dt.date = form.cancellation_date.data
        with transaction():
            name = cancellations.schedule(
                viewer=viewer(),
                account_id=account_id,
                scheduled_on=date,
                consent=form.consent.data,
                shown=form.shown,
                now=now(),
                shown_date=form.current_cancellation_date.shown,
            ).account.company_name
        message = _("%(name)s の解約予定日を %(date)s に設定しました。", name=name, date=date_text(date))
        return success(to=self.row_url(account_id), message=message)

    def canceled_words(self, settled: CancellationPreview) -> str:
        """Return what the list says after a cancellation."""
        words = {
            "name": settled.account.company_name,
            "payer": settled.payer_name,
            "top_up": number(settled.top_up_points),
            "write_off": number(settled.write_off_points),
        }
        if settled.top_up_points:
            return _(
                "%(name)s を解約しました。不足分の%(top_up)sポイントを %(payer)s から補充しました。", **words
            )
        if settled.write_off_points:
            return _("%(name)s を解約しました。残存分の%(write_off)sポイントを消費しました。", **words)
        return _("%(name)s を解約しました。ポイントの過不足はありませんでした。", **words)

    def is_offered(self, preview: CancellationPreview | None) -> bool:
        """Tell whether the button is shown; what stands against a cancellation of some date may not of another."""
        return preview is None or preview.scheduled_on is not None or not preview.blockers.account_count

    def _page(
        self, account: Account, form: CancelForm, preview: CancellationPreview | None, **context: Any
    ) -> Response:
        return render_dialog(
            form=form,
            submit_label=_("解約") if self.is_offered(preview) else "",
            back_url=self.row_url(account.id),
            subject=subject_of(account),
            template=self.cancellation_template,
            tone="danger",
            requires="consent",
            account=account,
            preview=preview,
            consent_words=CONSENT_WORDS,
            four_eyes=note_for(account.parent_id, preview.points_at_stake) if preview else None,
            **context,
        )


def _preview_of_date(
    account: Account, form: ScheduleForm, status: int
) -> tuple[CancellationPreview | None, int]:
    """Return the amounts for the date in the form or the address, and the status with a refusal of it."""
    field = form.cancellation_date
    if request.method == "GET" and field.name in request.args:
        field.process(request.args)
    if not field.errors and (field.raw_data and not field.validate(form)):
        return None, 422
    if field.data is None or field.errors:
        return None, status
    try:
        found = cancellation_previews.preview(
            viewer=viewer(), account_id=account.id, scheduled_on=field.data, now=now()
        )
    except CancellationDateInvalid as error:
        return None, refuse(form, error)
    return found, status
