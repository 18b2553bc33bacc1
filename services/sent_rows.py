"""Many rows sent to the database as one parameter, to be written or joined by one statement."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, any_, cast, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.selectable import Subquery
from sqlalchemy.types import TypeEngine

from services.engines import is_postgresql


def sent_rows(rows: Sequence[Sequence[Any]], columns: Mapping[str, TypeEngine[Any]]) -> Subquery:
    """Return rows as a FROM clause with the columns named, in the order given by `position` (from 1).

    Values are whole numbers, text or None. One parameter (on PostgreSQL one a column) instead of one a value:
    no limit of parameters is met, and ten thousand rows cost what one statement costs.
    """
    if is_postgresql():
        arrays = [
            literal([row[place] for row in rows], ARRAY(kind)) for place, kind in enumerate(columns.values())
        ]
        table = (
            func.unnest(*arrays)
            .table_valued(*(column(name, kind) for name, kind in columns.items()), with_ordinality="position")
            .render_derived()
        )
        return select(*table.c).subquery()
    each = func.json_each(json.dumps(rows)).table_valued("key", "value")
    values: list[ColumnElement[Any]] = [
        cast(func.json_extract(each.c.value, f"$[{place}]"), kind).label(name)
        for place, (name, kind) in enumerate(columns.items())
    ]
    return select(*values, (each.c.key + 1).label("position")).subquery()


def is_among(
    column: ColumnElement[int] | InstrumentedAttribute[int], ids: Iterable[int]
) -> ColumnElement[bool]:
    """Return the condition that a column is one of ids, which may be thousands: they are sent as one parameter."""
    if is_postgresql():
        return column == any_(literal(list(ids), ARRAY(BigInteger)))
    return column.in_(select(func.json_each(json.dumps(list(ids))).table_valued("value").c.value))
