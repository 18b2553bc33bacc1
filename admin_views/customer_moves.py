"""別のMSPへ移動: chosen customers go to another MSP of the same 特権MSP, previewed row by row."""

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
from admin_views.request_context import now, viewer
from admin_views.request_id_field import FreshRequestIdField
from admin_views.submission import submit
from domain.permissions import Permission
from services import moves
from services.move_obstacles import MoveObstacle
from services.moves import LARGEST_MOVE
from services.transaction import transaction

MOVE = "move"
#: Name of the button that asks what a move to the chosen MSP would do.
CHECK = "check"
OBSTACLE_WORDS = {
    MoveObstacle.NOT_RUNNING: _l("利用中ではありません"),
    MoveObstacle.CANCELLATION_UNDER_WAY: _l("解約処理中です"),
    MoveObstacle.ALREADY_THERE: _l("すでに移動先の顧客アカウントです"),
    MoveObstacle.OTHER_DISTRIBUTOR: _l("移動先と特権MSPが異なります"),
    MoveObstacle.BELOW_ZERO: _l("現在のポイントがマイナスです"),
    MoveObstacle.FEE_DUE: _l("未計上の月額利用料があります"),
    MoveObstacle.AWAITING_APPROVAL: _l("承認待ちの依頼があります"),
    MoveObstacle.WEAKER_RULE: _l("移動先の二人承認が緩いため、このポイント数では移動できません"),
}


class MoveForm(PortalForm):
    """別のMSPへ移動. The digest seals the shown plan."""

    request_id = FreshRequestIdField()
    target_id = ChoiceField(_l("移動先"), choices=(), required=True, blank_label=_l("選択してください"))

    def __init__(self, sent: Any, *, account_ids: Sequence[int]) -> None:
        self._account_ids = account_ids
        super().__init__(sent)

    def process(self, *arguments: Any, **options: Any) -> None:
        """Offer the accounts of the same 特権MSP before what was sent is read."""
        self.target_id.choices = moves.possible_targets(viewer=viewer(), account_ids=self._account_ids)
        super().process(*arguments, **options)

    @property
    def digest(self) -> str:
        """The fingerprint of the plan that was shown."""
        return request.form.get("digest", "")[:LONGEST_DIGEST]


class CustomerMoves(CustomerBulk):
    """A part of the list's view: 選択実行 with 別のMSPへ移動."""

    def bulk_actions(self) -> Sequence[tuple[str, Any]]:
        """Return what the viewer may run on chosen rows, in the order of the menu."""
        own = [(MOVE, _l("別のMSPへ移動"))] if viewer().can(Permission.CUSTOMERS_MOVE) else []
        return [*super().bulk_actions(), *own]

    @expose("/action/", methods=("POST",))
    def action(self) -> Response:
        """Show the preview of an action for the chosen rows."""
        if request.form.get("action") != MOVE:
            return super().action()
        self.require(Permission.CUSTOMERS_MOVE)
        account_ids = chosen_ids(self.list_source(), LARGEST_MOVE)
        if not account_ids:
            return error_pages.error_page(
                422, _l("アカウントが選択されていません。行を選択してから実行してください。")
            )
        return self._move_page(MoveForm(None, account_ids=account_ids), account_ids, status=200)

    @expose("/bulk/move/", methods=("POST",))
    def move(self) -> Response:
        """Carry out 別のMSPへ移動, or show what a move to the chosen MSP would do."""
        self.require(Permission.CUSTOMERS_MOVE)
        account_ids = chosen_ids(self.list_source(), LARGEST_MOVE)
        form = MoveForm(request.form, account_ids=account_ids)
        if CHECK in request.form:
            return self._move_page(form, account_ids, status=200 if form.validate() else 422)

        def run() -> Response:
            with transaction():
                plan = moves.move(
                    viewer=viewer(),
                    account_ids=account_ids,
                    target_id=form.target_id.data,
                    digest=form.digest,
                    request_id=form.request_id.data,
                    now=now(),
                )
            message = _(
                "%(count)s件の顧客アカウントを %(name)s に移動しました。",
                count=number(len(plan.rows)),
                name=plan.target_name,
            )
            return success(to=self.get_url(".index_view"), message=message)

        answer = submit(form, run)
        return answer if isinstance(answer, Response) else self._move_page(form, account_ids, status=answer)

    def _move_page(self, form: MoveForm, account_ids: list[int], *, status: int) -> Response:
        plan = moves.plan_move(
            viewer=viewer(), account_ids=account_ids, target_id=form.target_id.data, now=now()
        )
        # Rows that stand against the move first: they are why there is no button.
        rows = sorted(plan.rows, key=lambda row: row.obstacle is None)
        return render_dialog(
            title=_("別のMSPへ移動"),
            form=form,
            submit_label=_("移動") if plan.target_id is not None and not plan.obstructed_count else "",
            back_url=self.get_url(".index_view"),
            action_url=self.get_url(".move"),
            template="customers/move.html",
            wide=True,
            status=status,
            account_ids=account_ids,
            plan=plan,
            shown_rows=rows[:SHOWN_ROWS],
            obstacle_words=OBSTACLE_WORDS,
        )
