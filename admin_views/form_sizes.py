"""How many fields a form may have: a limit on its bytes alone lets fifty thousand empty ones through."""

from __future__ import annotations

from flask import Flask, request
from werkzeug.exceptions import RequestEntityTooLarge

#: The largest form of the portal names ten thousand chosen rows, beside its few own fields.
LARGEST_FIELD_COUNT = 11_000


def init_app(app: Flask) -> None:
    """Count before anything else looks at a form."""
    app.before_request(refuse_countless_fields)


def refuse_countless_fields() -> None:
    """Let a form of usual size pass. Files come in parts, of which MAX_FORM_PARTS already limits the number.

    :raises RequestEntityTooLarge: answered as 413.
    """
    if sum(map(len, request.form.listvalues())) > LARGEST_FIELD_COUNT:
        raise RequestEntityTooLarge()
