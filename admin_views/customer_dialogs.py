"""The dialogs of 顧客アカウント一覧 that register and change an account."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from flask import request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin_views.account_forms import EditForm, RegisterForm, UserCountField
from admin_views.changed_values import conflicts_of
from admin_views.dialogs import Subject, render_dialog, success
from admin_views.fields import IsoDateField, PortalForm
from admin_views.formatting import date_text, number
from admin_views.points_dialog import points_dialog
from admin_views.request_context import now, viewer
from admin_views.shown_fields import ShownCountField, ShownDateField
from admin_views.submission import posted, submit
from domain.billing_calendar import tokyo_date
from domain.permissions import AccountType, Permission
from domain.portal_menus import HIDEABLE_KEYS
from models import Account
from services import access, accounts, applications, ledger, menu_presets, prices
from services.transaction import transaction
from services.words import TYPE_WORDS


class UsersForm(PortalForm):
    """契約ユーザ数更新."""

    contract_user_count = UserCountField(_l("変更後"))
    current_user_count = ShownCountField()


class ContractDateForm(PortalForm):
    """契約日更新."""

    contract_date = IsoDateField(_l("契約日"), required=True)
    current_contract_date = ShownDateField()


def open_account(account_id: int, account_types: Collection[AccountType] = access.CUSTOMERS) -> Account:
    """Return an account of the viewer for a dialog; one that is opened must be one that can be changed.

    :raises DomainError: AccountNotVisible; on GET AccountNotRunning, CancellationUnderWay.
    """
    account = access.find_account(viewer=viewer(), account_id=account_id, account_types=account_types)
    if request.method == "GET":
        ledger.check_running(account, now())
    return account


def subject_of(account: Account) -> Subject:
    """Return what stands under the title of a dialog about an account."""
    return Subject(account.company_name, account.account_number)


class CustomerDialogs:
    """A part of the list's view: register, edit, users, points, contract date."""

    require: Any
    get_url: Any

    def row_url(self, account_id: int) -> str:
        """Return the address of the list at a row."""
        return f"{self.get_url('.index_view')}#row-{account_id}"

    @expose("/new/", methods=("GET", "POST"))
    def register(self) -> Response:
        """基本情報登録."""
        self.require(Permission.CUSTOMERS_REGISTER)
        form = RegisterForm(posted(), parent_id=viewer().account_id)
        if viewer().account_type is AccountType.MSP:
            del form.parent_id

        def run() -> Response:
            with transaction():
                name = applications.register(
                    viewer=viewer(),
                    profile=form.profile,
                    contract_user_count=form.contract_user_count.data,
                    parent_id=form.parent_id.data if form.parent_id else None,
                    request_id=form.request_id.data,
                    now=now(),
                ).company_name
            message = _(
                "%(name)s の登録を申請しました。承認待ちアカウント一覧でご確認いただけます。", name=name
            )
            return success(to=self.get_url(".index_view"), message=message)

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        return render_dialog(
            title=_("基本情報登録"),
            form=form,
            submit_label=_("登録"),
            back_url=self.get_url(".index_view"),
            template="customers/register.html",
            status=answer,
            account_type=TYPE_WORDS[AccountType.CUSTOMER],
        )

    @expose("/<row_id:account_id>/edit/", methods=("GET", "POST"))
    def edit(self, account_id: int) -> Response:
        """基本情報更新."""
        self.require(Permission.CUSTOMERS_EDIT)
        account = open_account(account_id)
        form = _edit_form(account, sent=posted())

        def run() -> Response:
            with transaction():
                name = accounts.update_account(
                    viewer=viewer(),
                    account_id=account_id,
                    version=form.version.data,
                    profile=form.profile,
                    support_account_id=form.support_account_id.data,
                    visible_menu_keys=form.visible_menu_keys.data,
                    now=now(),
                ).company_name
            message = _("%(name)s の基本情報を更新しました。", name=name)
            return success(to=self.row_url(account_id), message=message)

        answer = submit(form, run)
        return answer if isinstance(answer, Response) else self._edit_page(account, form, answer)

    def _edit_page(self, account: Account, form: EditForm, status: int) -> Response:
        conflicts = conflicts_of(form, _edit_form(account, sent=None), status=status)
        return render_dialog(
            title=_("基本情報更新"),
            form=form,
            submit_label=_("更新"),
            back_url=self.row_url(account.id),
            subject=subject_of(account),
            template="customers/edit.html",
            status=status,
            account=account,
            account_type=TYPE_WORDS[account.account_type],
            conflicts=conflicts,
            presets=menu_presets.presets_of(viewer=viewer()),
        )

    @expose("/<row_id:account_id>/users/", methods=("GET", "POST"))
    def users(self, account_id: int) -> Response:
        """契約ユーザ数更新."""
        self.require(Permission.USERS_CHANGE)
        account = open_account(account_id)
        form = UsersForm(posted())

        def run() -> Response:
            with transaction():
                old, new = accounts.change_contract_users(
                    viewer=viewer(),
                    account_id=account_id,
                    contract_user_count=form.contract_user_count.data,
                    now=now(),
                    shown=form.current_user_count.shown,
                )
            return self._changed(account_id, _("契約ユーザ数"), number(old), number(new))

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        form.current_user_count.show(account.contract_user_count)
        return render_dialog(
            title=_("契約ユーザ数更新"),
            form=form,
            submit_label=_("変更"),
            back_url=self.row_url(account_id),
            subject=subject_of(account),
            template="customers/users.html",
            status=answer,
            account=account,
            outlook=prices.fee_outlook(account, now=now()),
        )

    @expose("/<row_id:account_id>/points/", methods=("GET", "POST"))
    def points(self, account_id: int) -> Response:
        """ポイント数更新."""
        self.require(Permission.POINTS_CHANGE)
        back_url = self.get_url(".index_view")
        return points_dialog(account_id=account_id, account_types=access.CUSTOMERS, back_url=back_url)

    @expose("/<row_id:account_id>/contract-date/", methods=("GET", "POST"))
    def contract_date(self, account_id: int) -> Response:
        """契約日更新."""
        self.require(Permission.CUSTOMERS_EDIT)
        account = open_account(account_id)
        form = ContractDateForm(posted(), obj=account)

        def run() -> Response:
            with transaction():
                old, new = accounts.change_contract_date(
                    viewer=viewer(),
                    account_id=account_id,
                    contract_date=form.contract_date.data,
                    now=now(),
                    shown=form.current_contract_date.shown,
                )
            return self._changed(account_id, _("契約日"), date_text(old), date_text(new))

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        form.current_contract_date.show(account.contract_date)
        return render_dialog(
            title=_("契約日更新"),
            form=form,
            submit_label=_("変更"),
            back_url=self.row_url(account_id),
            subject=subject_of(account),
            template="customers/contract_date.html",
            status=answer,
            account=account,
            earliest=accounts.EARLIEST_CONTRACT_DATE,
            latest=tokyo_date(now()),
        )

    def _changed(self, account_id: int, what: str, old: str, new: str) -> Response:
        name = access.find_account(viewer=viewer(), account_id=account_id).company_name
        if old == new:
            message, category = (
                _("%(name)s の%(what)sは %(new)s のままです。", name=name, what=what, new=new),
                "info",
            )
        else:
            message = _(
                "%(name)s の%(what)sを %(old)s から %(new)s に変更しました。",
                name=name,
                what=what,
                old=old,
                new=new,
            )
            category = "success"
        return success(to=self.row_url(account_id), message=message, category=category)


def _edit_form(account: Account, *, sent: Any) -> EditForm:
    """Return the form of an account; `sent` None: with what is stored."""
    choices = access.support_accounts_of(viewer=viewer(), privileged_msp_id=account.privileged_msp_id)
    choices += [found for found in access.assigned_support_account(account) if found not in choices]
    return EditForm(
        sent,
        obj=account,
        support_choices=choices,
        visible_menu_keys=[key for key in HIDEABLE_KEYS if key not in account.hidden_keys],
    )
