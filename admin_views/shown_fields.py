"""Hidden fields that send back what a dialog showed, so that it overwrites nothing that nobody saw."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, ClassVar

from wtforms.widgets import HiddenInput

from admin_views.fields import IsoDateField, ParsedField, WholeNumberField
from admin_views.input_messages import INPUT_MESSAGES
from domain.inputs.request_ids import RequestIdRefused
from services.shown_values import Shown


class _ShownField(ParsedField):
    """A form with a value that cannot be read is shown again, with the value of now.

    One without any was not made by our page: nothing was shown to whoever sends it, and nothing is compared.
    """

    widget = HiddenInput()
    may_be_empty: ClassVar[bool] = False
    is_given = False
    is_readable = True

    def __call__(self, **attributes: Any) -> Any:
        """Render as hidden, whatever was sent."""
        return super().__call__(**{**attributes, "type": "hidden"})

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        """Take what was sent.

        :raises ValueError: with the words for it, when that cannot be read.
        """
        self.is_given = bool(valuelist)
        if not self.is_given:
            return
        words = INPUT_MESSAGES[RequestIdRefused]
        self.is_readable = False
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError(words) from error
        self.is_readable = self.may_be_empty or self.data is not None
        if not self.is_readable:
            raise ValueError(words)

    @property
    def shown(self) -> Shown | None:
        """What the dialog showed; None: there was no dialog."""
        return Shown(self.data) if self.is_given else None

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
