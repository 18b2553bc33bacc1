"""The dialogs of MSPアカウント一覧 that register and change an account."""

from __future__ import annotations

import uuid
from typing import Any

from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin_views.account_forms import ProfileForm
from admin_views.changed_values import conflicts_of
from admin_views.customer_dialogs import open_account, subject_of
from admin_views.dialogs import render_dialog, success
from admin_views.fields import ChoiceField, RequestIdField, VersionField
from admin_views.points_dialog import points_dialog
from admin_views.request_context import now, viewer
from admin_views.submission import posted, submit
from domain.contract_year import RESELLER_USER_COUNT
from domain.permissions import AccountType, Permission
from models import Account
from services import access, account_registrations, applications, msp_accounts
from services.transaction import transaction
from services.words import TYPE_WORDS


class AccountRegisterForm(ProfileForm):
    """基本情報登録 of an MSP, support or 特権MSP account; the last and `parent_id` are the operator's alone."""

    account_type = ChoiceField(
        _l("アカウントタイプ"),
        choices=lambda: _type_choices(),
        required=True,
        blank_label=_l("選択してください"),
    )
    parent_id = ChoiceField(
        _l("特権MSPアカウント"), choices=lambda: _distributors(), blank_label=_l("選択してください")
    )
    # Made when the form is opened; a form that comes without it is a request of its own.
    request_id = RequestIdField(required=False, default=lambda: str(uuid.uuid4()))

    @property
    def has_profile_errors(self) -> bool:
        """Whether the tab 基本情報 has an error."""
        return super().has_profile_errors or self.has_errors_in(("account_type",))


class AccountEditForm(ProfileForm):
    """基本情報更新: the tabs 基本情報 and 販売店情報."""

    version = VersionField()


class AccountDialogs:
    """A part of the list's view: register, edit, points."""

    require: Any
    get_url: Any

    def row_url(self, account_id: int) -> str:
        """Return the address of the list at a row."""
        return f"{self.get_url('.index_view')}#row-{account_id}"

    @expose("/new/", methods=("GET", "POST"))
    def register(self) -> Response:
        """基本情報登録."""
        self.require(Permission.ACCOUNTS_REGISTER)
        form = AccountRegisterForm(posted())
        if viewer().account_type is not AccountType.OPERATOR:
            del form.parent_id

        def run() -> Response:
            with transaction():
                name = account_registrations.register_account(
                    viewer=viewer(),
                    account_type=form.account_type.data,
                    profile=form.profile,
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
            template="accounts/register.html",
            status=answer,
            user_count=RESELLER_USER_COUNT,
        )

    @expose("/<row_id:account_id>/edit/", methods=("GET", "POST"))
    def edit(self, account_id: int) -> Response:
        """基本情報更新."""
        self.require(Permission.ACCOUNTS_EDIT)
        account = open_account(account_id, access.MSP_TYPES)
        form = AccountEditForm(posted(), obj=account)

        def run() -> Response:
            with transaction():
                name = msp_accounts.update_account(
                    viewer=viewer(),
                    account_id=account_id,
                    version=form.version.data,
                    profile=form.profile,
                    now=now(),
                ).company_name
            message = _("%(name)s の基本情報を更新しました。", name=name)
            return success(to=self.row_url(account_id), message=message)

        answer = submit(form, run)
        return answer if isinstance(answer, Response) else self._edit_page(account, form, answer)

    def _edit_page(self, account: Account, form: AccountEditForm, status: int) -> Response:
        conflicts = conflicts_of(form, AccountEditForm(None, obj=account), status=status)
        return render_dialog(
            title=_("基本情報更新"),
            form=form,
            submit_label=_("更新"),
            back_url=self.row_url(account.id),
            subject=subject_of(account),
            template="accounts/edit.html",
            status=status,
            account=account,
            account_type=TYPE_WORDS[account.account_type],
            conflicts=conflicts,
        )

    @expose("/<row_id:account_id>/points/", methods=("GET", "POST"))
    def points(self, account_id: int) -> Response:
        """ポイント数更新 or, of a 特権MSP, ポイント発行."""
        return points_dialog(
            account_id=account_id, account_types=access.MSP_TYPES, back_url=self.get_url(".index_view")
        )


def _type_choices() -> list[tuple[AccountType, Any]]:
    return [(kind, TYPE_WORDS[kind]) for kind in account_registrations.registrable_types(viewer=viewer())]


def _distributors() -> list[tuple[int, str]]:
    """Return (id, 会社名) of the 特権MSPs under which the viewer may register MSP and support accounts."""
    parents = applications.possible_parents(viewer=viewer(), account_type=AccountType.MSP)
    return [(parent.id, parent.company_name) for parent in parents]
