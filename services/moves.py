"""別のMSPへ移動: customers change their MSP within one 特権MSP; their lines and points stay with them.

One function makes the plan for the preview and, again under lock, for the move. Source: docs/rules.md R15.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import aliased

from domain.errors import DomainError
from domain.lifecycle import RUNNING
from domain.permissions import PARENTS, AccountType, Permission, Viewer
from models import Account, PointBalance, db
from services import access, audit, cut_gate, requests
from services.estimates import estimate_columns
from services.ledger import lock_balances
from services.move_obstacles import MoveObstacle, find_obstacles

LARGEST_MOVE = 10_000


class NothingToMove(DomainError):
    """No account is chosen."""


class TooManyToMove(DomainError):
    """More accounts are chosen than one move takes; carries maximum."""


class TargetUnknown(DomainError):
    """The MSP to move to is not chosen, not the viewer's, or does not run."""

    field = "target_id"


class MoveObstructed(DomainError):
    """At least one row cannot be moved, so that none is; carries account_count."""

    http_status = 409


class MovePlanChanged(DomainError):
    """The rows are no longer as they were shown."""

    http_status = 409


@dataclass(frozen=True)
class MoveRow:
    """A chosen customer: where it is, what it holds, and why it cannot be moved; None: it can."""

    account_id: int
    account_number: str
    company_name: str
    parent_id: int
    parent_name: str
    point_balance: int
    obstacle: MoveObstacle | None


@dataclass(frozen=True)
class MovePlan:
    """What a move would do, row by row; target None: none is chosen yet."""

    rows: tuple[MoveRow, ...]
    target_id: int | None
    target_name: str

    @property
    def obstructed_count(self) -> int:
        """How many rows stand against the move of all."""
        return sum(row.obstacle is not None for row in self.rows)

    @property
    def total_points(self) -> int:
        """Points that move along."""
        return sum(row.point_balance for row in self.rows)

    @property
    def digest(self) -> str:
        """Fingerprint of what is shown: the target, and each row with its MSP and its points."""
        shown = [[row.account_id, row.parent_id, row.point_balance] for row in self.rows]
        return hashlib.sha256(json.dumps([self.target_id, shown]).encode()).hexdigest()


def possible_targets(*, viewer: Viewer, account_ids: Sequence[int]) -> list[tuple[int, str]]:
    """Return (id, "number 会社名") of the accounts to which customers may go, the 特権MSP itself first.

    Only of the 特権MSP to which the chosen customers belong. Nobody is offered who is about to leave.
    """
    distributors = select(Account.privileged_msp_id).where(Account.id.in_(account_ids), access.scope(viewer))
    target = aliased(Account)
    statement = (
        select(target.id, target.account_number, target.company_name)
        .where(
            access.scope(viewer, target) | (target.id == viewer.account_id),
            target.account_type.in_(PARENTS[AccountType.CUSTOMER]),
            target.status.in_(RUNNING),
            target.cancellation_date.is_(None),
            target.privileged_msp_id.in_(distributors) | target.id.in_(distributors),
        )
        .order_by((target.account_type == AccountType.PRIVILEGED_MSP).desc(), target.company_name, target.id)
    )
    return [(row.id, f"{row.account_number} {row.company_name}") for row in db.session.execute(statement)]


def plan_move(
    *, viewer: Viewer, account_ids: Sequence[int], target_id: int | None, now: dt.datetime
) -> MovePlan:
    """Return what a move of the chosen customers would do, in the order given, without changing anything.

    :raises DomainError: PermissionRefused, NothingToMove, TooManyToMove, TargetUnknown, AccountNotVisible
        (any foreign id refuses all).
    """
    access.check_permission(viewer=viewer, permission=Permission.CUSTOMERS_MOVE)
    wanted = list(dict.fromkeys(account_ids))
    if not wanted:
        raise NothingToMove
    if len(wanted) > LARGEST_MOVE:
        raise TooManyToMove(maximum=LARGEST_MOVE)
    found = {row.id: row for row in _rows(viewer, wanted, now)}
    for account_id in wanted:
        if account_id not in found:
            raise access.AccountNotVisible(account_id=account_id)
    target = None if target_id is None else _target(viewer, wanted, target_id)
    obstacles = find_obstacles(found.values(), target, now)
    return MovePlan(
        rows=tuple(_row(found[account_id], obstacles.get(account_id)) for account_id in wanted),
        target_id=target.id if target else None,
        target_name=target.company_name if target else "",
    )


