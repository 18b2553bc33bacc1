"""The hidden id of a form that must have its effect only once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from wtforms import Form
from wtforms.validators import StopValidation

from admin_views.fields import RequestIdField
from admin_views.input_messages import INPUT_MESSAGES
from domain.inputs.request_ids import RequestIdRefused


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
