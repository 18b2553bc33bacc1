"""ポイント数更新: what people add, take back and issue by hand."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import aliased

from domain.errors import DomainError
from domain.fresh_sign_in import check_fresh_for_points
from domain.permissions import AccountType, Permission, Viewer
from domain.points import LARGEST_LINE_POINTS, PointKind, returnable_points
from models import Account, PointBalance, db
from services import access, four_eyes, requests
from services.ledger import (
    AccountNotRunning,
    LineDraft,
    PointsOutOfRange,
    check_payer,
    check_running,
    check_stock,
    lock_balances,
    post,
    transfer,
)
from services.movement_events import record_movement


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


@dataclass(frozen=True)
class Movement:
    """What a person asks for: points (> 0) to an account, or from it."""

    account_id: int
    is_addition: bool
    points: int
    remark: str | None = None

    @property
    def body(self) -> dict[str, object]:
        """What a request id stands for."""
        return {
            "do": "add" if self.is_addition else "take_back",
            "account_id": self.account_id,
            "points": self.points,
            "remark": self.remark,
        }


@dataclass(frozen=True)
class PreparedMovement:
    """A movement whose account and balances are locked and that nothing but a second person can stand against.

    `payer_id` None: issued, not handed down. `consumed_points` (≥ 0): taken back and credited to nobody.
    """

    account: Account
    payer_id: int | None
    drafts: list[LineDraft]
    points: int
    consumed_points: int = 0


def add(
    *, viewer: Viewer, account_id: int, points: int, remark: str | None, request_id: str, now: dt.datetime
) -> MovementResult:
    """Hand points (> 0) down from the direct parent, or issue them to a 特権MSP. Source: 現在のポイントの変更.

    :raises InsufficientStock: when the parent holds fewer; carries missing_points and payer_name.
    :raises ApprovalRequired: when so many points of the parent wait for a second person.
    :raises DomainError: AccountNotVisible, PermissionRefused, AccountNotRunning, CancellationUnderWay,
        PayerLeaving, PointsOutOfRange, RequestIdReused, FreshSignInNeeded.
    """
    return _move(Movement(account_id, True, points, remark), viewer=viewer, request_id=request_id, now=now)


def take_back(
    *, viewer: Viewer, account_id: int, points: int, remark: str | None, request_id: str, now: dt.datetime
) -> MovementResult:
    """Take points (> 0) back: the parent gets what the account held, the part below zero is consumed.

    From a 特権MSP, issued points are taken back, never more than it holds. Source: 現在のポイントの変更.

    :raises RemarkRequired: when the account would fall below zero without a reason.
    :raises DomainError: as add.
    """
    return _move(Movement(account_id, False, points, remark), viewer=viewer, request_id=request_id, now=now)


def _move(movement: Movement, *, viewer: Viewer, request_id: str, now: dt.datetime) -> MovementResult:
    check_points(movement.points)
    first = requests.begin_request(request_id=request_id, viewer=viewer, body=movement.body, now=now)
    if first is not None:
        four_eyes.check_first_answer(first)
        return MovementResult(first["point_balance"], first.get("payer_balance"))
    prepared = prepare(movement, viewer=viewer, now=now)
    result = carry_out(prepared, viewer=viewer, request_id=request_id, now=now)
    kept = {"point_balance": result.point_balance}
    if result.payer_balance is not None:
        kept["payer_balance"] = result.payer_balance
    requests.finish_request(request_id=request_id, result=kept)
    return result


def prepare(movement: Movement, *, viewer: Viewer, now: dt.datetime) -> PreparedMovement:
    """Lock what a movement touches and return what it would write.

    :raises DomainError: as add and take_back, but for ApprovalRequired and what is wrong with a request id.
    """
    account = _account_to_move(viewer=viewer, account_id=movement.account_id, now=now)
    check_fresh_for_points(viewer, movement.points, now)
    if account.account_type is AccountType.PRIVILEGED_MSP:
        return _prepare_issue(movement, account)
    payer_id = _payer_id(account)
    check_payer(payer_id=payer_id, now=now)
    balances = lock_balances([account.id, payer_id])
    if movement.is_addition:
        check_stock(payer_id=payer_id, points=movement.points, balances=balances)
        drafts = transfer(
            payer_id=payer_id,
            account_id=account.id,
            kind=PointKind.ADDITION,
            points=movement.points,
            remark=movement.remark,
        )
        return PreparedMovement(account, payer_id, drafts, movement.points)
    return _prepare_return(movement, account, payer_id, balances[account.id].point_balance)


def _prepare_issue(movement: Movement, account: Account) -> PreparedMovement:
    points = movement.points if movement.is_addition else -movement.points
    if points < 0:
        check_stock(payer_id=account.id, points=-points, balances=lock_balances([account.id]))
    drafts = [LineDraft(account.id, PointKind.ISSUE, points, remark=movement.remark)]
    return PreparedMovement(account, None, drafts, movement.points)


def _prepare_return(movement: Movement, account: Account, payer_id: int, held: int) -> PreparedMovement:
    points, remark = movement.points, movement.remark
    if lacks_remark(movement, held):
        raise RemarkRequired(points=points)
    credited = returnable_points(points, held)
    drafts = []
    if credited:
        drafts += transfer(
            payer_id=payer_id, account_id=account.id, kind=PointKind.RETURN, points=-credited, remark=remark
        )
    if points > credited:
        drafts.append(LineDraft(account.id, PointKind.RETURN, credited - points, remark=remark))
    return PreparedMovement(account, payer_id, drafts, points, points - credited)


def lacks_remark(movement: Movement, held: int) -> bool:
    """Tell whether a movement would drive an account that holds so many points below zero and does not say why."""
    return not movement.is_addition and held < movement.points and not movement.remark


def check_points(points: int) -> None:
    """Refuse a number that no line could carry. :raises PointsOutOfRange:"""
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


def carry_out(
    prepared: PreparedMovement,
    *,
    viewer: Viewer,
    request_id: str,
    now: dt.datetime,
    approval: four_eyes.Approval | None = None,
) -> MovementResult:
    """Write a movement that was prepared in this transaction.

    :raises ApprovalRequired: when it waits for a second person and `approval` is not his.
    """
    account, payer_id = prepared.account, prepared.payer_id
    if payer_id is not None:
        four_eyes.check(points_by_payer={payer_id: prepared.points}, viewer=viewer, approval=approval)
    after = post(drafts=prepared.drafts, viewer=viewer, now=now, request_id=request_id)
    record_movement(prepared, after, viewer, now, four_eyes.event_facts(approval))
    return MovementResult(after[account.id], after.get(payer_id) if payer_id else None)
