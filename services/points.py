"""ポイント数更新: what people add, take back and issue by hand."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import aliased

from domain.errors import DomainError
from domain.permissions import AccountType, Permission, Viewer
from domain.points import LARGEST_LINE_POINTS, PointKind, returnable_points
from models import Account, PointBalance, db
from services import access, audit, requests
from services.ledger import (
    AccountNotRunning,
    LineDraft,
    PointsOutOfRange,
    check_running,
    check_stock,
    lock_balances,
    post,
    transfer,
)

#: What a movement is called in the log of the account, and of the parent that pays or gets.
OWN_ACTIONS = {
    PointKind.ADDITION: "points.added",
    PointKind.RETURN: "points.returned",
    PointKind.ISSUE: "points.issued",
}
PARENT_ACTIONS = {PointKind.ADDITION: "points.handed_down", PointKind.RETURN: "points.taken_back"}


class RemarkRequired(DomainError):
    """A return that drives the account below zero must say why."""

    field = "remark"


@dataclass(frozen=True)
class MovementPreview:
    """What a movement by hand would do; payer_* are None when points are issued, not handed down."""

    account: Account
    payer_name: str | None
    point_balance: int
    payer_balance: int | None


@dataclass(frozen=True)
class MovementResult:
    """What a movement did: the balances after it."""

    point_balance: int
    payer_balance: int | None


def movement_permission(account_type: AccountType) -> Permission:
    """Return the permission that moving an account's points by hand takes."""
    if account_type is AccountType.CUSTOMER:
        return Permission.POINTS_CHANGE
    return (
        Permission.POINTS_ISSUE if account_type is AccountType.PRIVILEGED_MSP else Permission.ACCOUNTS_POINTS
    )


def preview_movement(*, viewer: Viewer, account_id: int) -> MovementPreview:
    """Return what the dialog ポイント数更新 shows: the account's points and the paying account's stock.

    :raises AccountNotVisible: when the account is not the viewer's.
    :raises PermissionRefused: when the viewer may not move its points.
    """
    account = access.find_account(viewer=viewer, account_id=account_id, account_types=set(AccountType))
    access.check_permission(viewer=viewer, permission=movement_permission(account.account_type))
    payer = aliased(Account)
    row = db.session.execute(
        select(payer.company_name, PointBalance.point_balance)
        .outerjoin(PointBalance, PointBalance.account_id == payer.id)
        .where(payer.id == account.parent_id, payer.account_type != AccountType.OPERATOR)
    ).one_or_none()
    own = db.session.get(PointBalance, account.id)
    return MovementPreview(
        account=account,
        payer_name=row.company_name if row else None,
        point_balance=own.point_balance if own else 0,
        payer_balance=row.point_balance if row else None,
    )


def add(
    *, viewer: Viewer, account_id: int, points: int, remark: str | None, request_id: str, now: dt.datetime
) -> MovementResult:
    """Hand points (> 0) down from the direct parent, or issue them to a 特権MSP. Source: 現在のポイントの変更.

    :raises InsufficientStock: when the parent holds fewer; carries missing_points and payer_name.
    :raises DomainError: AccountNotVisible, PermissionRefused, AccountNotRunning, CancellationUnderWay,
        PointsOutOfRange, RequestIdReused.
    """
    body = {"do": "add", "account_id": account_id, "points": points, "remark": remark}
    _check_points(points)
    first = requests.begin_request(request_id=request_id, viewer=viewer, body=body, now=now)
    if first is not None:
        return _result(first)
    account = _account_to_move(viewer=viewer, account_id=account_id, now=now)
    if account.account_type is AccountType.PRIVILEGED_MSP:
        drafts = [LineDraft(account.id, PointKind.ISSUE, points, remark=remark)]
    else:
        payer_id = _payer_id(account)
        check_stock(payer_id=payer_id, points=points, balances=lock_balances([account.id, payer_id]))
        drafts = transfer(
            payer_id=payer_id, account_id=account.id, kind=PointKind.ADDITION, points=points, remark=remark
        )
    return _post_movement(account, drafts, viewer, now, request_id)


