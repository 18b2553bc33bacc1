"""Parts of addresses."""

from __future__ import annotations

import datetime as dt

from werkzeug.routing import BaseConverter, ValidationError

from domain.billing_calendar import BILLING_DAY
from domain.inputs.row_ids import parse_row_id


class RowIdConverter(BaseConverter):
    """`<row_id:account_id>`: 1 … 2^63-1 in plain ASCII digits; anything else is no such page."""

    regex = r"[1-9][0-9]{0,18}"

    def to_python(self, value: str) -> int:
        """Return the id."""
        row_id = parse_row_id(value)
        if row_id is None:
            raise ValidationError()
        return row_id

    def to_url(self, value: int | str) -> str:
        """Return the id as digits."""
        return str(int(value))


class BillingDateConverter(BaseConverter):
    """`<billing_date:billing_date>`: a 25th such as 2026-11-25; any other text is no such page."""

    regex = rf"[0-9]{{4}}-[0-9]{{2}}-{BILLING_DAY}"

    def to_python(self, value: str) -> dt.date:
        """Return the day."""
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            raise ValidationError() from None

    def to_url(self, value: dt.date) -> str:
        """Return the day as it stands in an address."""
        return value.isoformat()
