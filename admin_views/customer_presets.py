"""画面のカスタマイズの適用: one preset for chosen customers, previewed row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin_views import error_pages
from admin_views.chosen_rows import chosen_ids
from admin_views.customer_bulk import LONGEST_DIGEST, SHOWN_ROWS, CustomerBulk
from admin_views.dialogs import render_dialog, success
from admin_views.fields import ChoiceField, PortalForm
from admin_views.formatting import number
from admin_views.menu_labels import MENU_LABELS
from admin_views.request_context import now, viewer
from admin_views.submission import submit
from domain.permissions import Permission
from services import menu_presets, preset_application
from services.preset_application import ApplicationPlan
from services.refills import LARGEST_SELECTION
from services.transaction import transaction

APPLY_PRESET = "apply_preset"
#: Name of the button that asks what a preset would change.
CHECK = "check"


class ApplyForm(PortalForm):
    """画面のカスタマイズの適用. The digest seals the shown plan."""

    preset_id = ChoiceField(_l("プリセット"), choices=(), required=True, blank_label=_l("選択してください"))

    def process(self, *arguments: Any, **options: Any) -> None:
        """Offer the viewer's presets before what was sent is read; an only one is chosen already."""
        presets = menu_presets.presets_of(viewer=viewer())
        self.preset_id.choices = [(preset.id, preset.name) for preset in presets]
        only = {"preset_id": presets[0].id} if len(presets) == 1 else {}
        super().process(*arguments, **{**only, **options})

    @property
    def digest(self) -> str:
        """The fingerprint of the plan that was shown."""
        return request.form.get("digest", "")[:LONGEST_DIGEST]


class CustomerPresets(CustomerBulk):
    """A part of the list's view: 選択実行 with the presets of 画面のカスタマイズ."""

    def bulk_actions(self) -> Sequence[tuple[str, Any]]:
        """Return what the viewer may run on chosen rows, in the order of the menu."""
        own = [(APPLY_PRESET, _l("画面のカスタマイズの適用"))] if _may_apply() else []
        return [*super().bulk_actions(), *own]

    @expose("/action/", methods=("POST",))
    def action(self) -> Response:
        """Show the preview of an action for the chosen rows."""
        if request.form.get("action") != APPLY_PRESET:
            return super().action()
        self._require_apply()
        account_ids = chosen_ids(self.list_source(), LARGEST_SELECTION)
        if not account_ids:
            return error_pages.error_page(
                422, _l("アカウントが選択されていません。行を選択してから実行してください。")
            )
        return self._preset_page(ApplyForm(), account_ids, status=200)

    @expose("/bulk/presets/", methods=("POST",))
    def apply_preset(self) -> Response:
        """Carry out 画面のカスタマイズの適用, or show what the chosen preset would change."""
        self._require_apply()
        account_ids = chosen_ids(self.list_source(), LARGEST_SELECTION)
        form = ApplyForm(request.form)
        if CHECK in request.form:
            return self._preset_page(form, account_ids, status=200 if form.validate() else 422)

        def run() -> Response:
            with transaction():
                plan = preset_application.apply_preset(
                    viewer=viewer(),
                    account_ids=account_ids,
                    preset_id=form.preset_id.data,
                    digest=form.digest,
                    now=now(),
                )
                message = _applied_words(plan)
            return success(to=self.get_url(".index_view"), message=message)

        answer = submit(form, run)
        return answer if isinstance(answer, Response) else self._preset_page(form, account_ids, status=answer)

    def _require_apply(self) -> None:
        self.require(Permission.PRESETS_CHANGE)
        self.require(Permission.CUSTOMERS_EDIT)

    def _preset_page(self, form: ApplyForm, account_ids: list[int], *, status: int) -> Response:
        plan = None
        if form.preset_id.data is not None:
            plan = preset_application.plan_application(
                viewer=viewer(), account_ids=account_ids, preset_id=form.preset_id.data, now=now()
            )
        return render_dialog(
            title=_("画面のカスタマイズの適用"),
            form=form,
            submit_label=_("適用") if plan and plan.changed_count else "",
            back_url=self.get_url(".index_view"),
            action_url=self.get_url(".apply_preset"),
            template="customers/apply_preset.html",
            wide=True,
            status=status,
            account_ids=account_ids,
            plan=plan,
            shown_rows=plan.rows[:SHOWN_ROWS] if plan else (),
            menu_labels=MENU_LABELS,
            presets_url=self.get_url("presets.index_view"),
        )


def _may_apply() -> bool:
    return viewer().can(Permission.PRESETS_CHANGE) and viewer().can(Permission.CUSTOMERS_EDIT)


def _applied_words(plan: ApplicationPlan) -> str:
    words = {
        "preset": plan.preset.name,
        "count": number(plan.changed_count),
        "left": number(plan.left_count),
    }
    if plan.left_count:
        return _(
            "「%(preset)s」を%(count)s件の顧客アカウントに適用しました（%(left)s件は変わりません）。", **words
        )
    return _("「%(preset)s」を%(count)s件の顧客アカウントに適用しました。", **words)
