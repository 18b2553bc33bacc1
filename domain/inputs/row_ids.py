"""Row ids as addresses and forms carry them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from domain.errors import DomainError

LARGEST_ROW_ID = 2**63 - 1
_ROW_ID = re.compile(r"[1-9][0-9]{0,18}")


class MalformedRowId(DomainError):
    """Say that a chosen row's id is none."""

    http_status = 400


class TooManyRows(DomainError):
    """Say that more rows were chosen than the `limit` of one request."""

    limit: int


def parse_row_id(text: str) -> int | None:
    """Return the id, 1 … 2^63-1 in plain ASCII digits without leading zeros, or None when it is none."""
    if not _ROW_ID.fullmatch(text):
        return None
    row_id = int(text)
    return row_id if row_id <= LARGEST_ROW_ID else None


def parse_row_ids(texts: Iterable[str], limit: int) -> list[int]:
    """Return the ids in the order of their first mention, each once. Empty when nothing was chosen.

    :raises MalformedRowId: one of them is no id: then the whole selection is refused.
    :raises TooManyRows: more than `limit` different ids.
    """
    row_ids: dict[int, None] = {}
    for text in texts:
        row_id = parse_row_id(text)
        if row_id is None:
            raise MalformedRowId()
        row_ids[row_id] = None
        if len(row_ids) > limit:
            raise TooManyRows(limit=limit)
    return list(row_ids)
