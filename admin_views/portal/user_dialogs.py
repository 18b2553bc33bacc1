"""The dialogs of ユーザ一覧 about one user: register, edit, disable, enable, delete."""

from __future__ import annotations

from typing import Any

from flask_admin import expose
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin_views.changed_values import conflicts_of
from admin_views.dialogs import Subject, render_dialog, success
from admin_views.fields import PortalForm
from admin_views.portal.user_forms import EditUserForm, UserForm
from admin_views.portal.visit import current_visit
from admin_views.request_context import now, viewer
from admin_views.submission import posted, submit
from domain.portal_permissions import PortalPermission
from models import ServiceUser
from services import service_users
from services.service_user_list import user_counts
from services.transaction import transaction


class UserDialogs:
    """A part of the list's view: what is done with one user."""

    require_here: Any
    get_url: Any

    def row_url(self, user_id: int) -> str:
        """Return the address of the list at a row."""
        return f"{self.get_url('.index_view')}#row-{user_id}"

    @expose("/new/", methods=("GET", "POST"))
    def register(self) -> Response:
        """ユーザ登録."""
        self.require_here(PortalPermission.USERS_CHANGE)
        form = UserForm(posted())
        account_id = current_visit().account_id

        def run() -> Response:
            with transaction():
                user = service_users.register(
                    viewer=viewer(),
                    account_id=account_id,
                    user_name=form.user_name.data,
                    values=form.values,
                    now=now(),
                )
                user_id, name = user.id, user.user_name
            return success(to=self.row_url(user_id), message=_("ユーザ %(name)s を登録しました。", name=name))

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        counts = user_counts(account_id)
        return render_dialog(
            title=_("ユーザ登録"),
            form=form,
            submit_label=_("登録") if counts.remaining else "",
            back_url=self.get_url(".index_view"),
            template="portal/user_register.html",
            status=answer,
            counts=counts,
        )

    @expose("/<row_id:user_id>/edit/", methods=("GET", "POST"))
    def edit(self, user_id: int) -> Response:
        """ユーザ更新."""
        self.require_here(PortalPermission.USERS_CHANGE)
        user = _find(user_id)
        form = EditUserForm(posted(), obj=user)

        def run() -> Response:
            with transaction():
                name = service_users.update_user(
                    viewer=viewer(),
                    account_id=current_visit().account_id,
                    user_id=user_id,
                    version=form.version.data,
                    values=form.values,
                    now=now(),
                ).user_name
            return success(to=self.row_url(user_id), message=_("ユーザ %(name)s を更新しました。", name=name))

        answer = submit(form, run)
        return answer if isinstance(answer, Response) else self._edit_page(user_id, form, answer)

    def _edit_page(self, user_id: int, form: EditUserForm, status: int) -> Response:
        user = _find(user_id)
        conflicts = conflicts_of(form, EditUserForm(obj=user), status=status)
        return render_dialog(
            title=_("ユーザ更新"),
            form=form,
            submit_label=_("更新"),
            back_url=self.row_url(user_id),
            template="portal/user_edit.html",
            status=status,
            user=user,
            conflicts=conflicts,
        )

    @expose("/<row_id:user_id>/disable/", methods=("GET", "POST"))
    def disable(self, user_id: int) -> Response:
        """無効にする."""
        return self._state(user_id, is_disabled=True)

    @expose("/<row_id:user_id>/enable/", methods=("GET", "POST"))
    def enable(self, user_id: int) -> Response:
        """有効にする."""
        return self._state(user_id, is_disabled=False)

    def _state(self, user_id: int, *, is_disabled: bool) -> Response:
        self.require_here(PortalPermission.USERS_CHANGE)
        user = _find(user_id)
        name, form = user.user_name, PortalForm(posted())

        def run() -> Response:
            with transaction():
                service_users.change_state(
                    viewer=viewer(),
                    account_id=current_visit().account_id,
                    user_ids=[user_id],
                    is_disabled=is_disabled,
                    now=now(),
                )
            words = (
                _("ユーザ %(name)s を無効にしました。", name=name)
                if is_disabled
                else _("ユーザ %(name)s を有効にしました。", name=name)
            )
            return success(to=self.row_url(user_id), message=words)

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        return render_dialog(
            title=_("無効にする") if is_disabled else _("有効にする"),
            form=form,
            submit_label=_("無効にする") if is_disabled else _("有効にする"),
            back_url=self.row_url(user_id),
            subject=Subject(f"{user.full_name} ({name})"),
            template="portal/user_state.html",
            status=answer,
            is_disabled=is_disabled,
        )

    @expose("/<row_id:user_id>/delete/", methods=("GET", "POST"))
    def delete(self, user_id: int) -> Response:
        """ユーザ削除."""
        self.require_here(PortalPermission.USERS_CHANGE)
        user, form = _find(user_id), PortalForm(posted())

        def run() -> Response:
            with transaction():
                name = service_users.delete_user(
                    viewer=viewer(), account_id=current_visit().account_id, user_id=user_id, now=now()
                )
            message = _("ユーザ %(name)s を削除しました。", name=name)
            return success(to=self.get_url(".index_view"), message=message)

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        return render_dialog(
            title=_("ユーザ削除"),
            form=form,
            submit_label=_("削除"),
            back_url=self.row_url(user_id),
            subject=Subject(f"{user.full_name} ({user.user_name})"),
            template="portal/user_delete.html",
            tone="danger",
            status=answer,
            user=user,
        )


def _find(user_id: int) -> ServiceUser:
    return service_users.find_user(account_id=current_visit().account_id, user_id=user_id)
