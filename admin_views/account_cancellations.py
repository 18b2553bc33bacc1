"""解約 and 解約予定日設定 of MSP, support and 特権MSP accounts: the rest of the contract's year, and what blocks."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin_views.customer_cancellations import CancelForm, CustomerCancellations
from admin_views.formatting import number
from admin_views.request_context import viewer
from domain.permissions import AccountType, Permission
from domain.points import LARGEST_LINE_POINTS
from models import Account
from services import access
from services.cancellation_blockers import Blocker
from services.cancellation_previews import CancellationPreview
from services.points import movement_permission


class AccountCancellations(CustomerCancellations):
    """A part of MSPアカウント一覧: cancel, schedule, lift."""

    cancel_permission = Permission.ACCOUNTS_CANCEL
    canceled_types = access.MSP_TYPES
    cancellation_template = "accounts/cancellation.html"

    def canceled_words(self, settled: CancellationPreview) -> str:
        """Return what the list says after a cancellation."""
        words = {
            "name": settled.account.company_name,
            "payer": settled.payer_name,
            "top_up": number(settled.top_up_points),
            "write_off": number(settled.write_off_points),
        }
        if settled.top_up_points and settled.is_issued:
            return _("%(name)s を解約しました。不足分の%(top_up)sポイントを発行しました。", **words)
        if settled.top_up_points and settled.write_off_points:
            return _(
                "%(name)s を解約しました。不足分の%(top_up)sポイントを %(payer)s から補充し、"
                "残りの契約期間の%(write_off)sポイントを消費しました。",
                **words,
            )
        return super().canceled_words(settled)

    def _page(
        self, account: Account, form: CancelForm, preview: CancellationPreview | None, **context: Any
    ) -> Response:
        return super()._page(
            account,
            form,
            preview,
            blocker_url=self._blocker_url,
            return_url=self._return_url(account, preview),
            **context,
        )

    def _return_url(self, account: Account, preview: CancellationPreview | None) -> str:
        """Return the address that proposes to give back first what would be destroyed; nothing: there is none.

        The fees until a date that is set, and those of the rest of the year, are left on the account.
        """
        if preview is None or preview.excess_points == 0 or preview.blockers.account_count:
            return ""
        if not viewer().can(movement_permission(account.account_type)):
            return ""
        points = min(preview.excess_points, LARGEST_LINE_POINTS)
        here = "cancel" if preview.scheduled_on is None else "schedule"
        back = self.get_url(f".{here}", account_id=account.id)
        if preview.scheduled_on is not None:
            back = f"{back}?cancellation_date={preview.scheduled_on.isoformat()}"
        url: str = self.get_url(
            ".points", account_id=account.id, direction="take_back", points=points, next=back
        )
        return url

    def _blocker_url(self, blocker: Blocker) -> str:
        """Return the address of the list that shows an account which stands against the cancellation."""
        word = blocker.account_number or blocker.company_name
        if blocker.is_application:
            return str(self.get_url("pending.index_view", search=word))
        is_customer = blocker.account_type is AccountType.CUSTOMER
        return str(self.get_url("customers.index_view" if is_customer else ".index_view", search=word))
