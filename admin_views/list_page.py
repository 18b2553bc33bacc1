"""What the list template shows, made from a source, its arguments and its page: heads, filters, chips, links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask_babel import lazy_gettext as _

from admin_views.input_messages import LIST_ERROR_MESSAGES
from services.list_arguments import PAGE_SIZES, SEARCH
from services.lists import (
    ListArguments,
    ListColumn,
    ListFilter,
    ListSource,
    Page,
    filter_parameters,
    query_pairs,
)

_NEIGHBORS = 2


@dataclass(frozen=True)
class Head:
    """A column as the template needs it; `sorted` is "ascending", "descending" or ""."""

    column: ListColumn
    sort_url: str
    sorted: str
    is_primary: bool
    is_key: bool

    @property
    def name(self) -> str:
        """The row attribute."""
        return self.column.name

    @property
    def label(self) -> Any:
        """The words above the column."""
        return self.column.label

    @property
    def kind(self) -> str:
        """The kind of its values."""
        return self.column.kind

    @property
    def words(self) -> Mapping[Any, Any]:
        """The words of a column of codes."""
        return self.column.words


@dataclass(frozen=True)
class FilterInput:
    """A filter with what was typed into its one or two inputs, as (parameter, text) pairs."""

    name: str
    label: Any
    kind: str
    choices: Sequence[tuple[Any, Any]]
    inputs: Sequence[tuple[str, str]]
    error: Any


@dataclass(frozen=True)
class Chip:
    """An active filter, and the address of the list without it."""

    label: Any
    text: str
    remove_url: str


@dataclass(frozen=True)
class Links:
    """The addresses on a list page; each keeps the search, the filters and the order."""

    here: str
    here_path: str
    query: str
    clear: str
    csv: str
    xlsx: str
    action: str
    previous: str
    next: str
    pages: Sequence[tuple[int, str]] = ()
    page_sizes: Sequence[tuple[int, str]] = ()
    kept: Sequence[tuple[str, str]] = field(default=())


class ListPage:
    """Makes addresses and view values for one request to one list."""

    def __init__(
        self,
        *,
        path: str,
        source: ListSource,
        arguments: ListArguments,
        fixed: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.path = path
        self.source = source
        self.arguments = arguments
        #: Parameters of the page beyond the list's own: every address keeps them.
        self.fixed = fixed

    def url(self, **changes: str | None) -> str:
        """Return the address of the list with some parameters changed; None takes one out."""
        return self._address(self.path, query_pairs(self.source, self.arguments, **changes))

    def heads(self, *, primary: str, keys: Sequence[str]) -> list[Head]:
        """Return the columns with their links for sorting."""
        return [
            Head(
                column=column,
                sort_url=self._sort_url(column),
                sorted=self._sorted(column),
                is_primary=column.name == primary,
                is_key=column.name in keys,
            )
            for column in self.source.columns
            if column.on_screen
        ]

    def filters(self) -> list[FilterInput]:
        """Return the filters with what was typed."""
        return [self._filter(list_filter) for list_filter in self.source.filters]

    def chips(self) -> list[Chip]:
        """Return what is searched and filtered for, each removable."""
        chips = []
        if self.arguments.search:
            chips.append(Chip(_("検索"), self.arguments.search, self.url(**{SEARCH: None})))
        for list_filter in self.source.filters:
            names = filter_parameters(list_filter)
            if any(self.arguments.typed.get(name) for name in names):
                chips.append(
                    Chip(list_filter.label, self._chip_text(list_filter), self.url(**dict.fromkeys(names)))
                )
        return chips

    def links(self, page: Page) -> Links:
        """Return the addresses around a page of rows."""
        typed_page = str(page.page) if page.page > 1 else None
        pairs = query_pairs(self.source, self.arguments)
        cleared = [pair for pair in pairs if pair[0] in ("sort", "desc", "page_size")]
        return Links(
            here=self.url(page=typed_page),
            here_path=self.path,
            query=urlencode(pairs),
            clear=self._address(self.path, cleared),
            csv=self._address(f"{self.path}export/csv", pairs),
            xlsx=self._address(f"{self.path}export/xlsx", pairs),
            action=f"{self.path}action/",
            previous=self.url(page=str(page.page - 1)) if page.page > 1 else "",
            next=self.url(page=str(page.page + 1)) if page.page < page.page_count else "",
            pages=self._pages(page),
            page_sizes=[(size, self.url(page_size=str(size))) for size in PAGE_SIZES],
            kept=[*self.fixed, *cleared],
        )

    def _pages(self, page: Page) -> list[tuple[int, str]]:
        """Return numbers and addresses; an empty address stands for a gap."""
        near = range(page.page - _NEIGHBORS, page.page + _NEIGHBORS + 1)
        shown = sorted({1, page.page_count, *(n for n in near if 1 <= n <= page.page_count)})
        pages: list[tuple[int, str]] = []
        for number in shown:
            if pages and number > pages[-1][0] + 1:
                pages.append((0, ""))
            pages.append((number, self.url(page=str(number))))
        return pages

    def _sorted(self, column: ListColumn) -> str:
        if self.arguments.sort is None:
            name, descending = self.source.default_sort, self.source.default_descending
        else:
            name, descending = self.arguments.sort, self.arguments.descending
        return ("descending" if descending else "ascending") if column.name == name else ""

    def _sort_url(self, column: ListColumn) -> str:
        if not column.sortable:
            return ""
        return self.url(sort=column.name, desc="1" if self._sorted(column) == "ascending" else None)

    def _filter(self, list_filter: ListFilter) -> FilterInput:
        code = self.arguments.errors.get(list_filter.name)
        typed = self.arguments.typed
        return FilterInput(
            name=list_filter.name,
            label=list_filter.label,
            kind=list_filter.kind,
            choices=list_filter.choices,
            inputs=[(name, typed.get(name, "")) for name in filter_parameters(list_filter)],
            error=LIST_ERROR_MESSAGES[code] if code else None,
        )

    def _chip_text(self, list_filter: ListFilter) -> str:
        texts = [self.arguments.typed.get(name, "") for name in filter_parameters(list_filter)]
        if list_filter.kind == "flag":
            return ""
        if list_filter.kind == "choice":
            return next(
                (str(label) for value, label in list_filter.choices if str(value) == texts[0]), texts[0]
            )
        return "–".join(texts) if len(texts) > 1 else texts[0]

    def _address(self, path: str, pairs: Sequence[tuple[str, str]]) -> str:
        query = urlencode([*self.fixed, *pairs])
        return f"{path}?{query}" if query else path
