"""What a list is asked for: page, order, search and filters, read from an address."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from domain.errors import DomainError
from domain.inputs.dates import parse_date
from domain.inputs.text import is_blank, is_forbidden
from domain.inputs.whole_number import parse_whole_number
from services.list_clauses import search_words

if TYPE_CHECKING:
    from services.lists import ListFilter, ListSource

PAGE_SIZES = (20, 50, 100)
LAST_PAGE = 1_000_000
SEARCH_MAXIMUM = 200
SEARCH_WORDS_MAXIMUM = 5
#: Filters compare with columns of 32 bits.
LARGEST_NUMBER = 2**31 - 1
#: Key of the search among the errors.
SEARCH = "search"

# Codes of what is wrong with a filter; admin_views has the words.
BAD_CHOICE = "bad_choice"
BAD_NUMBER = "bad_number"
BAD_DATE = "bad_date"
BAD_TEXT = "bad_text"
REVERSED_RANGE = "reversed_range"
TOO_LONG = "too_long"
TOO_MANY_WORDS = "too_many_words"
ERROR_CODES = (BAD_CHOICE, BAD_NUMBER, BAD_DATE, BAD_TEXT, REVERSED_RANGE, TOO_LONG, TOO_MANY_WORDS)

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class _BadValue(Exception):
    """A filter value that cannot be used; the argument is the error code."""


@dataclass(frozen=True)
class ListArguments:
    """One request to a list. `page` counts from 1; `sort` is a column's name, or None for the list's own.

    `filters` holds the usable value of each filter in use, `errors` the code of each unusable one, both by
    filter name (the search's by SEARCH), and `typed` the text of every parameter as it came in, by its name.
    """

    page: int = 1
    page_size: int = PAGE_SIZES[0]
    search: str = ""
    sort: str | None = None
    descending: bool = False
    filters: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    errors: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    typed: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


def parse_arguments(source: ListSource, parameters: Mapping[str, str]) -> ListArguments:
    """Read a list's arguments. Page, size and order fall back; a bad search or filter is an error of its own.

    Empty parameters and those that the list does not know count as absent; of repeated ones the first counts.
    """
    typed = {name: text for name in parameter_names(source) if (text := parameters.get(name, ""))}
    filters: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for list_filter in source.filters:
        try:
            value = _READERS[list_filter.kind](list_filter, typed)
        except _BadValue as error:
            errors[list_filter.name] = str(error)
        else:
            if value is not None:
                filters[list_filter.name] = value
    search = typed.get(SEARCH, "").strip()
    try:
        _check_search(search)
    except _BadValue as error:
        errors[SEARCH] = str(error)
    sort = typed.get("sort")
    is_known = any(column.name == sort and column.sortable for column in source.columns)
    return ListArguments(
        page=_page(typed.get("page", "")),
        page_size=_page_size(typed.get("page_size", "")),
        search=search,
        sort=sort if is_known else None,
        descending=is_known and typed.get("desc") == "1",
        filters=filters,
        errors=errors,
        typed=typed,
    )


def filter_parameters(list_filter: ListFilter) -> tuple[str, ...]:
    """Return the names of the address parameters of a filter: one, or the two ends of a range."""
    ends = {"number": ("_min", "_max"), "date": ("_from", "_to")}.get(list_filter.kind, ("",))
    return tuple(list_filter.name + end for end in ends)


def query_pairs(source: ListSource, arguments: ListArguments, **changes: str | None) -> list[tuple[str, str]]:
    """Return the parameters of a link to the same list, some changed (None takes one out), in fixed order.

    A link that does not name its page leads to the first one.
    """
    wanted: dict[str, str | None] = {**arguments.typed, "page": None, **changes}
    return [(name, text) for name in parameter_names(source) if (text := wanted.get(name))]


def parameter_names(source: ListSource) -> list[str]:
    """Return the names of all parameters that a list reads."""
    names = [name for list_filter in source.filters for name in filter_parameters(list_filter)]
    return [SEARCH, *names, "sort", "desc", "page_size", "page"]


def _page(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        return 1
    return LAST_PAGE if len(text) > len(str(LAST_PAGE)) else min(max(int(text), 1), LAST_PAGE)


def _page_size(text: str) -> int:
    return next((size for size in PAGE_SIZES if str(size) == text), PAGE_SIZES[0])


def _check_search(text: str) -> None:
    """Refuse what cannot be searched for as typed: leaving words out would widen the result."""
    if len(text) > SEARCH_MAXIMUM:
        raise _BadValue(TOO_LONG)
    words = search_words(text)
    if any(is_forbidden(character) for word in words for character in word):
        raise _BadValue(BAD_TEXT)
    if len(words) > SEARCH_WORDS_MAXIMUM:
        raise _BadValue(TOO_MANY_WORDS)


def _read_choice(list_filter: ListFilter, typed: Mapping[str, str]) -> Any:
    text = typed.get(list_filter.name)
    if text is None:
        return None
    for value, _label in list_filter.choices:
        if str(value) == text:
            return value
    raise _BadValue(BAD_CHOICE)


def _read_flag(list_filter: ListFilter, typed: Mapping[str, str]) -> bool | None:
    text = typed.get(list_filter.name, "0")
    if text not in ("0", "1"):
        raise _BadValue(BAD_CHOICE)
    return True if text == "1" else None


def _read_text(list_filter: ListFilter, typed: Mapping[str, str]) -> str | None:
    text = typed.get(list_filter.name, "").strip()
    _check_search(text)
    return text if search_words(text) else None


def _read_number_range(list_filter: ListFilter, typed: Mapping[str, str]) -> Any:
    return _read_range(list_filter, typed, parse=_number, code=BAD_NUMBER)


def _read_date_range(list_filter: ListFilter, typed: Mapping[str, str]) -> Any:
    return _read_range(list_filter, typed, parse=parse_date, code=BAD_DATE)


def _number(text: str) -> int:
    return parse_whole_number(text, minimum=-LARGEST_NUMBER, maximum=LARGEST_NUMBER)


def _read_range(
    list_filter: ListFilter, typed: Mapping[str, str], *, parse: Callable[[str], int | dt.date], code: str
) -> tuple[Any, Any] | None:
    texts = (typed.get(name, "") for name in filter_parameters(list_filter))
    try:
        low, high = (None if is_blank(text) else parse(text) for text in texts)
    except DomainError:
        raise _BadValue(code) from None
    if low is None and high is None:
        return None
    if low is not None and high is not None and low > high:  # type: ignore[operator]
        raise _BadValue(REVERSED_RANGE)
    return low, high


_READERS: Mapping[str, Callable[[ListFilter, Mapping[str, str]], Any]] = {
    "choice": _read_choice,
    "flag": _read_flag,
    "text": _read_text,
    "number": _read_number_range,
    "date": _read_date_range,
}
