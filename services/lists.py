"""The engine of every list and of its exports: one description of a list, one way to its rows.

The search, the filters and the order are the same for a page, for an export and for "all that match", because
all of them are made from one `ListSource` and one `ListArguments`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, SQLColumnExpression, func, select

from domain.inputs.row_ids import TooManyRows
from models import Account, db
from services import row_scope
from services.account_search import account_matches
from services.list_arguments import (
    PAGE_SIZES,
    ListArguments,
    filter_parameters,
    parse_arguments,
    query_pairs,
)
from services.list_clauses import contains, in_range, matches_words, on_days, search_words

__all__ = [
    "PAGE_SIZES",
    "ListArguments",
    "ListColumn",
    "ListFilter",
    "ListSource",
    "Page",
    "contains",
    "count_rows",
    "fetch_page",
    "filter_parameters",
    "in_range",
    "iterate_rows",
    "matching_ids",
    "on_days",
    "parse_arguments",
    "query_pairs",
]

COLUMN_KINDS = ("text", "number", "points", "date", "instant")
FILTER_KINDS = ("choice", "flag", "number", "date", "text")
BATCH_SIZE = 1_000


@dataclass(frozen=True)
class ListColumn:
    """A column: the row attribute `name` is the value of `expression`, which also is what is sorted by.

    `words` gives the words that are shown and exported for the values of a column of codes; `row_text` makes
    the exported text from more than the one value. `never_blank`: no value is NULL, so that an index of the
    column gives its order. Not `on_screen`: in the files only, where the page shows it together with another.
    """

    name: str
    label: Any
    kind: str
    expression: SQLColumnExpression[Any]
    sortable: bool = True
    exported: bool = True
    words: Mapping[Any, Any] = field(default_factory=dict)
    row_text: Callable[[Row[Any]], str] | None = None
    never_blank: bool = False
    on_screen: bool = True

    def __post_init__(self) -> None:
        """Refuse a kind that no screen and no export knows."""
        if self.kind not in COLUMN_KINDS:
            raise ValueError(f"{self.kind} is no kind of column")


@dataclass(frozen=True)
class ListFilter:
    """A filter; `clause` gets its value and returns the condition.

    The value is, by kind: choice: the chosen value of `choices`; flag: True; text: what was typed (for
    `contains`); number and date: the two ends, each int or date or None (for `in_range` and `on_days`).
    """

    name: str
    label: Any
    kind: str
    choices: Sequence[tuple[Any, Any]] = ()
    clause: Callable[[Any], ColumnElement[bool]] | None = None

    def __post_init__(self) -> None:
        """Refuse a filter that would not filter."""
        if self.kind not in FILTER_KINDS or self.clause is None:
            raise ValueError(f"{self.name} is no filter: it needs a known kind and a clause")


@dataclass(frozen=True)
class ListSource:
    """A list: which rows there are for a viewer, and what can be shown, searched and filtered of them.

    `statement` selects the rows within the viewer's scope and may hold further columns, which become row
    attributes; those of `columns` are added where it lacks them. `search_expressions` hold texts made by
    `search_key`. `tie_breaker` is the primary key: it makes every order a total one.
    """

    name: str
    statement: Select[*tuple[Any, ...]]
    columns: Sequence[ListColumn]
    filters: Sequence[ListFilter]
    search_expressions: Sequence[SQLColumnExpression[Any]]
    tie_breaker: SQLColumnExpression[int]
    default_sort: str
    default_descending: bool = False
    #: Why its columns read more than the viewer's rows, where they do; `statement` holds to those all the same.
    looks_beyond: str = ""

    @property
    def exported_columns(self) -> list[ListColumn]:
        """The columns of the files, in the order of the screen."""
        return [column for column in self.columns if column.exported]


@dataclass(frozen=True)
class Page:
    """Rows of one page; `page` may be lower than what was asked for, `page_count` is at least 1."""

    rows: Sequence[Row[Any]]
    total: int
    page: int
    page_size: int
    page_count: int


def fetch_page(source: ListSource, arguments: ListArguments) -> Page:
    """Return the page that was asked for, else the last one. No rows when a filter is bad."""
    if arguments.errors:
        return Page(rows=[], total=0, page=1, page_size=arguments.page_size, page_count=1)
    total = count_rows(source, arguments)
    page_count = max(1, -(-total // arguments.page_size))
    page = min(max(arguments.page, 1), page_count)
    statement = _window(_ordered(source, arguments), page=page, page_size=arguments.page_size)
    rows = _read(source, statement)
    return Page(rows=rows, total=total, page=page, page_size=arguments.page_size, page_count=page_count)


def iterate_rows(source: ListSource, arguments: ListArguments) -> Iterator[Row[Any]]:
    """Yield every row that matches in the order of the screen, read in batches; none when a filter is bad."""
    if arguments.errors:
        return
    if source.looks_beyond:
        # At once: between two batches whoever takes the rows would have the wider scope, too.
        yield from _read(source, _ordered(source, arguments))
        return
    statement = _ordered(source, arguments).execution_options(yield_per=BATCH_SIZE)
    with db.session.execute(statement) as result:
        yield from result


def matching_ids(source: ListSource, arguments: ListArguments, limit: int) -> list[int]:
    """Return the primary keys of all that match, in the order of the screen. Empty when a filter is bad.

    :raises TooManyRows: more than `limit` match.
    """
    if arguments.errors:
        return []
    statement = _with_order(_matching(source, arguments), source, arguments)
    ids = statement.with_only_columns(source.tie_breaker, maintain_column_froms=True).limit(limit + 1)
    row_ids = [row[0] for row in _read(source, ids)]
    if len(row_ids) > limit:
        raise TooManyRows(limit=limit)
    return row_ids


def _read(source: ListSource, statement: Select[Any]) -> Sequence[Row[Any]]:
    with row_scope.beyond(source.looks_beyond) if source.looks_beyond else nullcontext():
        return db.session.execute(statement).all()


def count_rows(source: ListSource, arguments: ListArguments) -> int:
    """Return how many rows match."""
    matching = _matching(source, arguments).order_by(None)
    keys = matching.with_only_columns(source.tie_breaker, maintain_column_froms=True).subquery()
    return db.session.execute(select(func.count()).select_from(keys)).scalar_one()


def _matching(source: ListSource, arguments: ListArguments) -> Select[*tuple[Any, ...]]:
    clauses = [
        list_filter.clause(arguments.filters[list_filter.name])
        for list_filter in source.filters
        if list_filter.clause is not None and list_filter.name in arguments.filters
    ]
    words = search_words(arguments.search)
    if words:
        expressions = source.search_expressions
        is_of_accounts = len(expressions) == 1 and expressions[0] is Account.search_text
        found = account_matches(words) if is_of_accounts else matches_words(expressions, words)
        clauses.append(found)
    return source.statement.where(*clauses)


def _ordered(source: ListSource, arguments: ListArguments) -> Select[*tuple[Any, ...]]:
    statement = _matching(source, arguments)
    present = set(statement.selected_columns.keys())
    missing: list[ColumnElement[Any]] = [
        column.expression.label(column.name) for column in source.columns if column.name not in present
    ]
    return _with_order(statement.add_columns(*missing), source, arguments)


def _with_order(
    statement: Select[*tuple[Any, ...]], source: ListSource, arguments: ListArguments
) -> Select[*tuple[Any, ...]]:
    name, descending = arguments.sort, arguments.descending
    if name is None:
        name, descending = source.default_sort, source.default_descending
    column = next(column for column in source.columns if column.name == name)
    key = source.tie_breaker
    # The key follows the direction, so that one order is the exact reverse of the other but for the blanks.
    order = (column.expression.desc(), key.desc()) if descending else (column.expression.asc(), key.asc())
    first = order[0] if column.never_blank else order[0].nulls_last()
    return statement.order_by(None).order_by(first, order[1])


def _window(statement: Select[*tuple[Any, ...]], *, page: int, page_size: int) -> Select[*tuple[Any, ...]]:
    """Return the part of an ordered statement that is one page: the only place that knows of OFFSET."""
    return statement.limit(page_size).offset((page - 1) * page_size)
