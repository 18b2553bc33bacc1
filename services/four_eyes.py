"""二人承認: what waits for a second person, and who that may be.

The services that move points ask `check` right before they write, so that no screen, command or interface can
forget it; only what services/approvals.py has just approved passes. Source: docs/rules.md R19.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import aliased

from domain.errors import DomainError
from domain.four_eyes import PAYER_TYPES, ApprovalState, approving_levels, needs_approval
from domain.lifecycle import RUNNING
from domain.permissions import AccountType, Viewer
from models import Account, Administrator, ApprovalRequest, FourEyesRule, db
from services import row_scope

#: Why the people of the account above are looked at.
COUNTED_ABOVE = "people of the account above are counted, and nothing else is told of them"
#: What an event of a movement says of the request that it was approved by.
EVENT_FACTS = ("approval_number", "requester_id", "requester_account_id")


class ApprovalRequired(DomainError):
    """So many points wait for a second person; carries points, threshold_points and account_id (who pays)."""

    http_status = 409


@dataclass(frozen=True)
class Approval:
    """What a second person has just said yes to: made by services/approvals.py, of a request that it holds locked."""

    request: ApprovalRequest
    approver_id: int
    #: What was shown to him.
    points: int


def thresholds_of(account_ids: set[int]) -> dict[int, int]:
    """Return the threshold of each of some paying accounts that has a rule."""
    statement = select(FourEyesRule.account_id, FourEyesRule.threshold_points).where(
        FourEyesRule.account_id.in_(account_ids)
    )
    return {row.account_id: row.threshold_points for row in db.session.execute(statement)}


def threshold_of(account_id: int | None) -> int | None:
    """Return the threshold of a paying account; None: no rule."""
    return None if account_id is None else thresholds_of({account_id}).get(account_id)


def waiting_payers(points_by_payer: Mapping[int, int]) -> set[int]:
    """Return the payers for whom so many points (≥ 0) wait for a second person."""
    thresholds = thresholds_of(set(points_by_payer))
    return {
        payer_id
        for payer_id, points in points_by_payer.items()
        if needs_approval(points, thresholds.get(payer_id))
    }


def check(*, points_by_payer: Mapping[int, int], viewer: Viewer, approval: Approval | None) -> None:
    """Refuse points that wait for a second person, unless this very person approves them in this transaction.

    The rows must be locked. The operator holds no points and has no rule.

    :raises ApprovalRequired: with the first payer of whom that holds.
    """
    if approval is not None and _covers(approval, points_by_payer, viewer):
        return
    for payer_id in sorted(waiting_payers(points_by_payer)):
        raise ApprovalRequired(
            account_id=payer_id, points=points_by_payer[payer_id], threshold_points=threshold_of(payer_id)
        )


def _covers(approval: Approval, points_by_payer: Mapping[int, int], viewer: Viewer) -> bool:
    request = approval.request
    return (
        request.state is ApprovalState.OPEN
        and approval.approver_id == viewer.administrator_id != request.requester_id
        and set(points_by_payer) <= {request.account_id}
        and sum(points_by_payer.values()) <= approval.points
    )


def check_first_answer(first: Mapping[str, int]) -> None:
    """Refuse a request that was sent before and became an approval request then.

    :raises ApprovalRequired: when it did; asking again gives that request.
    """
    if "approval_count" in first:
        raise ApprovalRequired(account_id=0, points=first["approval_points"], threshold_points=0)


def event_facts(approval: Approval | None) -> dict[str, Any]:
    """Return what an event of a movement says of the request that it was approved by: who asked for it."""
    if approval is None:
        return {}
    request = approval.request
    with row_scope.beyond("somebody above may have asked: only the id of his account is kept"):
        requester = db.session.get_one(Administrator, request.requester_id)
    return {
        "approval_number": request.id,
        "requester_id": request.requester_id,
        "requester_account_id": requester.account_id,
    }


def is_near(viewer: Viewer, payer: type[Account] = Account) -> ColumnElement[bool]:
    """Return the condition for the paying accounts whose people, or the people right above whom, a viewer is."""
    own_or_child = or_(payer.id == viewer.account_id, payer.parent_id == viewer.account_id)
    return and_(own_or_child, payer.account_type.in_(PAYER_TYPES))


def near_account_ids(*, viewer: Viewer, account_ids: Collection[int]) -> set[int]:
    """Return those of some paying accounts whose people, or the people right above whom, a viewer is."""
    found = select(Account.id).where(Account.id.in_(account_ids), is_near(viewer))
    return set(db.session.execute(found).scalars())


def may_approve_as(person: type[Administrator], home: type[Account]) -> ColumnElement[bool]:
    """Return the condition for people (with their account) who can sign in and hold the permission.

    Locked passes by itself and counts; without a password one cannot sign in yet and does not.
    """
    levels = [
        and_(home.account_type == kind, person.level.in_(approving_levels(kind)))
        for kind in (AccountType.OPERATOR, *PAYER_TYPES)
    ]
    return and_(
        person.is_disabled.is_(False),
        person.password_hash.is_not(None),
        home.status.in_(RUNNING),
        or_(*levels),
    )


def approver_count(payer: type[Account] = Account) -> ColumnElement[int]:
    """Return how many people may approve for a paying account, as SQL: its own and those right above it.

    It looks beyond the rows of the paying account: for a list whose source says so.
    """
    person, home = aliased(Administrator), aliased(Account)
    return (
        select(func.count(person.id))
        .join(home, home.id == person.account_id)
        .where(or_(home.id == payer.id, home.id == payer.parent_id), may_approve_as(person, home))
        .correlate(payer)
        .scalar_subquery()
    )


def count_approvers(account_id: int, *, without: int | None = None) -> int:
    """Return how many people may approve for a paying account; `without` leaves one administrator out."""
    person, home, payer = aliased(Administrator), aliased(Account), aliased(Account)
    statement = (
        select(func.count(person.id))
        .select_from(payer)
        .join(home, or_(home.id == payer.id, home.id == payer.parent_id))
        .join(person, person.account_id == home.id)
        .where(payer.id == account_id, may_approve_as(person, home))
    )
    if without is not None:
        statement = statement.where(person.id != without)
    with row_scope.beyond(COUNTED_ABOVE):
        return db.session.execute(statement).scalar_one()


def is_open(now: dt.datetime) -> ColumnElement[bool]:
    """Return the condition for requests that can still be approved."""
    return and_(ApprovalRequest.state == ApprovalState.OPEN, ApprovalRequest.expires_at > now)


def is_expired(now: dt.datetime) -> ColumnElement[bool]:
    """Return the condition for open requests that cannot be approved any more, marked by the tick or not."""
    return and_(ApprovalRequest.state == ApprovalState.OPEN, ApprovalRequest.expires_at <= now)
