"""The ledger: the one door through which a balance changes."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Integer, Select, Text, case, func, insert, literal, select, update
from sqlalchemy.types import TypeEngine

from domain.billing_calendar import tokyo_date
from domain.errors import DomainError
from domain.lifecycle import RUNNING
from domain.permissions import AccountType, Viewer
from domain.points import LARGEST_BALANCE_POINTS, LARGEST_LINE_POINTS, PointKind
from models import Account, PointBalance, PointLine, db
from services import access
from services.engines import is_postgresql
from services.sent_rows import is_among, sent_rows


class AccountNotRunning(DomainError):
    """The account is not 利用中 or 一時停止: it takes no points and no change."""

    http_status = 409


class CancellationUnderWay(DomainError):
    """解約処理中: the cancellation date has come and is binding; nothing moves until it is settled."""

    http_status = 409


class PayerLeaving(CancellationUnderWay):
    """The cancellation date of the account that would pay or get points has come; carries payer_name."""


class InsufficientStock(DomainError):
    """The paying account has fewer points than are asked for."""

    field = "points"


class DistributorStockTooSmall(InsufficientStock):
    """The paying account is a distributor, which gets its points from the operator."""


class PointsOutOfRange(DomainError):
    """A line or a balance would leave the range that the ledger keeps."""

    field = "points"


class LineDraft(NamedTuple):
    """A line to be posted; `points` is signed."""

    account_id: int
    kind: PointKind
    points: int
    transfer_id: str | None = None
    remark: str | None = None


class LockedBalance(NamedTuple):
    """A balance row that this transaction has locked, as it is now."""

    account_id: int
    point_balance: int
    last_line_number: int
    is_closed: bool


def lock_balances(account_ids: Iterable[int]) -> dict[int, LockedBalance]:
    """Lock balance rows, deepest level first, then by id, and return them as they are now, by account id."""
    return {row.account_id: LockedBalance(*row) for row in db.session.execute(_locking(account_ids))}


def hold_balances(account_ids: Iterable[int]) -> None:
    """Lock balance rows as `lock_balances` does, without returning what may be thousands of them.

    SQLite's writing transaction holds everything already.
    """
    if is_postgresql():
        db.session.execute(select(func.count()).select_from(_locking(account_ids).subquery()))


def _locking(account_ids: Iterable[int]) -> Select[int, int, int, bool]:
    return (
        select(
            PointBalance.account_id,
            PointBalance.point_balance,
            PointBalance.last_line_number,
            PointBalance.is_closed,
        )
        .join(Account, Account.id == PointBalance.account_id)
        .where(is_among(PointBalance.account_id, set(account_ids)))
        .order_by(access.depth_expression().desc(), PointBalance.account_id)
        .with_for_update(of=PointBalance)
    )


def transfer(
    *, payer_id: int, account_id: int, kind: PointKind, points: int, remark: str | None = None
) -> list[LineDraft]:
    """Return the two lines of a transfer: the payer's and the account's, summing to 0.

    `points` is what the account gets: negative when it gives back.
    """
    transfer_id = str(uuid.uuid4())
    return [
        LineDraft(account_id, kind, points, transfer_id, remark=remark),
        LineDraft(payer_id, kind, -points, transfer_id, remark=remark),
    ]


def in_lines(points: int) -> list[int]:
    """Return a number of points (≥ 0) as what each of as few lines as possible carries; none for 0."""
    full, rest = divmod(points, LARGEST_LINE_POINTS)
    return [LARGEST_LINE_POINTS] * full + ([rest] if rest else [])


def post(
    *,
    drafts: Sequence[LineDraft],
    viewer: Viewer | None,
    now: dt.datetime,
    request_id: str | None = None,
) -> dict[int, int]:
    """Append lines to the ledger and carry the balances along; the only door to a balance.

    Returns account id → balance after. `viewer` None: the clockwork. Locks what it touches.

    :raises AccountNotRunning: when a balance is closed.
    :raises PointsOutOfRange: when a line or a balance would leave its range.
    """
    touched = {draft.account_id for draft in drafts}
    rows = lock_balances(touched)
    balances = {
        account_id: _Running(rows[account_id].point_balance, rows[account_id].last_line_number)
        for account_id in touched
        if account_id in rows and not rows[account_id].is_closed
    }
    lines = []
    for draft in drafts:
        if draft.account_id not in balances:
            raise AccountNotRunning(account_id=draft.account_id)
        running = balances[draft.account_id]
        running.apply(draft)
        lines.append(running.line(draft))
    if lines:
        _append(lines, viewer, now, request_id)
        _carry(balances, now)
    return {account_id: running.point_balance for account_id, running in balances.items()}


_LINE_COLUMNS: dict[str, TypeEngine[Any]] = {
    "account_id": BigInteger(),
    "line_number": Integer(),
    "kind": Text(),
    "points": BigInteger(),
    "balance_after": BigInteger(),
    "transfer_id": Text(),
    "remark": Text(),
}
_BALANCE_COLUMNS: dict[str, TypeEngine[Any]] = {
    "account_id": BigInteger(),
    "point_balance": BigInteger(),
    "line_number": Integer(),
}


def _append(
    lines: list[tuple[Any, ...]], viewer: Viewer | None, now: dt.datetime, request_id: str | None
) -> None:
    """Write lines in the order in which they were applied, in one statement."""
    sent = sent_rows(lines, _LINE_COLUMNS)
    same = {
        "recorded_at": literal(now, PointLine.recorded_at.type),
        "request_id": literal(request_id, PointLine.request_id.type),
        "administrator_id": literal(viewer.administrator_id if viewer else None, BigInteger()),
        "actor_name": literal(viewer.user_name if viewer else ""),
    }
    rows = select(*(sent.c[name] for name in _LINE_COLUMNS), *same.values()).order_by(sent.c.position)
    columns = [*_LINE_COLUMNS, *same]
    db.session.execute(insert(PointLine).from_select(columns, rows, include_defaults=False))


def _carry(balances: dict[int, _Running], now: dt.datetime) -> None:
    """Write the balances as they stand after their lines; below zero since now, or since before."""
    changed = [(key, row.point_balance, row.line_number) for key, row in sorted(balances.items())]
    sent = sent_rows(changed, _BALANCE_COLUMNS)
    since = func.coalesce(PointBalance.negative_since, literal(now, PointBalance.negative_since.type))
    db.session.execute(
        update(PointBalance)
        .where(PointBalance.account_id == sent.c.account_id)
        .values(
            point_balance=sent.c.point_balance,
            last_line_number=sent.c.line_number,
            negative_since=case((sent.c.point_balance < 0, since)),
        )
        .execution_options(synchronize_session=False)
    )


def newest_line_at(account_id: int) -> dt.datetime | None:
    """Return the latest instant that a line of an account bears; None: it has no line."""
    latest = select(func.max(PointLine.recorded_at)).where(PointLine.account_id == account_id)
    return db.session.execute(latest).scalar()


def close(account_id: int) -> None:
    """Close a settled balance for ever: the database then refuses any further line's balance."""
    db.session.execute(
        update(PointBalance).where(PointBalance.account_id == account_id).values(is_closed=True)
    )


