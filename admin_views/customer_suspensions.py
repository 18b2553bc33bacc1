"""一時停止 and 再開 by hand."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import pgettext
from werkzeug.wrappers import Response

from admin_views.customer_dialogs import open_account, subject_of
from admin_views.dialogs import render_dialog, success
from admin_views.fields import NoteField, PortalForm
from admin_views.request_context import now, settings, viewer
from admin_views.submission import posted, submit
from domain.permissions import Permission
from models import PointBalance, db
from services import manual_suspensions
from services.suspensions import suspension_due_at
from services.transaction import transaction

LONGEST_REASON = 500


class SuspendForm(PortalForm):
    """一時停止."""

    reason = NoteField(_l("理由"), maximum=LONGEST_REASON, required=True)


class CustomerSuspensions:
    """A part of the list's view: suspend and resume by hand."""

    require: Any
    get_url: Any
    row_url: Any

    @expose("/<row_id:account_id>/suspend/", methods=("GET", "POST"))
    def suspend(self, account_id: int) -> Response:
        """一時停止."""
        self.require(Permission.CUSTOMERS_SUSPEND)
        account = open_account(account_id)
        if request.method == "GET":
            manual_suspensions.check_suspendable(account)
        form = SuspendForm(posted())

        def run() -> Response:
            with transaction():
                name = manual_suspensions.suspend(
                    viewer=viewer(), account_id=account_id, reason=form.reason.data or "", now=now()
                ).company_name
            return success(to=self.row_url(account_id), message=_("%(name)s を一時停止しました。", name=name))

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        return render_dialog(
            title=pgettext("action", "一時停止"),
            form=form,
            submit_label=pgettext("action", "一時停止"),
            back_url=self.row_url(account_id),
            subject=subject_of(account),
            template="customers/suspension.html",
            tone="danger",
            status=answer,
            account=account,
            suspension=None,
            is_short_again=False,
        )

    @expose("/<row_id:account_id>/resume/", methods=("GET", "POST"))
    def resume(self, account_id: int) -> Response:
        """再開."""
        self.require(Permission.CUSTOMERS_SUSPEND)
        account = open_account(account_id)
        if request.method == "GET":
            manual_suspensions.check_resumable(account)
        form = PortalForm(posted())

        def run() -> Response:
            with transaction():
                name = manual_suspensions.resume(
                    viewer=viewer(), account_id=account_id, now=now()
                ).company_name
            return success(
                to=self.row_url(account_id), message=_("%(name)s の利用を再開しました。", name=name)
            )

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        return render_dialog(
            title=_("再開"),
            form=form,
            submit_label=_("再開"),
            back_url=self.row_url(account_id),
            subject=subject_of(account),
            template="customers/suspension.html",
            status=answer,
            account=account,
            suspension=manual_suspensions.latest_suspension(account_id),
            is_short_again=_is_short(account_id),
        )


def _is_short(account_id: int) -> bool:
    """Tell whether the clockwork would suspend an account for shortage as soon as it runs again."""
    since = db.session.get_one(PointBalance, account_id).negative_since
    return since is not None and suspension_due_at(since, settings().suspend_after_days) < now()
