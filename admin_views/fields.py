"""Form fields over domain/inputs: what is typed becomes a value, or stays to be seen with what is wrong.

After a submit `data` is the parsed value, or None for blank and for refused; the field shows the normalized
value, and the typed text when that was refused. A field that was not sent keeps its object's value.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from flask_admin.form import BaseForm
from wtforms import Field
from wtforms.widgets import (
    DateInput,
    EmailInput,
    HiddenInput,
    TelInput,
    TextArea,
    TextInput,
    URLInput,
)

from admin_views.choice_fields import ChoiceField, ConsentField, RadioChoiceField
from admin_views.field_rules import Required, accessible
from admin_views.messages import message_for
from domain.errors import DomainError
from domain.inputs import contact, dates, emails, request_ids, text, whole_number

__all__ = [
    "ChoiceField",
    "ConsentField",
    "EmailField",
    "IsoDateField",
    "LineField",
    "NoteField",
    "ParsedField",
    "PhoneField",
    "PortalForm",
    "PostalCodeField",
    "RadioChoiceField",
    "Required",
    "RequestIdField",
    "VersionField",
    "WebAddressField",
    "WholeNumberField",
]


class ParsedField(Field):
    """A text input whose value `parse` makes; subclasses say how."""

    widget = TextInput()
    data: Any
    typed: str | None = None

    def __init__(self, label: Any = None, *, required: bool = False, **options: Any) -> None:
        validators = [*((Required(),) if required else ()), *options.pop("validators", ())]
        super().__init__(label, validators, **options)

    def __call__(self, **attributes: Any) -> Any:
        """Render without the browser's own checks: they know neither tabs nor the portal's language."""
        return super().__call__(**accessible(self, attributes))

    def parse(self, typed: str) -> Any:
        """Return the value of a text that is not blank; a DomainError refuses it."""
        raise NotImplementedError

    def display(self, value: Any) -> str:
        """Return the text for a value."""
        return str(value)

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        """Parse what was sent; of a name that was sent twice the first counts."""
        if not valuelist:
            return
        self.data = None
        self.typed = str(valuelist[0])
        if text.is_blank(self.typed):
            return
        try:
            self.data = self.parse(self.typed)
        except DomainError as error:
            raise ValueError(message_for(error)) from error

    def _value(self) -> str:
        if self.data is None:
            return self.typed or ""
        return self.display(self.data)


class WholeNumberField(ParsedField):
    """A whole number between two others, both allowed."""

    def __init__(self, label: Any = None, *, minimum: int, maximum: int, **options: Any) -> None:
        super().__init__(label, **options)
        self.minimum, self.maximum = minimum, maximum

    def __call__(self, **attributes: Any) -> Any:
        """Render with the digits' keyboard on phones."""
        return super().__call__(**{"inputmode": "numeric", "autocomplete": "off", **attributes})

    def parse(self, typed: str) -> int:
        """Return the number."""
        return whole_number.parse_whole_number(typed, minimum=self.minimum, maximum=self.maximum)


class VersionField(WholeNumberField):
    """The version of the row that a form was opened with, hidden and required."""

    widget = HiddenInput()

    def __init__(self, label: Any = None, **options: Any) -> None:
        super().__init__(label, **{"required": True, "minimum": 0, "maximum": 2**31 - 1, **options})


class RequestIdField(ParsedField):
    """The id that makes sending a form twice harmless, hidden and required."""

    widget = HiddenInput()

    def __init__(self, label: Any = None, **options: Any) -> None:
        super().__init__(label, **{"required": True, **options})

    def parse(self, typed: str) -> str:
        """Return the id in its usual form."""
        return request_ids.parse_request_id(typed)


class LineField(ParsedField):
    """One line of free text."""

    def __init__(self, label: Any = None, *, maximum: int, **options: Any) -> None:
        super().__init__(label, **options)
        self.maximum = maximum

    def parse(self, typed: str) -> str:
        """Return the text as it is stored."""
        return text.clean_line(typed, maximum=self.maximum)


class NoteField(LineField):
    """Free text of several lines."""

    widget = TextArea()

    def parse(self, typed: str) -> str:
        """Return the text as it is stored."""
        return text.clean_note(typed, maximum=self.maximum)


class EmailField(ParsedField):
    """Exactly one e-mail address."""

    # Not type=email: browsers refuse addresses with two dots, which exist.
    def __call__(self, **attributes: Any) -> Any:
        """Render with the address keyboard on phones."""
        return super().__call__(**{"inputmode": EmailInput.input_type, "autocomplete": "off", **attributes})

    def parse(self, typed: str) -> str:
        """Return the address."""
        return emails.parse_email(typed)


class PhoneField(ParsedField):
    """A telephone number."""

    widget = TelInput()

    def parse(self, typed: str) -> str:
        """Return the number with hyphens."""
        return contact.parse_phone_number(typed)


class PostalCodeField(ParsedField):
    """A postal code."""

    def parse(self, typed: str) -> str:
        """Return the code as 123-4567."""
        return contact.parse_postal_code(typed)


class WebAddressField(ParsedField):
    """An http or https address."""

    widget = URLInput()

    def parse(self, typed: str) -> str:
        """Return the address."""
        return contact.parse_web_address(typed)


class IsoDateField(ParsedField):
    """A day."""

    widget = DateInput()

    def __call__(self, **attributes: Any) -> Any:
        """Render a date input; a refused text in a text input, because a date input would not show it."""
        shown_as = {"type": "text"} if self.typed and self.data is None else {}
        return super().__call__(**{**shown_as, **attributes})

    def parse(self, typed: str) -> dt.date:
        """Return the day."""
        return dates.parse_date(typed)

    def display(self, value: dt.date) -> str:
        """Return the day as browsers send it."""
        return value.isoformat()


class PortalForm(BaseForm):
    """The form of every page and dialog. Fields that it does not name are not read."""

    #: Set when the form has to ask for the password as well: admin_views.fresh_sign_in.Confirmation.
    confirmation: Any = None

    def add_refusal(self, error: DomainError) -> None:
        """Put the words of a use case's refusal at the field it concerns, else at the form."""
        field = self._fields.get(error.field) if error.field else None
        if field is None:
            self.form_errors.append(message_for(error))
        else:
            field.errors = [*field.errors, message_for(error)]
