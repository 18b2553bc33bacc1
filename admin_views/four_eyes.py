"""二人承認: from how many points on a second person is wanted, per account that pays."""

from __future__ import annotations

from typing import Any

from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement
from werkzeug.wrappers import Response
from wtforms.widgets import HiddenInput

from admin_views.asking import asked_words
from admin_views.base import ScopedModelView
from admin_views.dialogs import Subject, render_dialog, success
from admin_views.fields import PortalForm, RadioChoiceField, WholeNumberField
from admin_views.formatting import number
from admin_views.input_messages import REQUIRED
from admin_views.request_context import now, settings, viewer
from admin_views.submission import posted, submit
from domain.four_eyes import FEWEST_APPROVERS
from domain.permissions import Permission
from domain.points import LARGEST_LINE_POINTS
from services import doorbell, four_eyes, four_eyes_rules
from services.lists import ListSource, Page
from services.mail_texts import mail_brand_from
from services.transaction import transaction

ON, OFF = "on", "off"


class HiddenNumberField(WholeNumberField):
    """A number that the page showed; 0: none."""

    widget = HiddenInput()


class RuleForm(PortalForm):
    """二人承認の設定."""

    use = RadioChoiceField(_l("二人承認"), choices=[(OFF, _l("使わない")), (ON, _l("使う"))], required=True)
    threshold_points = WholeNumberField(_l("承認が必要なポイント数"), minimum=1, maximum=LARGEST_LINE_POINTS)
    shown = HiddenNumberField(minimum=0, maximum=LARGEST_LINE_POINTS)

    def validate(self, extra_validators: Any = None) -> bool:
        """Want a number where a second person is wanted."""
        is_valid = bool(super().validate(extra_validators))
        field = self.threshold_points
        if self.use.data == ON and field.data is None and not field.errors:
            field.errors = [REQUIRED]
            return False
        return is_valid

    @property
    def wanted(self) -> int | None:
        """The threshold that is asked for; None: no second person."""
        return self.threshold_points.data if self.use.data == ON else None


class FourEyesView(ScopedModelView):
    """二人承認 of the viewer's own account and of those right below it."""

    permission = Permission.FOUR_EYES_CHANGE
    list_template = "four_eyes/list.html"
    key_columns = ("threshold_points", "approver_count")
    search_label = _l("会社名・アカウント番号で検索")

    def scope(self) -> ColumnElement[bool]:
        """Return the condition for the accounts whose rule the viewer may change."""
        return four_eyes.is_near(viewer())

    def list_source(self) -> ListSource:
        """Return the list."""
        return four_eyes_rules.rules_source(viewer=viewer())

    def has_row_actions(self) -> bool:
        """Show the column 操作."""
        return True

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return how many approvers there have to be."""
        return {"fewest": FEWEST_APPROVERS}

    @expose("/<row_id:account_id>/", methods=("GET", "POST"))
    def change(self, account_id: int) -> Response:
        """二人承認の設定."""
        rule = four_eyes_rules.find_rule(viewer=viewer(), account_id=account_id)
        stored = {
            "use": ON if rule.threshold_points else OFF,
            "threshold_points": rule.threshold_points,
            "shown": rule.threshold_points or 0,
        }
        form = RuleForm(posted(), **stored)
        answer = submit(form, lambda: self._change(form, account_id))
        if isinstance(answer, Response):
            return answer
        if answer == four_eyes_rules.RuleChangedMeanwhile.http_status:
            # Pressing the button again then knowingly replaces what is shown.
            form.shown.data = rule.threshold_points or 0
        return render_dialog(
            title=_("二人承認の設定"),
            form=form,
            submit_label=_("更新"),
            back_url=f"{self.get_url('.index_view')}#row-{account_id}",
            subject=Subject(rule.account.company_name, rule.account.account_number),
            template="four_eyes/change.html",
            status=answer,
            rule=rule,
            fewest=FEWEST_APPROVERS,
        )

    def _change(self, form: RuleForm, account_id: int) -> Response:
        with transaction():
            request = four_eyes_rules.change(
                viewer=viewer(),
                account_id=account_id,
                shown=form.shown.data or None,
                threshold_points=form.wanted,
                brand=mail_brand_from(settings()),
                now=now(),
            )
            message = asked_words(request) if request else _set_words(form.wanted)
        doorbell.ring("send_mails")
        return success(to=f"{self.get_url('.index_view')}#row-{account_id}", message=message)


def _set_words(threshold_points: int | None) -> str:
    if threshold_points is None:
        return _("二人承認は使いません。")
    return _(
        "%(points)sポイント以上の操作は、二人目の管理者の承認を待つようになりました。",
        points=number(threshold_points),
    )
