"""ポイント数更新 and ポイント発行: the dialog that moves an account's points by hand, for every list that has it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from flask import abort, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext
from werkzeug.wrappers import Response

from admin_views.asking import asked_words, note_for
from admin_views.dialogs import Subject, render_dialog, success
from admin_views.fields import NoteField, PortalForm, RadioChoiceField, WholeNumberField
from admin_views.formatting import number
from admin_views.request_context import now, settings, viewer
from admin_views.request_id_field import FreshRequestIdField
from admin_views.submission import posted, submit
from domain.permissions import AccountType
from domain.points import LARGEST_LINE_POINTS
from services import approval_asking, doorbell, points
from services.access import AccountNotVisible
from services.four_eyes import ApprovalRequired
from services.ledger import check_running
from services.mail_texts import mail_brand_from
from services.transaction import transaction

ADD, TAKE_BACK = "add", "take_back"
LONGEST_REMARK = 500
BOTH_CHOSEN = _l("どちらか1つを選んでください。")
#: The only accounts that lasting shortage suspends. Source: docs/rules.md R14.
SUSPENDED_TYPES = frozenset({AccountType.CUSTOMER, AccountType.SUPPORT})


class DirectionField(RadioChoiceField):
    """To the account or from it: exactly one of the two."""

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        """Refuse both at once: which one was meant is not for the portal to guess."""
        if len(valuelist) > 1:
            self.data = None
            raise ValueError(BOTH_CHOSEN)
        super().process_formdata(valuelist)


class PointsForm(PortalForm):
    """追加 or 削除 of points."""

    request_id = FreshRequestIdField()
    direction = DirectionField(
        _l("変更内容"),
        choices=[(ADD, _l("追加")), (TAKE_BACK, lazy_pgettext("points", "削除"))],
        default=ADD,
        required=True,
    )
    points = WholeNumberField(_l("変更ポイント"), minimum=1, maximum=LARGEST_LINE_POINTS, required=True)
    remark = NoteField(_l("備考"), maximum=LONGEST_REMARK)


class IssueForm(PointsForm):
    """ポイント発行 to a 特権MSP, or the taking back of what was issued."""

    direction = DirectionField(
        _l("変更内容"),
        choices=[(ADD, _l("発行")), (TAKE_BACK, _l("発行の取り消し"))],
        default=ADD,
        required=True,
    )


def points_dialog(*, account_id: int, account_types: Collection[AccountType], back_url: str) -> Response:
    """Show or carry out a movement of an account that is one of `account_types`.

    :raises DomainError: AccountNotVisible; on GET AccountNotRunning and CancellationUnderWay.
    """
    preview = points.preview_movement(viewer=viewer(), account_id=account_id)
    account_type = preview.account.account_type
    if account_type not in account_types:
        raise AccountNotVisible(account_id=account_id)
    if not viewer().can(points.movement_permission(account_type)):
        abort(403)
    if request.method == "GET":
        check_running(preview.account, now())
    is_issue = account_type is AccountType.PRIVILEGED_MSP
    form = IssueForm(posted(), **_proposed()) if is_issue else PointsForm(posted(), **_proposed())
    answer = submit(form, lambda: _move(form, account_id=account_id, is_issue=is_issue, back_url=back_url))
    if isinstance(answer, Response):
        return answer
    return _dialog(form, account_id=account_id, is_issue=is_issue, back_url=back_url, status=answer)


def _proposed() -> dict[str, Any]:
    """Return what the address of a link proposes for the form; nothing unless both are usable."""
    direction, points = request.args.get("direction", ""), request.args.get("points", "")
    is_number = points.isascii() and points.isdigit() and len(points) <= len(str(LARGEST_LINE_POINTS))
    if direction not in (ADD, TAKE_BACK) or not is_number:
        return {}
    return {"direction": direction, "points": int(points)}


def _move(form: PointsForm, *, account_id: int, is_issue: bool, back_url: str) -> Response:
    try:
        return _moved(form, account_id=account_id, is_issue=is_issue, back_url=back_url)
    except ApprovalRequired:
        return _asked(form, account_id=account_id, back_url=back_url)


def _asked(form: PointsForm, *, account_id: int, back_url: str) -> Response:
    """Ask a second person for what nobody may do alone."""
    is_addition = form.direction.data == ADD
    with transaction():
        asked = approval_asking.ask_for_movement(
            movement=points.Movement(account_id, is_addition, form.points.data, form.remark.data or None),
            viewer=viewer(),
            request_id=form.request_id.data,
            brand=mail_brand_from(settings()),
            now=now(),
        )
        message = asked_words(asked)
    doorbell.ring("send_mails")
    return success(to=f"{back_url}#row-{account_id}", message=message)


def _moved(form: PointsForm, *, account_id: int, is_issue: bool, back_url: str) -> Response:
    is_addition = form.direction.data == ADD
    command = points.add if is_addition else points.take_back
    with transaction():
        result = command(
            viewer=viewer(),
            account_id=account_id,
            points=form.points.data,
            remark=form.remark.data or None,
            request_id=form.request_id.data,
            now=now(),
        )
    account = points.preview_movement(viewer=viewer(), account_id=account_id).account
    message = _message(is_issue=is_issue, is_addition=is_addition) % {
        "name": account.company_name,
        "points": number(form.points.data),
        "balance": number(result.point_balance),
    }
    return success(to=f"{back_url}#row-{account_id}", message=message)


def _message(*, is_issue: bool, is_addition: bool) -> Any:
    if is_issue and is_addition:
        return _l("%(name)s に%(points)sポイントを発行しました（現在 %(balance)sポイント）。")
    if is_issue:
        return _l("%(name)s への%(points)sポイントの発行を取り消しました（現在 %(balance)sポイント）。")
    if is_addition:
        return _l("%(name)s に%(points)sポイントを追加しました（現在 %(balance)sポイント）。")
    return _l("%(name)s から%(points)sポイントを削除しました（現在 %(balance)sポイント）。")


def _dialog(form: PointsForm, *, account_id: int, is_issue: bool, back_url: str, status: int) -> Response:
    preview = points.preview_movement(viewer=viewer(), account_id=account_id)
    account = preview.account
    parent = account.parent
    return render_dialog(
        title=_("ポイント発行") if is_issue else _("ポイント数更新"),
        form=form,
        submit_label=_("変更"),
        back_url=f"{back_url}#row-{account_id}",
        subject=Subject(account.company_name, account.account_number),
        template="points/movement.html",
        status=status,
        preview=preview,
        is_issue=is_issue,
        is_own_stock=account.parent_id == viewer().account_id,
        is_paid_by_distributor=bool(parent and parent.account_type is AccountType.PRIVILEGED_MSP),
        is_suspended_when_short=account.account_type in SUSPENDED_TYPES,
        returnable=max(0, preview.point_balance),
        four_eyes=None if is_issue else note_for(account.parent_id),
    )