@dataclass
class _Running:
    """A balance while lines are applied to it."""

    point_balance: int
    line_number: int

    def apply(self, draft: LineDraft) -> None:
        after = self.point_balance + draft.points
        if not 0 < abs(draft.points) <= LARGEST_LINE_POINTS or abs(after) > LARGEST_BALANCE_POINTS:
            raise PointsOutOfRange(minimum=1, maximum=LARGEST_LINE_POINTS)
        self.point_balance = after
        self.line_number += 1

    def line(self, draft: LineDraft) -> tuple[Any, ...]:
        """Return the line just applied, in the order of _LINE_COLUMNS."""
        return (
            draft.account_id,
            self.line_number,
            draft.kind.value,
            draft.points,
            self.point_balance,
            draft.transfer_id,
            draft.remark,
        )


def check_running(account: Account, now: dt.datetime) -> None:
    """Refuse an account that is not in service, or whose cancellation date has come.

    :raises AccountNotRunning: not 利用中 or 一時停止.
    :raises CancellationUnderWay: 解約処理中.
    """
    if account.status not in RUNNING:
        raise AccountNotRunning(account_id=account.id)
    if is_cancellation_under_way(account.cancellation_date, tokyo_date(now)):
        raise CancellationUnderWay(account_id=account.id)


def check_payer(*, payer_id: int, now: dt.datetime) -> None:
    """Refuse a movement that a person asks for while the paying account's own cancellation is under way.

    :raises PayerLeaving: with payer_name.
    """
    payer = db.session.get_one(Account, payer_id)
    if is_cancellation_under_way(payer.cancellation_date, tokyo_date(now)):
        raise PayerLeaving(payer_name=payer.company_name)


def is_cancellation_under_way(cancellation_date: dt.date | None, today: dt.date) -> bool:
    """Tell whether the cancellation date of a running account has come: it is binding, and nothing moves."""
    return cancellation_date is not None and cancellation_date <= today


def check_stock(*, payer_id: int, points: int, balances: Mapping[int, LockedBalance]) -> None:
    """Refuse what a person asks for when the payer holds less; `balances` must be locked.

    :raises InsufficientStock: with missing_points and payer_name.
    """
    held = balances[payer_id].point_balance
    if held < points:
        payer = db.session.get_one(Account, payer_id)
        is_distributor = payer.account_type is AccountType.PRIVILEGED_MSP
        refusal = DistributorStockTooSmall if is_distributor else InsufficientStock
        raise refusal(missing_points=points - held, held_points=held, payer_name=payer.company_name)
