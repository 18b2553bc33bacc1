"""ポイント数更新, and the hidden id of every form that must have its effect only once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import Form
from wtforms.validators import StopValidation

from admin_views.fields import NoteField, PortalForm, RadioChoiceField, RequestIdField, WholeNumberField
from admin_views.input_messages import INPUT_MESSAGES, NOT_IN_LIST
from domain.inputs.request_ids import RequestIdRefused
from domain.points import LARGEST_LINE_POINTS

ADD, TAKE_BACK = "add", "take_back"
LONGEST_REMARK = 500


class FreshRequestIdField(RequestIdField):
    """The request id, made when the form is opened; a form that came without one gets one with the refusal."""

    def __init__(self, label: Any = None, **options: Any) -> None:
        super().__init__(label, **{"required": False, "default": lambda: str(uuid.uuid4()), **options})

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        """Forget the fresh id when a form was sent: only the one that it was opened with counts."""
        self.data = None
        super().process_formdata(valuelist)

    def pre_validate(self, form: Form) -> None:
        """Refuse a form without a usable id."""
        if self.data is None and not self.process_errors:
            raise StopValidation(INPUT_MESSAGES[RequestIdRefused])

    def _value(self) -> str:
        return self.data or str(uuid.uuid4())


class DirectionField(RadioChoiceField):
    """追加 or 削除: exactly one of them."""

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        """Refuse both at once."""
        if len(valuelist) > 1:
            self.data = None
            raise ValueError(NOT_IN_LIST)
        super().process_formdata(valuelist)


class PointsForm(PortalForm):
    """ポイント数更新."""

    request_id = FreshRequestIdField()
    direction = DirectionField(
        _l("追加 / 削除"), choices=[(ADD, _l("追加")), (TAKE_BACK, _l("削除"))], default=ADD, required=True
    )
    points = WholeNumberField(_l("変更ポイント"), minimum=1, maximum=LARGEST_LINE_POINTS, required=True)
    remark = NoteField(_l("備考"), maximum=LONGEST_REMARK)
