"""ポイント数更新 and ポイント発行: the dialog that moves an account's points by hand, for every list that has it."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from flask import abort, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import Field
from wtforms.validators import ValidationError

from admin_views.dialogs import Subject, refuse, render_dialog, success
from admin_views.fields import NoteField, PortalForm, RadioChoiceField, RequestIdField, WholeNumberField
from admin_views.formatting import number
from admin_views.request_context import now, viewer
from domain.errors import DomainError
from domain.permissions import AccountType
from domain.points import LARGEST_LINE_POINTS
from services import points
from services.access import AccountNotVisible
from services.ledger import check_running
from services.transaction import transaction

ADD, TAKE_BACK = "add", "take_back"
LONGEST_REMARK = 500
BOTH_CHOSEN = _l("どちらか1つを選んでください。")


class MovementForm(PortalForm):
    """追加 or 削除 of points."""

    request_id = RequestIdField(default=lambda: str(uuid.uuid4()))
    direction = RadioChoiceField(
        _l("変更内容"), choices=((ADD, _l("追加")), (TAKE_BACK, _l("削除"))), required=True, default=ADD
    )
    points = WholeNumberField(_l("変更ポイント"), minimum=1, maximum=LARGEST_LINE_POINTS, required=True)
    remark = NoteField(_l("備考"), maximum=LONGEST_REMARK)

    def validate_direction(self, field: Field) -> None:
        """Refuse both at once: which one was meant is not for the portal to guess."""
        if len(field.raw_data) > 1:
            raise ValidationError(BOTH_CHOSEN)


class IssueForm(MovementForm):
    """ポイント発行 to a 特権MSP, or the taking back of what was issued."""

    direction = RadioChoiceField(
        _l("変更内容"), choices=((ADD, _l("発行")), (TAKE_BACK, _l("発行の取り消し"))), required=True, default=ADD
    )


def points_dialog(*, account_id: int, account_types: Collection[AccountType], back_url: str) -> Response:
    """Show or carry out a movement of an account that is one of `account_types`.

    :raises DomainError: AccountNotVisible; AccountNotRunning and CancellationUnderWay when it takes no points.
    """
    preview = points.preview_movement(viewer=viewer(), account_id=account_id)
    kind = preview.account.account_type
    if kind not in account_types:
        raise AccountNotVisible(account_id=account_id)
    if not viewer().can(points.movement_permission(kind)):
        abort(403)
    form_class = IssueForm if kind is AccountType.PRIVILEGED_MSP else MovementForm
    if request.method == "GET":
        check_running(preview.account, now())
        return _dialog(form_class(), preview, back_url=back_url, status=200)
    form = form_class(request.form)
    status = 422
    if form.validate():
        try:
            return _move(form, account_id=account_id, back_url=back_url)
        except DomainError as error:
            status = refuse(form, error)
            preview = points.preview_movement(viewer=viewer(), account_id=account_id)
    return _dialog(form, preview, back_url=back_url, status=status)


def _move(form: MovementForm, *, account_id: int, back_url: str) -> Response:
    command = points.add if form.direction.data == ADD else points.take_back
    with transaction():
        result = command(
            viewer=viewer(),
            account_id=account_id,
            points=form.points.data,
            remark=form.remark.data,
            request_id=form.request_id.data,
            now=now(),
        )
    account = points.preview_movement(viewer=viewer(), account_id=account_id).account
    is_issue = account.account_type is AccountType.PRIVILEGED_MSP
    words = _message(is_issue=is_issue, is_addition=form.direction.data == ADD)
    message = words % {
        "name": account.company_name,
        "points": number(form.points.data),
        "balance": number(result.point_balance),
    }
    return success(to=f"{back_url}#row-{account_id}", message=message)


def _message(*, is_issue: bool, is_addition: bool) -> str:
    if is_issue and is_addition:
        return _("%(name)s に%(points)sポイントを発行しました（現在のポイント %(balance)s）。")
    if is_issue:
        return _("%(name)s への%(points)sポイントの発行を取り消しました（現在のポイント %(balance)s）。")
    if is_addition:
        return _("%(name)s に%(points)sポイントを追加しました（現在のポイント %(balance)s）。")
    return _("%(name)s から%(points)sポイントを削除しました（現在のポイント %(balance)s）。")


def _dialog(form: MovementForm, preview: points.MovementPreview, *, back_url: str, status: int) -> Response:
    account = preview.account
    is_issue = account.account_type is AccountType.PRIVILEGED_MSP
    context: dict[str, Any] = {
        "preview": preview,
        "is_issue": is_issue,
        "is_own_stock": account.parent_id == viewer().account_id,
        "returnable": max(0, preview.point_balance),
    }
    return render_dialog(
        title=_("ポイント発行") if is_issue else _("ポイント数更新"),
        form=form,
        submit_label=_("変更"),
        back_url=back_url,
        subject=Subject(account.company_name, account.account_number),
        template="points/movement.html",
        status=status,
        **context,
    )
