"""What fields of all kinds have in common."""

from __future__ import annotations

from typing import Any

from wtforms import Field, Form
from wtforms.validators import StopValidation

from admin_views.input_messages import REQUIRED


class Required:
    """Validator: 必須. What was refused for another reason is not said to be missing as well."""

    field_flags = {"required": True}

    def __call__(self, form: Form, field: Field) -> None:
        """Stop when a form was sent with the field blank or without it."""
        if field.process_errors:
            raise StopValidation
        if not field.raw_data or field.data is None:
            raise StopValidation(REQUIRED)


def accessible(field: Field, attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of an input with its states for assistive technology, without browser checks."""
    states: dict[str, Any] = {"required": False}
    if field.flags.required:
        states["aria_required"] = "true"
    if field.errors:
        states["aria_invalid"] = "true"
    return {**states, **attributes}
