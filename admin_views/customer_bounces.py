"""不達の解除: a person's word that mails may go to an address again that sent one back."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin_views.customer_dialogs import open_account, subject_of
from admin_views.dialogs import render_dialog, success
from admin_views.fields import PortalForm
from admin_views.request_context import now, viewer
from admin_views.submission import posted, submit
from domain.permissions import Permission
from services import bounces
from services.account_contacts import contacts_of
from services.transaction import transaction


class CustomerBounces:
    """A part of the list's view: what is done about mails that came back."""

    require: Any
    row_url: Any

    @expose("/<row_id:account_id>/bounces/lift/", methods=("GET", "POST"))
    def lift_bounce(self, account_id: int) -> Response:
        """不達の解除."""
        self.require(Permission.BOUNCES_LIFT)
        account = open_account(account_id)
        form = PortalForm(posted())
        email = request.form.get("email", "") or request.args.get("email", "")

        def run() -> Response:
            with transaction():
                lifted = bounces.lift(viewer=viewer(), account_id=account_id, email=email, now=now())
            return success(
                to=self.row_url(account_id),
                message=_("%(email)s の不達を解除しました。次のメールから送信されます。", email=lifted.email),
            )

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        bounced = bounces.find_bounce(viewer=viewer(), account_id=account_id, email=email)
        contact_emails = {(contact.email or "").lower() for contact in contacts_of(account)}
        return render_dialog(
            title=_("不達の解除"),
            form=form,
            submit_label=_("解除"),
            back_url=self.row_url(account_id),
            subject=subject_of(account),
            template="customers/lift_bounce.html",
            status=answer,
            bounced=bounced,
            is_contact=bounced.email.lower() in contact_emails,
        )
