"""One page per account, opened from its 会社名: what it is, what happened to it, what lies ahead of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any, ClassVar

from flask import current_app, render_template, request
from flask_admin import expose
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from admin_views import messages
from admin_views.menu_labels import MENU_LABELS
from admin_views.request_context import now, settings, viewer
from domain.billing_calendar import tokyo_date
from domain.errors import DomainError
from domain.inputs.dates import parse_date
from domain.inputs.text import is_blank
from domain.lifecycle import AccountStatus, SuspensionReason
from domain.permissions import AccountType, Permission
from models import Account
from models.mails import MailState
from services import access, account_history, ledger
from services.account_history import AccountHistory
from services.approval_list import open_requests_about
from services.audit_field_words import MAIL_KIND_WORDS, SUSPENSION_WORDS
from services.audit_words import action_text
from services.operation_log import EventTexts
from services.points import movement_permission
from services.words import ACTOR_WORDS, KIND_WORDS, STATUS_WORDS, TYPE_WORDS

TABS: dict[str, LazyString] = {
    "profile": _l("基本情報"),
    "points": _l("ポイント"),
    "users": _l("契約ユーザ数"),
    "mails": _l("メール"),
    "log": _l("操作ログ"),
    "schedule": _l("予定"),
}
MAIL_STATE_WORDS: dict[MailState, LazyString] = {
    MailState.WAITING: _l("待機中"),
    MailState.RETRYING: _l("再送中"),
    MailState.SENT: _l("送信済"),
    MailState.BOUNCED: _l("不達"),
    MailState.KEPT: _l("保管(送信なし)"),
}

WORDS: dict[str, Any] = {
    "status": STATUS_WORDS,
    "type": TYPE_WORDS,
    "kind": KIND_WORDS,
    "actor": ACTOR_WORDS,
    "mail_kind": MAIL_KIND_WORDS,
    "mail_state": MAIL_STATE_WORDS,
    "suspension": SUSPENSION_WORDS,
}
#: How much of an unusable day is shown again.
LONGEST_ECHO = 40


class AccountPage:
    """A part of a list's view. A subclass names its types of account and the permission behind each button."""

    page_types: ClassVar[Collection[AccountType]]
    page_permissions: ClassVar[dict[str, Permission]]
    endpoint: Any
    name: Any
    get_url: Any

    @expose("/<row_id:account_id>/")
    def page(self, account_id: int) -> str | tuple[str, int]:
        """Show an account as it is, or with as_of as it was at the end of that day."""
        account = account_history.find_account(
            viewer=viewer(), account_id=account_id, account_types=self.page_types
        )
        typed = request.args.get("as_of", "")
        try:
            history = account_history.find_history(
                viewer=viewer(),
                account=account,
                day=past_day(typed),
                now=now(),
                suspend_after_days=settings().suspend_after_days,
            )
        except DomainError as error:
            return self._answer(account, typed, None, messages.message_for(error)), 400
        return self._answer(account, typed, history, None)

    def _answer(
        self, account: Account, typed: str, history: AccountHistory | None, error: LazyString | None
    ) -> str:
        return render_template(
            "accounts/history.html",
            title=history.state.company_name if history else account.company_name,
            crumbs=[(self.name, self.get_url(".index_view"))],
            account=account,
            history=history,
            typed=typed[:LONGEST_ECHO],
            as_of_error=error,
            here=self.get_url(".page", account_id=account.id),
            endpoint=self.endpoint,
            may=self._buttons(account) if history and history.day is None else frozenset(),
            canceled_on=canceled_day(account, history),
            opened=request.args.get("tab", ""),
            can_see_log=viewer().can(Permission.LOG_VIEW),
            asked=open_requests_about(viewer=viewer(), account_ids=[account.id], now=now()),
            can_lift_bounces=viewer().can(Permission.BOUNCES_LIFT) and self.page_types is access.CUSTOMERS,
            event_lines=EventTexts(viewer()).lines,
            action_text=action_text,
            days_until=lambda day: max(0, (day - tokyo_date(now())).days),
            words=WORDS,
            **(_tabs(history) if history else {}),
        )

    def _buttons(self, account: Account) -> frozenset[str]:
        """Return the row's buttons that the viewer may press, by the names of their dialogs."""
        try:
            ledger.check_running(account, now())
        except DomainError:
            return frozenset()
        offered = {
            name
            for name, permission in self.page_permissions.items()
            if f"{self.endpoint}.{name}" in current_app.view_functions
            and viewer().can(movement_permission(account.account_type) if name == "points" else permission)
        }
        # Suspended for shortage: it goes on by itself when it is paid for.
        closed = {
            None: {"resume"},
            SuspensionReason.MANUAL: {"suspend"},
            SuspensionReason.SHORTAGE: {"suspend", "resume"},
        }
        return frozenset(offered - closed[account.suspension_reason])


def canceled_day(account: Account, history: AccountHistory | None) -> dt.date | None:
    """Return the Tokyo day on which an account was canceled; None when what is shown is not."""
    if account.canceled_at is None or history is None or history.state.status is not AccountStatus.CANCELED:
        return None
    return tokyo_date(account.canceled_at)


class CustomerPage(AccountPage):
    """The page of a customer."""

    page_types = access.CUSTOMERS
    page_permissions = {
        "edit": Permission.CUSTOMERS_EDIT,
        "users": Permission.USERS_CHANGE,
        "points": Permission.POINTS_CHANGE,
        "contract_date": Permission.CUSTOMERS_EDIT,
        "schedule": Permission.CUSTOMERS_CANCEL,
        "cancel": Permission.CUSTOMERS_CANCEL,
        "suspend": Permission.CUSTOMERS_SUSPEND,
        "resume": Permission.CUSTOMERS_SUSPEND,
    }


class ResellerPage(AccountPage):
    """The page of a 特権MSP, MSP or support account."""

    page_types = access.MSP_TYPES
    page_permissions = {
        "edit": Permission.ACCOUNTS_EDIT,
        "points": Permission.ACCOUNTS_POINTS,
        "contract_date": Permission.ACCOUNTS_EDIT,
        "schedule": Permission.ACCOUNTS_CANCEL,
        "cancel": Permission.ACCOUNTS_CANCEL,
    }


def _tabs(history: AccountHistory) -> dict[str, Any]:
    hidden = history.state.hidden_menu_keys or ()
    keys = [key for key in TABS if key != "schedule" or history.ahead]
    return {
        "tabs": [(key, TABS[key], False) for key in keys],
        "hidden_menus": [MENU_LABELS[key] for key in hidden if key in MENU_LABELS],
    }


def past_day(typed: str) -> dt.date | None:
    """Return the day that was asked for; None for none, and for today: its end has not come.

    :raises DateRefused: when it is no day.
    """
    if is_blank(typed):
        return None
    day = parse_date(typed)
    return None if day == tokyo_date(now()) else day
