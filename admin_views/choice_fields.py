"""Fields with a given set of values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from wtforms import Field, Form, SelectField
from wtforms.validators import StopValidation
from wtforms.widgets import CheckboxInput, ListWidget, RadioInput

from admin_views.field_rules import Required, accessible
from admin_views.input_messages import CONSENT_MISSING, NOT_IN_LIST

TICKED = ("y", "1", "on", "true")


class ChoiceField(SelectField):
    """One of a list of (value, label); values are compared as text. None is the blank one, "" in the form."""

    def __init__(
        self,
        label: Any = None,
        *,
        choices: Iterable[tuple[Any, Any]] | Callable[[], Iterable[tuple[Any, Any]]],
        required: bool = False,
        blank_label: Any = "",
        **options: Any,
    ) -> None:
        validators = [*((Required(),) if required else ()), *options.pop("validators", ())]
        listed = list(choices() if callable(choices) else choices)
        super().__init__(label, validators, choices=listed, validate_choice=False, **options)
        self.blank_label = blank_label

    def __call__(self, **attributes: Any) -> Any:
        """Render without the browser's own checks."""
        return super().__call__(**accessible(self, attributes))

    def iter_choices(self) -> Iterator[tuple[Any, Any, bool, dict[str, Any]]]:
        """Yield the blank choice, unless there is none, and the others."""
        if self.blank_label is not None:
            yield "", self.blank_label, self.data is None, {}
        for value, label in self.choices:
            yield value, label, self.data is not None and str(value) == str(self.data), {}

    def process_data(self, value: Any) -> None:
        """Take an object's value as it is."""
        self.data = value

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        """Find what was sent among the choices."""
        if not valuelist:
            return
        self.data = None
        if valuelist[0] == "":
            return
        chosen = [value for value, _label in self.choices if str(value) == valuelist[0]]
        if not chosen:
            raise ValueError(NOT_IN_LIST)
        self.data = chosen[0]


class RadioChoiceField(ChoiceField):
    """One of a few (value, label), all in sight; iterating gives the buttons."""

    widget = ListWidget(prefix_label=False)
    option_widget = RadioInput()

    def __init__(self, label: Any = None, **options: Any) -> None:
        super().__init__(label, **{"blank_label": None, **options})


class ConsentField(Field):
    """同意する: only a box that was really ticked counts, not "0" or "false"."""

    widget = CheckboxInput()
    false_values = (False, "false", "", "0")

    def _value(self) -> str:
        return TICKED[0]

    def process_data(self, value: Any) -> None:
        """Begin without consent, always."""
        self.data = False

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        """Take one of the values of a ticked box."""
        self.data = len(valuelist) == 1 and valuelist[0] in TICKED

    def pre_validate(self, form: Form) -> None:
        """Refuse a form without consent."""
        if not self.data:
            raise StopValidation(CONSENT_MISSING)
