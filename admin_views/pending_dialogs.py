"""The dialogs of 承認待ちアカウント一覧: what the applicant changes and what the operator decides."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from flask import request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin_views.account_forms import ApplicationForm
from admin_views.changed_values import conflicts_of
from admin_views.dialogs import Subject, render_dialog, success
from admin_views.fields import NoteField, PortalForm, VersionField
from admin_views.pending_states import CHANGEABLE, PROVISIONABLE, state_of
from admin_views.request_context import now, settings, viewer
from admin_views.submission import posted, submit
from domain.lifecycle import WAITING, AccountStatus, TransitionRefused
from domain.permissions import AccountType, Permission
from models import Account
from services import access, applications, doorbell
from services.mail_texts import mail_brand_from
from services.profiles import ChangedMeanwhile, check_version
from services.transaction import transaction
from services.words import TYPE_WORDS

LONGEST_REASON = 1000
#: Dialogs that show the whole application, in two columns.
WIDE = ("detail", "approve")


class DecisionForm(PortalForm):
    """A decision about the application as it was shown."""

    version = VersionField()


class RejectionForm(DecisionForm):
    """却下, with its reason."""

    rejection_reason = NoteField(_l("却下の理由"), maximum=LONGEST_REASON, required=True)


class ConfirmationForm(PortalForm):
    """Asks before something is done; there is nothing to fill in."""


def open_application(account_id: int, statuses: Collection[AccountStatus]) -> Account:
    """Return an application of the viewer; when it is opened, it must be in one of the statuses.

    :raises DomainError: AccountNotVisible, also for one that is withdrawn; on GET TransitionRefused.
    """
    account = access.find_account(viewer=viewer(), account_id=account_id, account_types=set(AccountType))
    if account.status is AccountStatus.WITHDRAWN:
        raise access.AccountNotVisible(account_id=account_id)
    if request.method == "GET" and account.status not in statuses:
        raise TransitionRefused(status=account.status)
    return account


def application_form(account: Account, *, sent: Any) -> ApplicationForm:
    """Return the form of an application; users are asked of customers only. `sent` None: with what is stored."""
    form = ApplicationForm(sent, obj=account)
    if account.account_type is not AccountType.CUSTOMER:
        del form.contract_user_count
    return form


def list_words(account: Account) -> str:
    """Return the name of the list in which an account is once it is in service."""
    is_customer = account.account_type is AccountType.CUSTOMER
    return _("顧客アカウント一覧") if is_customer else _("MSPアカウント一覧")


def check_shown(account_id: int, version: int) -> None:
    """Refuse a decision about an application that was changed after it was shown; locks it.

    A state that does not wait for a decision any more is left to the use case, which says so.

    :raises ChangedMeanwhile: when it was changed.
    """
    permission = Permission.APPLICATIONS_DECIDE
    found = access.accounts_to_change(
        viewer=viewer(), permission=permission, account_ids=[account_id], account_types=set(AccountType)
    )[0]
    if found.status is AccountStatus.PENDING_APPROVAL:
        check_version(found, version)


class PendingDialogs:
    """A part of the list's view."""

    require: Any
    get_url: Any

    @expose("/<row_id:account_id>/")
    def detail(self, account_id: int) -> Response:
        """内容確認."""
        account = open_application(account_id, WAITING)
        return self._dialog(
            account, title=_("内容確認"), form=ConfirmationForm(), submit_label="", template="detail"
        )

    @expose("/<row_id:account_id>/edit/", methods=("GET", "POST"))
    def edit(self, account_id: int) -> Response:
        """基本情報更新 of an application; a rejected one is applied for again by it."""
        self.require(Permission.APPLICATIONS_CHANGE)
        account = open_application(account_id, CHANGEABLE)
        was_rejected = account.status is AccountStatus.REJECTED
        form = application_form(account, sent=posted())

        def run() -> Response:
            with transaction():
                name = applications.change_application(
                    viewer=viewer(),
                    account_id=account_id,
                    version=form.version.data,
                    profile=form.profile,
                    contract_user_count=form.contract_user_count.data if form.contract_user_count else None,
                    now=now(),
                ).company_name
            words = _("%(name)s を再申請しました。") if was_rejected else _("%(name)s の申請を更新しました。")
            return success(to=self._row_url(account_id), message=words % {"name": name})

        answer = submit(form, run)
        return answer if isinstance(answer, Response) else self._edit_page(account, form, answer)

    def _edit_page(self, account: Account, form: ApplicationForm, status: int) -> Response:
        conflicts = conflicts_of(form, application_form(account, sent=None), status=status)
        is_rejected = account.status is AccountStatus.REJECTED
        return self._dialog(
            account,
            title=_("基本情報更新"),
            form=form,
            submit_label=_("再申請") if is_rejected else _("更新"),
            template="edit",
            status=status,
            conflicts=conflicts,
        )

    @expose("/<row_id:account_id>/delete/", methods=("GET", "POST"))
    def delete(self, account_id: int) -> Response:
        """削除, which asks first."""
        self.require(Permission.APPLICATIONS_CHANGE)
        account = open_application(account_id, CHANGEABLE)
        form = ConfirmationForm(posted())

        def run() -> Response:
            with transaction():
                name = applications.withdraw(viewer=viewer(), account_id=account_id, now=now()).company_name
            return success(
                to=self.get_url(".index_view"), message=_("%(name)s の申請を削除しました。", name=name)
            )

        words = {"title": _("申請の削除"), "submit_label": _("削除"), "tone": "danger"}
        return self._ask(account, form, run, template="delete", **words)

    @expose("/<row_id:account_id>/approve/", methods=("GET", "POST"))
    def approve(self, account_id: int) -> Response:
        """承認."""
        self.require(Permission.APPLICATIONS_DECIDE)
        account = open_application(account_id, {AccountStatus.PENDING_APPROVAL})
        form = DecisionForm(posted(), version=account.version)

        def run() -> Response:
            with transaction():
                check_shown(account_id, form.version.data)
                approved = applications.approve(
                    viewer=viewer(), account_id=account_id, brand=mail_brand_from(settings()), now=now()
                )
                facts = {"name": approved.company_name, "account_number": approved.account_number}
            doorbell.ring("send_mails")
            message = _("%(name)s を承認しました（アカウント番号 %(account_number)s）。", **facts)
            return success(to=self._row_url(account_id), message=message)

        return self._ask(account, form, run, template="approve", title=_("承認"), submit_label=_("承認"))

    @expose("/<row_id:account_id>/reject/", methods=("GET", "POST"))
    def reject(self, account_id: int) -> Response:
        """却下, with a reason."""
        self.require(Permission.APPLICATIONS_DECIDE)
        account = open_application(account_id, {AccountStatus.PENDING_APPROVAL})
        form = RejectionForm(posted(), version=account.version)

        def run() -> Response:
            with transaction():
                check_shown(account_id, form.version.data)
                name = applications.reject(
                    viewer=viewer(),
                    account_id=account_id,
                    rejection_reason=form.rejection_reason.data,
                    brand=mail_brand_from(settings()),
                    now=now(),
                ).company_name
            doorbell.ring("send_mails")
            return success(to=self._row_url(account_id), message=_("%(name)s を却下しました。", name=name))

        words = {"title": _("却下"), "submit_label": _("却下"), "tone": "danger"}
        return self._ask(account, form, run, template="reject", **words)

    @expose("/<row_id:account_id>/provision/", methods=("GET", "POST"))
    def provision(self, account_id: int) -> Response:
        """プロビジョニング: ordered here, carried out by the worker."""
        self.require(Permission.APPLICATIONS_DECIDE)
        account = open_application(account_id, PROVISIONABLE)
        form = ConfirmationForm(posted())

        def run() -> Response:
            with transaction():
                name = applications.request_provisioning(
                    viewer=viewer(), account_id=account_id, now=now()
                ).company_name
            doorbell.ring("provision")
            message = _(
                "%(name)s のプロビジョニングを開始しました。完了すると%(list)sに表示されます。",
                name=name,
                list=list_words(account),
            )
            return success(to=self._row_url(account_id), message=message, category="info")

        words = {"title": _("プロビジョニング"), "submit_label": _("プロビジョニング")}
        return self._ask(account, form, run, template="provision", **words)

    def _ask(
        self,
        account: Account,
        form: PortalForm,
        run: Callable[[], Response],
        *,
        template: str,
        **words: str,
    ) -> Response:
        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        if answer == ChangedMeanwhile.http_status and "version" in form:
            # The dialog now shows the newest content; pressing the button again is about that.
            form["version"].data = account.version
        return self._dialog(account, form=form, template=template, status=answer, **words)

    def _dialog(self, account: Account, *, template: str, **context: Any) -> Response:
        return render_dialog(
            template=f"pending/{template}.html",
            wide=template in WIDE,
            back_url=self._row_url(account.id),
            subject=Subject(account.company_name, account.account_number),
            account=account,
            account_type=TYPE_WORDS[account.account_type],
            list_words=list_words(account),
            fixed_users=None if account.account_type is AccountType.CUSTOMER else account.contract_user_count,
            applicant=account.parent.company_name if account.parent else "",
            state=state_of(account),
            decides=viewer().can(Permission.APPLICATIONS_DECIDE),
            **context,
        )

    def _row_url(self, account_id: int) -> str:
        return f"{self.get_url('.index_view')}#row-{account_id}"
