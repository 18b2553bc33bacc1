"""管理＞管理者: taking away the second factor of somebody who has lost it."""

from __future__ import annotations

from typing import Any

from flask_admin import expose
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin_views.dialogs import success
from admin_views.fields import PortalForm
from admin_views.fresh_sign_in import asks_fresh_sign_in
from admin_views.portal.visit import current_visit
from admin_views.request_context import now, settings, viewer
from admin_views.submission import posted
from services import doorbell, portal_administrators
from services.mail_texts import mail_brand_from
from services.transaction import transaction


class AdministratorSecondFactor:
    """A part of the list's view."""

    _open: Any
    _ask: Any
    row_url: Any

    @expose("/<row_id:administrator_id>/second-factor/", methods=("GET", "POST"))
    @asks_fresh_sign_in
    def take_second_factor(self, administrator_id: int) -> Response:
        """2段階認証の解除."""
        person = self._open(administrator_id)

        def run() -> Response:
            with transaction():
                name = portal_administrators.take_second_factor(
                    viewer=viewer(),
                    account_id=current_visit().account_id,
                    administrator_id=administrator_id,
                    brand=mail_brand_from(settings()),
                    now=now(),
                ).user_name
            doorbell.ring("send_mails")
            message = _("管理者 %(name)s の2段階認証を解除しました。", name=name)
            return success(to=self.row_url(administrator_id), message=message)

        words = {"title": _("2段階認証の解除"), "submit_label": _("解除する")}
        answer: Response = self._ask(person, PortalForm(posted()), run, about="second_factor", **words)
        return answer