def move(
    *,
    viewer: Viewer,
    account_ids: Sequence[int],
    target_id: int | None,
    digest: str,
    request_id: str,
    now: dt.datetime,
) -> MovePlan:
    """Move the customers as it was shown, all or none; return the plan that was carried out.

    The same request sent again changes nothing.

    :raises MovePlanChanged: when a row, its points or the target is not as shown.
    :raises MoveObstructed: when any row cannot be moved.
    :raises DomainError: as plan_move; TargetUnknown also without a target; RequestIdReused.
    """
    if target_id is None:
        raise TargetUnknown
    body = {"do": "move", "ids": list(account_ids), "target_id": target_id, "digest": digest}
    first = requests.begin_request(request_id=request_id, viewer=viewer, body=body, now=now)
    if first is not None:
        return _carried_out_before(viewer, account_ids, target_id, now)
    now = cut_gate.pass_gate(now)
    customers = access.accounts_to_change(
        viewer=viewer, permission=Permission.CUSTOMERS_MOVE, account_ids=account_ids
    )
    _lock({target_id, *(customer.parent_id or 0 for customer in customers)})
    lock_balances(customer.id for customer in customers)
    plan = plan_move(viewer=viewer, account_ids=account_ids, target_id=target_id, now=now)
    if plan.digest != digest:
        raise MovePlanChanged
    if plan.obstructed_count:
        raise MoveObstructed(account_count=plan.obstructed_count)
    for customer in customers:
        customer.parent_id = target_id
    db.session.flush()
    _record(plan, viewer, now)
    requests.finish_request(request_id=request_id, result={"moved_count": len(plan.rows)})
    return plan


def _carried_out_before(
    viewer: Viewer, account_ids: Sequence[int], target_id: int, now: dt.datetime
) -> MovePlan:
    """Whether the MSP that they went to still takes customers does not matter any more."""
    plan = plan_move(viewer=viewer, account_ids=account_ids, target_id=None, now=now)
    target = db.session.get_one(Account, target_id)
    return replace(plan, target_id=target_id, target_name=target.company_name)


def _target(viewer: Viewer, account_ids: Sequence[int], target_id: int) -> Account:
    offered = {key for key, _words in possible_targets(viewer=viewer, account_ids=account_ids)}
    if target_id not in offered:
        raise TargetUnknown(target_id=target_id)
    return db.session.get_one(Account, target_id)


def _rows(viewer: Viewer, account_ids: Sequence[int], now: dt.datetime) -> Any:
    parent = aliased(Account)
    statement = (
        select(
            Account.id,
            Account.account_number,
            Account.company_name,
            Account.status,
            Account.cancellation_date,
            Account.parent_id,
            Account.privileged_msp_id,
            parent.company_name.label("parent_name"),
            PointBalance.point_balance,
            estimate_columns(now).unposted_fee_points.label("unposted_fee_points"),
        )
        .join(parent, parent.id == Account.parent_id)
        .outerjoin(PointBalance, PointBalance.account_id == Account.id)
        .where(Account.id.in_(account_ids), access.scope(viewer), Account.account_type.in_(access.CUSTOMERS))
    )
    return db.session.execute(statement)


def _row(row: Any, obstacle: MoveObstacle | None) -> MoveRow:
    return MoveRow(
        account_id=row.id,
        account_number=row.account_number or "",
        company_name=row.company_name,
        parent_id=row.parent_id,
        parent_name=row.parent_name,
        point_balance=row.point_balance or 0,
        obstacle=obstacle,
    )


def _lock(account_ids: set[int]) -> None:
    """Lock the accounts above, after the customers: nobody is canceled while customers come to it."""
    above = select(Account.id).where(Account.id.in_(account_ids)).with_for_update(key_share=True)
    db.session.execute(above.order_by(access.depth_expression().desc(), Account.id)).all()


def _record(plan: MovePlan, viewer: Viewer, now: dt.datetime) -> None:
    """Write to the log of each customer, of each MSP that loses some, and of the one that gets them."""
    details = {
        row.account_id: {
            "old_parent_id": row.parent_id,
            "new_parent_id": plan.target_id,
            "point_balance": row.point_balance,
        }
        for row in plan.rows
    }
    audit.record_many(action="customer.moved", viewer=viewer, now=now, details=details)
    moved: dict[int, list[MoveRow]] = {}
    for row in plan.rows:
        moved.setdefault(row.parent_id, []).append(row)
    for parent_id, rows in moved.items():
        _record_above("customers.moved_out", parent_id, rows, viewer, now)
    assert plan.target_id is not None  # a move without one is refused
    _record_above("customers.moved_in", plan.target_id, plan.rows, viewer, now)


def _record_above(
    action: str, account_id: int, rows: Sequence[MoveRow], viewer: Viewer, now: dt.datetime
) -> None:
    audit.record(
        action=action,
        viewer=viewer,
        account_id=account_id,
        now=now,
        account_count=len(rows),
        total_points=sum(row.point_balance for row in rows),
        account_numbers=[row.account_number for row in rows],
    )