def take_back(
    *, viewer: Viewer, account_id: int, points: int, remark: str | None, request_id: str, now: dt.datetime
) -> MovementResult:
    """Take points (> 0) back: the parent gets what the account held, the part below zero is consumed.

    From a 特権MSP, issued points are taken back, never more than it holds. Source: 現在のポイントの変更.

    :raises RemarkRequired: when the account would fall below zero without a reason.
    :raises DomainError: as add.
    """
    body = {"do": "take_back", "account_id": account_id, "points": points, "remark": remark}
    _check_points(points)
    first = requests.begin_request(request_id=request_id, viewer=viewer, body=body, now=now)
    if first is not None:
        return _result(first)
    account = _account_to_move(viewer=viewer, account_id=account_id, now=now)
    if account.account_type is AccountType.PRIVILEGED_MSP:
        check_stock(payer_id=account.id, points=points, balances=lock_balances([account.id]))
        drafts = [LineDraft(account.id, PointKind.ISSUE, -points, remark=remark)]
        return _post_movement(account, drafts, viewer, now, request_id)
    payer_id = _payer_id(account)
    held = lock_balances([account.id, payer_id])[account.id].point_balance
    if held < points and not remark:
        raise RemarkRequired(points=points)
    credited = returnable_points(points, held)
    drafts = []
    if credited:
        drafts += transfer(
            payer_id=payer_id, account_id=account.id, kind=PointKind.RETURN, points=-credited, remark=remark
        )
    if points > credited:
        drafts.append(LineDraft(account.id, PointKind.RETURN, credited - points, remark=remark))
    return _post_movement(account, drafts, viewer, now, request_id)


def _check_points(points: int) -> None:
    if not 0 < points <= LARGEST_LINE_POINTS:
        raise PointsOutOfRange(minimum=1, maximum=LARGEST_LINE_POINTS)


def _account_to_move(*, viewer: Viewer, account_id: int, now: dt.datetime) -> Account:
    kind = access.find_account(
        viewer=viewer, account_id=account_id, account_types=set(AccountType)
    ).account_type
    account = access.accounts_to_change(
        viewer=viewer,
        permission=movement_permission(kind),
        account_ids=[account_id],
        account_types=set(AccountType),
    )[0]
    check_running(account, now)
    return account


def _payer_id(account: Account) -> int:
    if account.parent_id is None:
        raise AccountNotRunning(account_id=account.id)
    return account.parent_id


def _post_movement(
    account: Account, drafts: list[LineDraft], viewer: Viewer, now: dt.datetime, request_id: str
) -> MovementResult:
    after = post(drafts=drafts, viewer=viewer, now=now, request_id=request_id)
    _record_movement(account, drafts, after, viewer, now)
    result = {"point_balance": after[account.id]}
    if account.parent_id in after:
        result["payer_balance"] = after[account.parent_id]
    requests.finish_request(request_id=request_id, result=result)
    return _result(result)


def _result(values: dict[str, int]) -> MovementResult:
    return MovementResult(point_balance=values["point_balance"], payer_balance=values.get("payer_balance"))


def _record_movement(
    account: Account, drafts: list[LineDraft], after: dict[int, int], viewer: Viewer, now: dt.datetime
) -> None:
    """Write to the log of the account, and of the parent that pays or gets, whoever pressed the button."""
    kind, remark = drafts[0].kind, drafts[0].remark
    moved = dict.fromkeys((draft.account_id for draft in drafts), 0)
    for draft in drafts:
        moved[draft.account_id] += draft.points
    audit.record(
        action=OWN_ACTIONS[kind],
        viewer=viewer,
        account_id=account.id,
        now=now,
        points=moved.pop(account.id),
        balance_after=after[account.id],
        remark=remark,
    )
    for parent_id, points in moved.items():
        audit.record(
            action=PARENT_ACTIONS[kind],
            viewer=viewer,
            account_id=parent_id,
            now=now,
            company_name=account.company_name,
            account_number=account.account_number,
            points=points,
            balance_after=after[parent_id],
            remark=remark,
        )
