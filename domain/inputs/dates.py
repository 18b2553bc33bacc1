"""Business days as people type them."""

from __future__ import annotations

import re
from datetime import date

from domain.errors import DomainError
from domain.inputs.text import fold_width

EARLIEST_YEAR = 2000
LATEST_YEAR = 2100
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})-([0-9]{2})|/([0-9]{1,2})/([0-9]{1,2}))")


class DateRefused(DomainError):
    """Say that a text is no day of the calendar between `earliest` and `latest`."""

    earliest: date
    latest: date


def parse_date(text: str) -> date:
    """Read a day as yyyy-mm-dd or yyyy/m/d, without a time.

    Full-width digits and surrounding blanks are accepted. Whether the day suits a use case is asked there.

    :raises DateRefused: not in that form, no such day, or outside the years 2000 … 2100.
    """
    match = _DATE.fullmatch(fold_width(text).strip())
    if match is None:
        raise _refusal()
    year, *rest = (int(part) for part in match.groups() if part is not None)
    try:
        day = date(year, rest[0], rest[1])
    except ValueError:
        raise _refusal() from None
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise _refusal()
    return day


def _refusal() -> DateRefused:
    return DateRefused(earliest=date(EARLIEST_YEAR, 1, 1), latest=date(LATEST_YEAR, 12, 31))
