"""Parts of addresses."""

from __future__ import annotations

from werkzeug.routing import BaseConverter, ValidationError

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
