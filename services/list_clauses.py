"""Conditions of list filters and of the search, safe on both engines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, SQLColumnExpression, and_, false, literal, or_, true

from domain.billing_calendar import start_of_day
from domain.inputs.text import is_forbidden, search_key

#: Both ends of a range filter, either of them open.
NumberRange = tuple[int | None, int | None]
DateRange = tuple[dt.date | None, dt.date | None]

# Not a backslash: it is an ordinary character of both engines' patterns once another one is named.
ESCAPE = "!"


def search_words(text: str) -> list[str]:
    """Return the normalized words of a search text, in its order."""
    return search_key(text).split()


def matches_words(
    expressions: Sequence[SQLColumnExpression[Any]], words: Iterable[str]
) -> ColumnElement[bool]:
    """Return the condition that each word occurs in one of the expressions, which hold `search_key` texts.

    %, _ and backslashes stand for themselves. A word with a character that is never stored matches nothing
    (PostgreSQL would refuse a NUL outright).
    """
    return and_(true(), *(_contains_word(expressions, word) for word in words))


def contains(expression: SQLColumnExpression[Any], text: str) -> ColumnElement[bool]:
    """Return the condition that every word of a typed text occurs in an expression of `search_key` texts."""
    return matches_words([expression], search_words(text))


def in_range(expression: SQLColumnExpression[Any], ends: NumberRange | DateRange) -> ColumnElement[bool]:
    """Return the condition that a number or a date lies between two ends, both included."""
    low, high = (_bound(end) for end in ends)
    return and_(
        true() if low is None else expression >= low,
        true() if high is None else expression <= high,
    )


def on_days(expression: SQLColumnExpression[Any], days: DateRange) -> ColumnElement[bool]:
    """Return the condition that an instant falls on a Tokyo day between two days, both included."""
    first, last = days
    return and_(
        true() if first is None else expression >= start_of_day(first),
        true() if last is None else expression < start_of_day(last + dt.timedelta(days=1)),
    )


def _bound(end: int | dt.date | None) -> Any:
    # Drivers cast a bound number to its column's type; the wider type keeps a number out of range comparable.
    return literal(end, BigInteger) if isinstance(end, int) else end


def is_findable(word: str) -> bool:
    """Tell whether a word has only characters that are ever stored."""
    return not any(map(is_forbidden, word))


def pattern_of(word: str) -> str:
    """Return the LIKE pattern, escaped by ESCAPE, of texts that contain a word."""
    escaped = word.replace(ESCAPE, ESCAPE * 2).replace("%", ESCAPE + "%").replace("_", ESCAPE + "_")
    return f"%{escaped}%"


def _contains_word(expressions: Sequence[SQLColumnExpression[Any]], word: str) -> ColumnElement[bool]:
    if not is_findable(word):
        return false()
    return or_(false(), *(expression.like(pattern_of(word), escape=ESCAPE) for expression in expressions))
