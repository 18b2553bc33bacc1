"""The ledger: the one door through which a balance changes."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select, update

from domain.billing_calendar import tokyo_date
from domain.errors import DomainError
from domain.lifecycle import RUNNING
from domain.permissions import AccountType, Viewer
from domain.points import LARGEST_BALANCE_POINTS, LARGEST_LINE_POINTS, PointKind
from models import Account, PointBalance, PointLine, db
from services import access


class AccountNotRunning(DomainError):
    """The account is not 利用中 or 一時停止: it takes no points and no change."""

    http_status = 409


class CancellationUnderWay(DomainError):
    """解約処理中: the cancellation date has come and is binding; nothing moves until it is settled."""

    http_status = 409


class InsufficientStock(DomainError):
    """The paying account has fewer points than are asked for."""

    field = "points"


class DistributorStockTooSmall(InsufficientStock):
    """The paying account is a distributor, which gets its points from the operator."""


class PointsOutOfRange(DomainError):
    """A line or a balance would leave the range that the ledger keeps."""

    field = "points"


@dataclass(frozen=True)
class LineDraft:
    """A line to be posted; `points` is signed."""

    account_id: int
    kind: PointKind
    points: int
    transfer_id: str | None = None
    billing_date: dt.date | None = None
    corrects_line_id: int | None = None
    remark: str | None = None


def lock_balances(account_ids: Iterable[int]) -> dict[int, PointBalance]:
    """Lock balance rows, deepest level first, then by id, and return them as they are now."""
    statement = (
        select(PointBalance)
        .join(Account, Account.id == PointBalance.account_id)
        .where(PointBalance.account_id.in_(set(account_ids)))
        .order_by(access.depth_expression().desc(), PointBalance.account_id)
        .with_for_update(of=PointBalance)
        .execution_options(populate_existing=True)
    )
    return {balance.account_id: balance for balance in db.session.execute(statement).scalars()}


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
    *, drafts: Sequence[LineDraft], viewer: Viewer | None, now: dt.datetime, request_id: str | None = None
) -> dict[int, int]:
    """Append lines to the ledger and carry the balances along; the only door to a balance.

    Returns account id → balance after. `viewer` None: the clockwork. Locks what it touches.

    :raises AccountNotRunning: when a balance is closed.
    :raises PointsOutOfRange: when a line or a balance would leave its range.
    """
    balances = {
        account_id: _Running(row.point_balance, row.last_line_number, row.negative_since)
        for account_id, row in lock_balances(draft.account_id for draft in drafts).items()
        if not row.is_closed
    }
    lines = []
    for draft in drafts:
        if draft.account_id not in balances:
            raise AccountNotRunning(account_id=draft.account_id)
        running = balances[draft.account_id]
        running.apply(draft, now)
        lines.append(running.line(draft, viewer, now, request_id))
    if lines:
        # One statement: without this, rows are regrouped by which columns are NULL.
        db.session.execute(insert(PointLine).execution_options(render_nulls=True), lines)
        db.session.execute(update(PointBalance), [row.as_row(key) for key, row in balances.items()])
    return {account_id: running.point_balance for account_id, running in balances.items()}


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
    negative_since: dt.datetime | None

    def apply(self, draft: LineDraft, now: dt.datetime) -> None:
        after = self.point_balance + draft.points
        if not 0 < abs(draft.points) <= LARGEST_LINE_POINTS or abs(after) > LARGEST_BALANCE_POINTS:
            raise PointsOutOfRange(minimum=1, maximum=LARGEST_LINE_POINTS)
        self.point_balance = after
        self.line_number += 1
        self.negative_since = (self.negative_since or now) if after < 0 else None

    def line(
        self, draft: LineDraft, viewer: Viewer | None, now: dt.datetime, request_id: str | None
    ) -> dict[str, object]:
        return {
            "account_id": draft.account_id,
            "line_number": self.line_number,
            "kind": draft.kind,
            "points": draft.points,
            "balance_after": self.point_balance,
            "recorded_at": now,
            "transfer_id": draft.transfer_id,
            "request_id": request_id,
            "corrects_line_id": draft.corrects_line_id,
            "billing_date": draft.billing_date,
            "administrator_id": viewer.administrator_id if viewer else None,
            "actor_name": viewer.user_name if viewer else "",
            "remark": draft.remark,
        }

    def as_row(self, account_id: int) -> dict[str, object]:
        return {
            "account_id": account_id,
            "point_balance": self.point_balance,
            "last_line_number": self.line_number,
            "negative_since": self.negative_since,
        }


def check_running(account: Account, now: dt.datetime) -> None:
    """Refuse an account that is not in service, or whose cancellation date has come.

    :raises AccountNotRunning: not 利用中 or 一時停止.
    :raises CancellationUnderWay: 解約処理中.
    """
    if account.status not in RUNNING:
        raise AccountNotRunning(account_id=account.id)
    if account.cancellation_date is not None and account.cancellation_date <= tokyo_date(now):
        raise CancellationUnderWay(account_id=account.id)


def check_stock(*, payer_id: int, points: int, balances: dict[int, PointBalance]) -> None:
    """Refuse what a person asks for when the payer holds less; `balances` must be locked.

    :raises InsufficientStock: with missing_points and payer_name.
    """
    held = balances[payer_id].point_balance
    if held < points:
        payer = db.session.get_one(Account, payer_id)
        is_distributor = payer.account_type is AccountType.PRIVILEGED_MSP
        refusal = DistributorStockTooSmall if is_distributor else InsufficientStock
        raise refusal(missing_points=points - max(held, 0), held_points=held, payer_name=payer.company_name)
