"""顧客アカウント一覧."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from admin_views.account_page import CustomerPage
from admin_views.base import ScopedModelView
from admin_views.customer_bounces import CustomerBounces
from admin_views.customer_cancellations import CustomerCancellations
from admin_views.customer_dialogs import CustomerDialogs
from admin_views.customer_moves import CustomerMoves
from admin_views.customer_presets import CustomerPresets
from admin_views.customer_suspensions import CustomerSuspensions
from admin_views.request_context import now, settings, viewer
from domain.billing_calendar import billing_date_of_month, billing_instant, tokyo_date
from domain.errors import DomainError
from domain.lifecycle import RUNNING, AccountStatus, SuspensionReason
from domain.permissions import AccountType, Permission
from models import Account
from services import access
from services.approval_list import open_requests_about
from services.bounces import bounced_addresses
from services.customers import customers_source, shortage_summary
from services.ledger import check_running
from services.lists import ListSource, Page
from services.suspensions import suspension_due_at

SUSPENSION_WORDS: dict[SuspensionReason, LazyString] = {
    SuspensionReason.SHORTAGE: _l("一時停止（ポイント不足）"),
    SuspensionReason.MANUAL: _l("一時停止（手動）"),
}
#: The permission behind each button of a row.
ROW_PERMISSIONS = {
    "users": Permission.USERS_CHANGE,
    "points": Permission.POINTS_CHANGE,
    "contract_date": Permission.CUSTOMERS_EDIT,
    "schedule": Permission.CUSTOMERS_CANCEL,
    "edit": Permission.CUSTOMERS_EDIT,
    "cancel": Permission.CUSTOMERS_CANCEL,
    "resume": Permission.CUSTOMERS_SUSPEND,
    "lift_bounce": Permission.BOUNCES_LIFT,
}


class CustomersView(
    CustomerPage,
    CustomerDialogs,
    CustomerCancellations,
    CustomerSuspensions,
    CustomerBounces,
    CustomerMoves,
    CustomerPresets,
    ScopedModelView,
):
    """顧客アカウント一覧: the customers that are or were in service, and all that is done with them."""

    permission = Permission.CUSTOMERS_VIEW
    list_template = "customers/list.html"
    key_columns = ("contract_user_count", "point_balance", "estimated_balance")
    search_label = _l("会社名・アカウント番号・担当者で検索")

    def scope(self) -> Any:
        """Return the condition for the viewer's customers."""
        return access.scope(viewer()) & (Account.account_type == AccountType.CUSTOMER)

    def list_source(self) -> ListSource:
        """Return the list."""
        return customers_source(viewer=viewer(), now=now())

    def has_row_actions(self) -> bool:
        """Tell whether the viewer may do anything with a row."""
        return viewer().can(Permission.CUSTOMERS_EDIT)

    def is_selectable(self, row: Any) -> bool:
        """Tell whether anything can be run on a row."""
        return row.status in RUNNING

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return the headline, the signs of the page's rows, and what the viewer may do."""
        billing_date = billing_date_of_month(tokyo_date(now()))
        cut = billing_instant(billing_date)
        ids = [row.id for row in page.rows]
        return {
            "shortage": shortage_summary(viewer=viewer(), now=now()),
            "billing_date": billing_date,
            "billing_cut": cut,
            "is_cut_passed": cut <= now(),
            "bounced": bounced_addresses(ids),
            "asked": open_requests_about(viewer=viewer(), account_ids=ids, now=now()),
            "may": {name for name, permission in ROW_PERMISSIONS.items() if viewer().can(permission)},
            "can_register": viewer().can(Permission.CUSTOMERS_REGISTER),
            "is_canceled": lambda row: row.status is AccountStatus.CANCELED,
            "is_changeable": is_changeable,
            "suspension_words": SUSPENSION_WORDS,
            "days_until": days_until,
            "suspension_date": suspension_date,
        }


def is_changeable(row: Any) -> bool:
    """Tell whether a row takes changes: in service, and its 解約予定日 not reached."""
    try:
        check_running(row, now())
    except DomainError:
        return False
    return True


def days_until(day: dt.date) -> int:
    """Return how many Tokyo days lie ahead of a day; 0 when it has come."""
    return max(0, (day - tokyo_date(now())).days)


def suspension_date(row: Any) -> dt.date | None:
    """Return the day on which an account below zero is suspended; None when nothing of the kind is ahead."""
    if row.status is not AccountStatus.ACTIVE or row.negative_since is None:
        return None
    return tokyo_date(suspension_due_at(row.negative_since, settings().suspend_after_days))
