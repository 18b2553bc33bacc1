"""画面プリセット: the named presets of 画面のカスタマイズ of one's own account."""

from __future__ import annotations

from typing import Any

from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import HiddenField

from admin_views.account_forms import VisibleMenusField
from admin_views.base import ScopedModelView
from admin_views.changed_values import changed_values
from admin_views.dialogs import render_dialog, success
from admin_views.fields import LineField, PortalForm
from admin_views.request_context import now, viewer
from admin_views.submission import posted, submit
from domain.permissions import Permission
from domain.portal_menus import HIDEABLE_KEYS
from models import MenuPreset
from services import menu_presets
from services.lists import ListSource, Page
from services.transaction import transaction


class PresetForm(PortalForm):
    """A preset: its name and its boxes."""

    name = LineField(_l("名前"), maximum=menu_presets.LONGEST_NAME, required=True)
    visible_menu_keys = VisibleMenusField(_l("非表示設定"))


class PresetEditForm(PresetForm):
    """A preset that is there already; `shown` tells whether it is still what the form was opened with."""

    shown = HiddenField()


class MenuPresetsView(ScopedModelView):
    """画面プリセット."""

    permission = Permission.PRESETS_CHANGE
    list_template = "presets/list.html"
    primary_column = "name"
    key_columns = ("hidden_count",)

    def scope(self) -> Any:
        """Return the condition for the presets of the viewer's own account."""
        return MenuPreset.account_id == viewer().account_id

    def list_source(self) -> ListSource:
        """Return the list."""
        return menu_presets.presets_source(viewer=viewer())

    def has_row_actions(self) -> bool:
        """Show the column 操作."""
        return True

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return how many presets an account may have."""
        return {"is_full": page.total >= menu_presets.LARGEST_COUNT, "maximum": menu_presets.LARGEST_COUNT}

    @expose("/new/", methods=("GET", "POST"))
    def create(self) -> Response:
        """画面プリセット登録."""
        form = PresetForm(posted())

        def run() -> Response:
            with transaction():
                preset = menu_presets.create(
                    viewer=viewer(),
                    name=form.name.data,
                    visible_menu_keys=form.visible_menu_keys.data,
                    now=now(),
                )
                preset_id, name = preset.id, preset.name
            return self._done(preset_id, _("プリセット「%(name)s」を登録しました。", name=name))

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        return self._form_page(form, answer, title=_("画面プリセット登録"), submit_label=_("登録"))

    @expose("/<row_id:preset_id>/edit/", methods=("GET", "POST"))
    def edit(self, preset_id: int) -> Response:
        """画面プリセット更新."""
        stored = _form_of(menu_presets.find_preset(viewer=viewer(), preset_id=preset_id))
        form = PresetEditForm(posted(), **stored.data)

        def run() -> Response:
            with transaction():
                name = menu_presets.update(
                    viewer=viewer(),
                    preset_id=preset_id,
                    shown=form.shown.data or "",
                    name=form.name.data,
                    visible_menu_keys=form.visible_menu_keys.data,
                    now=now(),
                ).name
            return self._done(preset_id, _("プリセット「%(name)s」を更新しました。", name=name))

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        conflicts = []
        if answer == menu_presets.PresetChangedMeanwhile.http_status:
            # Pressing the button again then knowingly replaces what is shown.
            form.shown.data = stored.shown.data
            conflicts = changed_values(form, stored)
        return self._form_page(
            form, answer, title=_("画面プリセット更新"), submit_label=_("更新"), conflicts=conflicts
        )

    @expose("/<row_id:preset_id>/delete/", methods=("GET", "POST"))
    def delete(self, preset_id: int) -> Response:
        """画面プリセット削除."""
        preset = menu_presets.find_preset(viewer=viewer(), preset_id=preset_id)
        form = PortalForm(posted())

        def run() -> Response:
            with transaction():
                name = menu_presets.delete(viewer=viewer(), preset_id=preset_id, now=now())
            message = _("プリセット「%(name)s」を削除しました。", name=name)
            return success(to=self.get_url(".index_view"), message=message)

        answer = submit(form, run)
        if isinstance(answer, Response):
            return answer
        return render_dialog(
            title=_("画面プリセット削除"),
            form=form,
            submit_label=_("削除"),
            back_url=self.get_url(".index_view"),
            template="presets/delete.html",
            tone="danger",
            status=answer,
            preset=preset,
        )

    def _done(self, preset_id: int, message: str) -> Response:
        return success(to=f"{self.get_url('.index_view')}#row-{preset_id}", message=message)

    def _form_page(
        self, form: PresetForm, status: int, *, title: str, submit_label: str, conflicts: Any = ()
    ) -> Response:
        return render_dialog(
            title=title,
            form=form,
            submit_label=submit_label,
            back_url=self.get_url(".index_view"),
            template="presets/edit.html",
            status=status,
            conflicts=conflicts,
        )


def _form_of(preset: MenuPreset) -> PresetEditForm:
    """Return the form with what is stored."""
    return PresetEditForm(
        None,
        name=preset.name,
        visible_menu_keys=[key for key in HIDEABLE_KEYS if key not in preset.hidden_menu_keys],
        shown=menu_presets.fingerprint(preset),
    )
