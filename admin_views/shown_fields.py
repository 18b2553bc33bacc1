"""Hidden fields that send back what a dialog showed, so that it overwrites nothing that nobody saw."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, ClassVar

from wtforms import Form
from wtforms.validators import StopValidation
from wtforms.widgets import HiddenInput

from admin_views.fields import IsoDateField, ParsedField, WholeNumberField
from admin_views.input_messages import INPUT_MESSAGES
from domain.inputs.request_ids import RequestIdRefused
from services.shown_values import Shown


class _ShownField(ParsedField):
    """A form that came without a readable value is shown again, with the value of now."""

    widget = HiddenInput()
    may_be_empty: ClassVar[bool] = False
    is_readable = True

    def __call__(self, **attributes: Any) -> Any:
        """Render as hidden, whatever was sent."""
        return super().__call__(**{**attributes, "type": "hidden"})

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        """Take what was sent; whether that was readable is asked when the form is checked."""
        self.is_readable = bool(valuelist)
        try:
            super().process_formdata(valuelist)
        except ValueError:
            self.is_readable = False
        self.is_readable &= self.may_be_empty or self.data is not None

    def pre_validate(self, form: Form) -> None:
        """Refuse a form that does not say what it showed."""
        if not self.is_readable:
            raise StopValidation(INPUT_MESSAGES[RequestIdRefused])

    @property
    def shown(self) -> Shown:
        """What the dialog showed."""
        return Shown(self.data)

    def show(self, value: int | dt.date | None) -> None:
        """Send back from now on what the page shows now."""
        self.data, self.typed = value, None


class ShownCountField(_ShownField, WholeNumberField):
    """A number that was shown."""

    def __init__(self, label: Any = None, **options: Any) -> None:
        super().__init__(label, **{"minimum": 0, "maximum": 2**31 - 1, **options})


class ShownDateField(_ShownField, IsoDateField):
    """A day that was shown; empty: there was none."""

    may_be_empty = True
