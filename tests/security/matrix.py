"""docs/permissions.toml: who may ask for what, read into values. The notation stands in that file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from config import ROOT

PATH = ROOT / "docs" / "permissions.toml"
ANONYMOUS = "anonymous"


@dataclass(frozen=True)
class Entry:
    """A row of the matrix: a route with a method, and for bulk actions the name of the action."""

    key: str
    method: str
    endpoint: str
    action: str
    #: What it does, for the reader of the page.
    does: str
    may: frozenset[str]
    #: Which kind of thing it names, "" for none.
    rows: str
    #: The form's field that names it; "": the address does.
    field: str
    #: Further arguments; {id} stands for what is named.
    query: str
    #: Statuses with which somebody who may is answered to an empty form.
    answers: frozenset[int]


@dataclass(frozen=True)
class Matrix:
    """The whole table."""

    groups: Mapping[str, frozenset[str]]
    entries: Mapping[str, Entry]


def read_matrix() -> Matrix:
    """Read the file."""
    found = tomllib.loads(PATH.read_text(encoding="utf-8"))
    groups: dict[str, frozenset[str]] = {}
    for name, members in found["groups"].items():
        groups[name] = frozenset(members.split())
    entries = {key: _entry(key, values, groups) for key, values in found["routes"].items()}
    return Matrix(groups=groups, entries=entries)


def _entry(key: str, values: Mapping[str, object], groups: Mapping[str, frozenset[str]]) -> Entry:
    method, _, what = key.partition(" ")
    endpoint, _, action = what.partition(":")
    words = str(values["may"]).split()
    unknown = [word for word in words if word not in groups]
    if unknown:
        raise ValueError(f"{key}: no such group {unknown}")
    answer = values.get("answer", 422 if method == "POST" else 200)
    return Entry(
        key=key,
        method=method,
        endpoint=endpoint,
        action=action,
        does=str(values["does"]),
        may=frozenset().union(*(groups[word] for word in words)),
        rows=str(values.get("rows", "")),
        field=str(values.get("field", "")),
        query=str(values.get("query", "")),
        answers=frozenset(answer if isinstance(answer, list) else [answer]),  # type: ignore[list-item]
    )
