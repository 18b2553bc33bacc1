"""Points handed down to many accounts at once: the lines that `ledger.post` would write, by two statements."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    Select,
    Text,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy.sql.selectable import Subquery
from sqlalchemy.types import TypeEngine

from domain.permissions import Viewer
from domain.points import LARGEST_BALANCE_POINTS, LARGEST_LINE_POINTS, PointKind
from models import PointBalance, PointLine, db
from services.ledger import AccountNotRunning, PointsOutOfRange
from services.sent_rows import sent_rows


class HandedDown(NamedTuple):
    """Points (> 0) that one account gets from its payer, and its balance after it."""

    payer_id: int
    account_id: int
    points: int
    balance_after: int


_COLUMNS: dict[str, TypeEngine[Any]] = {
    "payer_id": BigInteger(),
    "account_id": BigInteger(),
    "points": BigInteger(),
    "transfer_id": Text(),
}


def hand_down(*, transfers: Sequence[HandedDown], viewer: Viewer, now: dt.datetime, request_id: str) -> None:
    """Write both lines of each transfer, in the order given, and carry the balances along.

    The caller has locked all balances, gives each account once, and lets none of them pay.

    :raises PointsOutOfRange: when a line or a balance would leave its range.
    :raises AccountNotRunning: when a balance is closed.
    """
    if any(
        row.points > LARGEST_LINE_POINTS or row.balance_after > LARGEST_BALANCE_POINTS for row in transfers
    ):
        raise PointsOutOfRange(minimum=1, maximum=LARGEST_LINE_POINTS)
    # One random beginning, then the place: names nobody has used, for the price of one.
    prefix = str(uuid.uuid4())[:24]
    sent = sent_rows(
        [
            (row.payer_id, row.account_id, row.points, f"{prefix}{place:012x}")
            for place, row in enumerate(transfers)
        ],
        _COLUMNS,
    )
    _write_lines(select(sent).cte("handed_down"), viewer, now, request_id)
    payers = {row.payer_id for row in transfers}
    if _carry_balances(sent, now) != len(transfers) + len(payers):
        raise AccountNotRunning


def _write_lines(rows: CTE, viewer: Viewer, now: dt.datetime, request_id: str) -> None:
    """Write the lines: of each transfer first what the account gets, then what its payer gives."""
    lines = union_all(_lines_of_accounts(rows), _lines_of_payers(rows)).subquery()
    same = {
        "kind": literal(PointKind.ADDITION, PointLine.kind.type),
        "recorded_at": literal(now, PointLine.recorded_at.type),
        "request_id": literal(request_id),
        "administrator_id": literal(viewer.administrator_id, BigInteger()),
        "actor_name": literal(viewer.user_name),
    }
    own = [column for column in lines.c if column.name != "place"]
    found = select(*own, *same.values()).order_by(lines.c.place)
    names = [*(column.name for column in own), *same]
    db.session.execute(insert(PointLine).from_select(names, found, include_defaults=False))


def _lines_of_accounts(rows: CTE) -> Select[*tuple[Any, ...]]:
    return select(
        (rows.c.position * 2).label("place"),
        rows.c.account_id.label("account_id"),
        (PointBalance.last_line_number + 1).label("line_number"),
        rows.c.points.label("points"),
        (PointBalance.point_balance + rows.c.points).label("balance_after"),
        rows.c.transfer_id.label("transfer_id"),
    ).join_from(rows, PointBalance, PointBalance.account_id == rows.c.account_id)


def _lines_of_payers(rows: CTE) -> Select[*tuple[Any, ...]]:
    payer, place = rows.c.payer_id, rows.c.position
    number = func.row_number().over(partition_by=payer, order_by=place)
    given = cast(func.sum(rows.c.points).over(partition_by=payer, order_by=place), BigInteger)
    return select(
        place * 2 + 1,
        payer,
        PointBalance.last_line_number + number,
        -rows.c.points,
        PointBalance.point_balance - given,
        rows.c.transfer_id,
    ).join_from(rows, PointBalance, PointBalance.account_id == payer)


def _carry_balances(rows: Subquery, now: dt.datetime) -> int:
    """Carry the open balances along; return how many. No CTE: Python's SQLite does not count what it writes."""
    account_id, points, payer_id = rows.c.account_id, rows.c.points, rows.c.payer_id
    given = cast(func.sum(points), BigInteger)
    moved = union_all(
        select(account_id.label("account_id"), points.label("points"), literal(1).label("lines")),
        select(payer_id, -given, func.count()).group_by(payer_id),
    ).subquery()
    after = PointBalance.point_balance + moved.c.points
    since = func.coalesce(PointBalance.negative_since, literal(now, PointBalance.negative_since.type))
    changed = (
        update(PointBalance)
        .where(PointBalance.account_id == moved.c.account_id, PointBalance.is_closed.is_(False))
        .values(
            point_balance=after,
            last_line_number=PointBalance.last_line_number + moved.c.lines,
            negative_since=case((after < 0, since)),
        )
        .execution_options(synchronize_session=False)
    )
    count: int = db.session.execute(changed).rowcount  # type: ignore[attr-defined]
    return count
