"""The dialogs of 管理＞管理者: register, edit, new link, unlock, disable, enable, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, request
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin_views.changed_values import conflicts_of
from admin_views.dialogs import Subject, json_redirect, render_dialog, success
from admin_views.fields import PortalForm
from admin_views.portal.administrator_forms import (
    EditAdministratorForm,
    LinkForm,
    RegisterAdministratorForm,
)
from admin_views.portal.visit import current_visit
from admin_views.request_context import is_fragment, now, settings, viewer
from admin_views.submission import posted, submit
from domain.administrator_levels import offered_levels
from domain.permissions import LEVELS, AdminLevel
from domain.portal_permissions import PORTAL_LEVELS, PortalPermission
from domain.sign_in_locks import is_locked
from models import Administrator
from services import doorbell, passwords, portal_administrators, second_factors
from services.administrator_access import check_level, find_person
from services.mail_texts import mail_brand_from
from services.transaction import transaction


class AdministratorDialogs:
    """A part of the list's view."""

    require_here: Any
    get_url: Any

    def row_url(self, administrator_id: int) -> str:
        """Return the address of the list at a row."""
        return f"{self.get_url('.index_view')}#row-{administrator_id}"

    @expose("/new/", methods=("GET", "POST"))
    def register(self) -> Response:
        """管理者登録."""
        self.require_here(PortalPermission.ADMINISTRATORS_CHANGE)
        _refuse_level_above()
        form = RegisterAdministratorForm(posted(), levels=_levels())
        answer = submit(form, lambda: self._register(form))
        if isinstance(answer, Response):
            return answer
        return render_dialog(
            title=_("管理者登録"),
            form=form,
            submit_label=_("登録"),
            back_url=self.get_url(".index_view"),
            subject=Subject(current_visit().company_name, current_visit().account_number),
            template="portal/administrator_register.html",
            status=answer,
        )

    def _register(self, form: RegisterAdministratorForm) -> Response:
        new_hash = None
        if form.is_typed:
            # Before the transaction: it takes long.
            about = form.words_about(company_name=current_visit().company_name)
            new_hash = passwords.new_password_hash(
                password=form.password.data, repeated=form.repeated.data, about=about
            )
        with transaction():
            person = portal_administrators.register(
                viewer=viewer(),
                account_id=current_visit().account_id,
                user_name=form.user_name.data,
                values=form.values,
                password_hash=new_hash,
                request_id=form.request_id.data,
                brand=mail_brand_from(settings()),
                now=now(),
            )
            person_id, words = person.id, {"name": person.user_name, "email": person.email}
        doorbell.ring("send_mails")
        if new_hash is None:
            message = _(
                "管理者 %(name)s を登録しました。"
                "%(email)s へ登録通知とパスワード設定の案内（1日有効）を送信します。",
                **words,
            )
        else:
            message = _("管理者 %(name)s を登録しました。%(email)s へ登録通知を送信します。", **words)
        return success(to=self.row_url(person_id), message=message)

    @expose("/<row_id:administrator_id>/edit/", methods=("GET", "POST"))
    def edit(self, administrator_id: int) -> Response:
        """管理者更新."""
        person = self._open(administrator_id)
        _refuse_level_above()
        form = EditAdministratorForm(posted(), obj=person, levels=_levels())

        def run() -> Response:
            with transaction():
                name = portal_administrators.update(
                    viewer=viewer(),
                    account_id=current_visit().account_id,
                    administrator_id=administrator_id,
                    version=form.version.data,
                    values=form.values,
                    now=now(),
                ).user_name
            message = _("管理者 %(name)s を更新しました。", name=name)
            if administrator_id == viewer().administrator_id and form.level.data not in PORTAL_LEVELS:
                return _leave(message)
            return success(to=self.row_url(administrator_id), message=message)

        answer = submit(form, run)
        return answer if isinstance(answer, Response) else self._edit_page(administrator_id, form, answer)

    def _edit_page(self, administrator_id: int, form: EditAdministratorForm, status: int) -> Response:
        person = _find(administrator_id)
        stored = EditAdministratorForm(obj=person, levels=_levels())
        conflicts = conflicts_of(form, stored, status=status)
        return render_dialog(
            title=_("管理者更新"),
            form=form,
            submit_label=_("更新"),
            back_url=self.row_url(administrator_id),
            subject=_subject(person),
            template="portal/administrator_edit.html",
            status=status,
            person=person,
            is_locked=is_locked(person.locked_until, now()),
            second_factor=second_factors.find(administrator_id),
            is_self=administrator_id == viewer().administrator_id,
            conflicts=conflicts,
        )

    @expose("/<row_id:administrator_id>/password/", methods=("GET", "POST"))
    def send_link(self, administrator_id: int) -> Response:
        """パスワード再設定: mails a new link; the password holds until it is used."""
        person = self._open(administrator_id)
        form = LinkForm(posted())

        def run() -> Response:
            with transaction():
                email = portal_administrators.send_link(
                    viewer=viewer(),
                    account_id=current_visit().account_id,
                    administrator_id=administrator_id,
                    request_id=form.request_id.data,
                    brand=mail_brand_from(settings()),
                    now=now(),
                ).email
            doorbell.ring("send_mails")
            message = _("%(email)s へパスワード設定の案内（1日有効）を送信します。", email=email)
            return success(to=self.row_url(administrator_id), message=message)

        return self._ask(person, form, run, title=_("パスワード再設定"), submit_label=_("送信"), about="link")

    @expose("/<row_id:administrator_id>/unlock/", methods=("POST",))
    def unlock(self, administrator_id: int) -> Response:
        """ロック解除."""
        self._open(administrator_id)
        with transaction():
            person, was_locked = portal_administrators.unlock(
                viewer=viewer(),
                account_id=current_visit().account_id,
                administrator_id=administrator_id,
                now=now(),
            )
            name = person.user_name
        if was_locked:
            message, category = _("管理者 %(name)s のロックを解除しました。", name=name), "success"
        else:
            message, category = _("管理者 %(name)s はロックされていません。", name=name), "info"
        return success(to=self.row_url(administrator_id), message=message, category=category)

    @expose("/<row_id:administrator_id>/disable/", methods=("GET", "POST"))
    def disable(self, administrator_id: int) -> Response:
        """無効にする."""
        words = {"title": _("無効にする"), "submit_label": _("無効にする"), "about": "disable"}
        return self._set_disabled(administrator_id, is_disabled=True, **words)

    @expose("/<row_id:administrator_id>/enable/", methods=("GET", "POST"))
    def enable(self, administrator_id: int) -> Response:
        """有効にする."""
        words = {"title": _("有効にする"), "submit_label": _("有効にする"), "about": "enable"}
        return self._set_disabled(administrator_id, is_disabled=False, **words)

    def _set_disabled(self, administrator_id: int, *, is_disabled: bool, **words: str) -> Response:
        person = self._open(administrator_id)

        def run() -> Response:
            with transaction():
                name = portal_administrators.set_disabled(
                    viewer=viewer(),
                    account_id=current_visit().account_id,
                    administrator_id=administrator_id,
                    is_disabled=is_disabled,
                    now=now(),
                ).user_name
            if not is_disabled:
                message = _("管理者 %(name)s を有効にしました。", name=name)
                return success(to=self.row_url(administrator_id), message=message)
            message = _("管理者 %(name)s を無効にしました。", name=name)
            if administrator_id == viewer().administrator_id:
                return _leave(message)
            return success(to=self.row_url(administrator_id), message=message)

        return self._ask(person, PortalForm(posted()), run, **words)

    @expose("/<row_id:administrator_id>/delete/", methods=("GET", "POST"))
    def delete(self, administrator_id: int) -> Response:
        """管理者削除, which asks first."""
        person = self._open(administrator_id)

        def run() -> Response:
            with transaction():
                name = portal_administrators.delete(
                    viewer=viewer(),
                    account_id=current_visit().account_id,
                    administrator_id=administrator_id,
                    now=now(),
                ).user_name
            message = _("管理者 %(name)s を削除しました。", name=name)
            if administrator_id == viewer().administrator_id:
                return _leave(message)
            return success(to=self.get_url(".index_view"), message=message)

        words = {"title": _("管理者削除"), "submit_label": _("削除"), "about": "delete"}
        return self._ask(person, PortalForm(posted()), run, **words)

    def _ask(
        self,
        person: Administrator,
        form: PortalForm,
        run: Callable[[], Response],
        *,
        about: str,
        **words: str,
    ) -> Response:
        """Show a question about a person, or do it; `about` names what the template says."""
        subject, administrator_id = _subject(person), person.id
        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        return render_dialog(
            form=form,
            back_url=self.row_url(administrator_id),
            subject=subject,
            template="portal/administrator_question.html",
            tone="danger" if about in ("disable", "delete", "second_factor") else "",
            status=answer,
            person=_find(administrator_id),
            about=about,
            is_self=administrator_id == viewer().administrator_id,
            **words,
        )

    def _open(self, administrator_id: int) -> Administrator:
        """Return a person of this portal whom the viewer may change.

        :raises DomainError: PermissionRefused, PortalReadOnly, AdministratorNotVisible.
        """
        self.require_here(PortalPermission.ADMINISTRATORS_CHANGE)
        person = _find(administrator_id)
        check_level(viewer(), person.level)
        return person


def _find(administrator_id: int) -> Administrator:
    return find_person(
        viewer=viewer(), account_id=current_visit().account_id, administrator_id=administrator_id
    )


def _subject(person: Administrator) -> Subject:
    return Subject(f"{person.full_name} ({person.user_name})")


def _levels() -> tuple[AdminLevel, ...]:
    return offered_levels(current_visit().account_type, viewer().level)


def _refuse_level_above() -> None:
    """Answer the sent level of somebody above the viewer as not allowed, not as a slip in a pull-down."""
    sent = request.form.get("level", "")
    if sent in LEVELS[current_visit().account_type]:
        check_level(viewer(), AdminLevel(sent))


def _leave(message: str) -> Response:
    """Lead on who has just taken himself out of this portal: to his other one, or to the sign-in page."""
    flash(message, "success")
    return json_redirect("/") if is_fragment() else redirect("/", code=303)
