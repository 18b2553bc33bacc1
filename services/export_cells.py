"""Cells of exported files: values as the screen shows them, harmless in a spreadsheet."""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import Any

from sqlalchemy import Row

from domain.billing_calendar import TOKYO
from services.lists import ListColumn

Cell = str | int | dt.date | dt.datetime | None

# NFKC makes the full-width, small and raised forms the same characters; the minus sign stays its own.
_FORMULA_STARTS = frozenset("=+-@|%\N{MINUS SIGN}")
# What Unicode and Microsoft's table name differently; without this they would be lost on the way.
_CP932_FORMS = str.maketrans(
    {
        "\N{MINUS SIGN}": "\N{FULLWIDTH HYPHEN-MINUS}",
        "\N{WAVE DASH}": "\N{FULLWIDTH TILDE}",
        "\N{EM DASH}": "\N{HORIZONTAL BAR}",
        "\N{DOUBLE VERTICAL LINE}": "\N{PARALLEL TO}",
        "\N{YEN SIGN}": "\N{FULLWIDTH YEN SIGN}",
        "\N{CENT SIGN}": "\N{FULLWIDTH CENT SIGN}",
        "\N{POUND SIGN}": "\N{FULLWIDTH POUND SIGN}",
        "\N{NOT SIGN}": "\N{FULLWIDTH NOT SIGN}",
    }
)
_UNKNOWN_IN_CP932 = "〓"


def cell_value(column: ListColumn, row: Row[Any]) -> Cell:
    """Return a row's value as text, whole number, date or Tokyo wall time without a zone; None when blank.

    :raises ValueError: an instant without a zone.
    """
    if column.row_text is not None:
        return column.row_text(row)
    value = getattr(row, column.name)
    if value is None:
        return None
    if column.words:
        return str(column.words.get(value, value))
    if column.kind in ("number", "points"):
        # Sums come as Decimal from PostgreSQL.
        return int(value)
    if column.kind == "instant":
        if value.tzinfo is None:
            raise ValueError(f"{column.name} holds an instant without a zone")
        wall_time: dt.datetime = value.astimezone(TOKYO).replace(tzinfo=None, microsecond=0)
        return wall_time
    if column.kind == "date":
        day: dt.date = value
        return day
    return str(value)


def guard_formula(text: str) -> str:
    """Return a text that no spreadsheet reads as a formula: with an apostrophe before it where it might."""
    if text[:1] in ("\t", "\r", "\n"):
        return "'" + text
    for character in text:
        if character.isspace() or unicodedata.category(character) == "Cf":
            continue
        return "'" + text if unicodedata.normalize("NFKC", character)[:1] in _FORMULA_STARTS else text
    return text


def unguard_formula(text: str) -> str:
    """Return a cell of a file as it was before `guard_formula`, for what reads an export back."""
    plain = text.removeprefix("'")
    return plain if guard_formula(plain) == text else text


def fit_cp932(text: str) -> str:
    """Return a text of characters that Shift_JIS (cp932) has: another form of the same one, else 〓."""
    return "".join(_fit_character(character) for character in text.translate(_CP932_FORMS))


def _fit_character(character: str) -> str:
    for form in (character, unicodedata.normalize("NFKC", character)):
        try:
            form.encode("cp932")
        except UnicodeEncodeError:
            continue
        return form
    # A mark that only changes the one before it (an emoji's or a kanji's variant) leaves no gap.
    is_mark = unicodedata.category(character) in ("Mn", "Me", "Cf")
    return "" if is_mark else _UNKNOWN_IN_CP932
