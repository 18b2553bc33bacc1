"""Which approval requests a viewer sees, who may decide one, whether it still stands. Source: docs/rules.md R19."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ColumnElement, select

from domain.errors import DomainError
from domain.four_eyes import CANCELING, ApprovalKind, ApprovalState
from domain.permissions import Permission, Viewer
from models import Account, ApprovalRequest, db
from services import access, principals, row_scope
from services.access import PermissionRefused
from services.actor_names import Actors
from services.approval_subjects import type_of_subject
from services.cancellation_previews import cancellation_permission
from services.points import movement_permission


class ApprovalNotVisible(DomainError):
    """A request is not there, or of an account that the viewer does not see: the same answer."""

    http_status = 404


class ApprovalDecided(DomainError):
    """The request is not open any more: approved, rejected or withdrawn."""

    http_status = 409


class ApprovalExpired(DomainError):
    """The time in which the request could be approved is over; carries expired_at."""

    http_status = 409


class OwnRequest(DomainError):
    """Who asks cannot approve or reject: somebody else must."""

    http_status = 409


class NotTheRequester(DomainError):
    """Only who asked can withdraw a request; others reject it."""

    http_status = 409


class RequesterMayNot(DomainError):
    """Who asked was disabled, deleted or lost the permission since: his request is carried out by nobody."""

    http_status = 409


def seen(viewer: Viewer, payer: type[Account]) -> ColumnElement[bool]:
    """Return the condition for the paying accounts of whose requests a viewer is told: his own and those below."""
    return access.history_scope(viewer, payer)


def find_request(*, viewer: Viewer, approval_id: int, is_locked: bool = False) -> ApprovalRequest:
    """Return a request, locked for a decision or not, for a page.

    :raises PermissionRefused: when the viewer may see none.
    :raises ApprovalNotVisible: when it is not there or not of an account that he sees.
    """
    access.check_permission(viewer=viewer, permission=Permission.APPROVALS_VIEW)
    statement = (
        select(ApprovalRequest)
        .join(Account, Account.id == ApprovalRequest.account_id)
        .where(ApprovalRequest.id == approval_id, seen(viewer, Account))
        .execution_options(populate_existing=True)
    )
    if is_locked:
        statement = statement.with_for_update(key_share=True, of=ApprovalRequest)
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise ApprovalNotVisible(approval_id=approval_id)
    return found


def permission_of(request: ApprovalRequest) -> Permission:
    """Return the permission that doing what is asked for takes."""
    if request.kind is ApprovalKind.RULE_CHANGE:
        return Permission.FOUR_EYES_CHANGE
    if request.kind is ApprovalKind.REFILL:
        return Permission.POINTS_CHANGE
    of_type = cancellation_permission if request.kind in CANCELING else movement_permission
    return of_type(type_of_subject(request))


def is_possible_approver(viewer: Viewer, request: ApprovalRequest) -> bool:
    """Tell whether a viewer is of the paying account or of the one right above it, and holds the permission."""
    payer = db.session.get_one(Account, request.account_id)
    return viewer.account_id in (payer.id, payer.parent_id) and viewer.can(permission_of(request))


def state_at(request: ApprovalRequest, now: dt.datetime) -> ApprovalState:
    """Return the state as it counts: an open request whose time is over has expired, marked or not."""
    is_over = request.state is ApprovalState.OPEN and request.expires_at <= now
    return ApprovalState.EXPIRED if is_over else request.state


def check_open(request: ApprovalRequest, now: dt.datetime) -> None:
    """Refuse what is decided or expired. :raises ApprovalDecided: :raises ApprovalExpired:"""
    state = state_at(request, now)
    if state is ApprovalState.EXPIRED:
        raise ApprovalExpired(expired_at=request.expires_at)
    if state is not ApprovalState.OPEN:
        raise ApprovalDecided(state=state)


def check_decider(viewer: Viewer, request: ApprovalRequest) -> None:
    """Refuse who is not another possible approver.

    :raises OwnRequest: who asked himself. :raises PermissionRefused: not one of those who may.
    """
    if viewer.administrator_id == request.requester_id:
        raise OwnRequest
    if not is_possible_approver(viewer, request):
        raise PermissionRefused(permission=permission_of(request))


def check_requester(request: ApprovalRequest) -> None:
    """Refuse a request whose requester could not ask for it any more. :raises RequesterMayNot:"""
    permission = permission_of(request)
    with row_scope.beyond("somebody above may have asked; nothing of him is shown"):
        may_ask = principals.may_still(
            administrator_id=request.requester_id,
            permission=permission,
            account_id=request.account_id,
            or_of_own=True,
        )
    if not may_ask:
        raise RequesterMayNot


def names_of(*, request: ApprovalRequest, viewer: Viewer) -> dict[str, str]:
    """Return who asked ("requester") and who decided ("decider"; absent: nobody), as a viewer may know them."""
    asked, decided = (
        Actors(viewer, ApprovalRequest.requester_id),
        Actors(viewer, ApprovalRequest.decided_by_id),
    )
    statement = decided.joined(asked.joined(select(ApprovalRequest.id).select_from(ApprovalRequest)))
    row = db.session.execute(
        statement.where(ApprovalRequest.id == request.id).add_columns(
            asked.name().label("requester"), decided.name().label("decider")
        )
    ).one()
    names = {"requester": row.requester}
    return names | ({"decider": row.decider} if request.decided_by_id is not None else {})
