"""選択実行 of ユーザ一覧: the preview of 無効化 and 有効化 of chosen users, and the running of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import abort, request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin_views.chosen_rows import chosen_ids
from admin_views.dialogs import render_dialog, success
from admin_views.fields import PortalForm
from admin_views.formatting import number
from admin_views.portal.visit import current_visit
from admin_views.request_context import now, viewer
from admin_views.submission import submit
from domain.portal_permissions import PortalPermission
from services import service_users
from services.transaction import transaction

DISABLE, ENABLE = "disable", "enable"
ACTIONS = {DISABLE: _l("無効化"), ENABLE: _l("有効化")}
#: Rows of a plan that a dialog shows; totals are always those of all.
SHOWN_ROWS = 200


class UserBulk:
    """A part of the list's view: 選択実行."""

    require_here: Any
    get_url: Any
    list_source: Any

    def bulk_actions(self) -> Sequence[tuple[str, Any]]:
        """Return what the viewer may run on chosen rows, in the order of the menu."""
        return list(ACTIONS.items()) if current_visit().can(PortalPermission.USERS_CHANGE) else []

    @expose("/action/", methods=("POST",))
    def action(self) -> Response:
        """Show the preview of an action for the chosen users."""
        name = request.form.get("action", "")
        if name not in ACTIONS:
            abort(400)
        self.require_here(PortalPermission.USERS_CHANGE)
        user_ids = chosen_ids(self.list_source(), service_users.LARGEST_SELECTION)
        return self._bulk_page(PortalForm(), name, user_ids, status=200)

    @expose("/bulk/disable/", methods=("POST",))
    def bulk_disable(self) -> Response:
        """Carry out 無効化."""
        return self._run_bulk(DISABLE)

    @expose("/bulk/enable/", methods=("POST",))
    def bulk_enable(self) -> Response:
        """Carry out 有効化."""
        return self._run_bulk(ENABLE)

    def _run_bulk(self, name: str) -> Response:
        self.require_here(PortalPermission.USERS_CHANGE)
        user_ids = chosen_ids(self.list_source(), service_users.LARGEST_SELECTION)
        form = PortalForm(request.form)

        def run() -> Response:
            with transaction():
                plan = service_users.change_state(
                    viewer=viewer(),
                    account_id=current_visit().account_id,
                    user_ids=user_ids,
                    is_disabled=name == DISABLE,
                    now=now(),
                )
            return success(to=self.get_url(".index_view"), message=_done_words(name, plan))

        answer = submit(form, run)
        return answer if isinstance(answer, Response) else self._bulk_page(form, name, user_ids, answer)

    def _bulk_page(self, form: PortalForm, name: str, user_ids: list[int], status: int) -> Response:
        plan = service_users.plan_state(
            account_id=current_visit().account_id, user_ids=user_ids, is_disabled=name == DISABLE
        )
        return render_dialog(
            title=str(ACTIONS[name]),
            form=form,
            submit_label=str(ACTIONS[name]) if plan.changing else "",
            back_url=self.get_url(".index_view"),
            action_url=self.get_url(f".bulk_{name}"),
            template="portal/user_bulk.html",
            wide=True,
            status=status,
            is_disabling=name == DISABLE,
            user_ids=user_ids,
            plan=plan,
            shown_rows=plan.rows[:SHOWN_ROWS],
        )


def _done_words(name: str, plan: service_users.StatePlan) -> str:
    count = number(len(plan.changing))
    if name == DISABLE:
        return _("%(count)s人のユーザを無効にしました。", count=count)
    return _("%(count)s人のユーザを有効にしました。", count=count)
