"""Which rows a viewer may see and change: scope, permission and lock in one place."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, func, select
from sqlalchemy.orm import InstrumentedAttribute

from domain.errors import DomainError
from domain.lifecycle import RUNNING
from domain.permissions import DEPTH, AccountType, Permission, Viewer
from models import Account, db
from services import row_scope
from services.sent_rows import is_among

CUSTOMERS = frozenset({AccountType.CUSTOMER})
#: The types of MSPアカウント一覧.
MSP_TYPES = frozenset({AccountType.PRIVILEGED_MSP, AccountType.MSP, AccountType.SUPPORT})


class AccountNotVisible(DomainError):
    """An account is not there, or not this viewer's: the same answer."""

    http_status = 404


class PermissionRefused(DomainError):
    """The viewer's account type and level do not include the permission."""

    http_status = 403


def scope(viewer: Viewer, account: type[Account] = Account) -> ColumnElement[bool]:
    """Return the condition on Account that holds for the rows below a viewer; its own account is not one.

    `account` may be an alias of Account.
    """
    if viewer.account_type is AccountType.OPERATOR:
        return account.account_type != AccountType.OPERATOR
    if viewer.account_type is AccountType.PRIVILEGED_MSP:
        return account.privileged_msp_id == viewer.account_id
    if viewer.account_type is AccountType.MSP:
        return account.parent_id == viewer.account_id
    if viewer.account_type is AccountType.SUPPORT:
        return and_(
            account.support_account_id == viewer.account_id, account.account_type == AccountType.CUSTOMER
        )
    return false()


def history_scope(viewer: Viewer, account: type[Account] = Account) -> ColumnElement[bool]:
    """Return the condition for ポイント履歴 and 操作ログ: the rows below a viewer and its own account."""
    return scope(viewer, account) | (account.id == viewer.account_id)


def depth_expression(
    account_type: InstrumentedAttribute[AccountType] = Account.account_type,
) -> ColumnElement[int]:
    """Return an account's depth in the tree as SQL: 3 for a customer … 0 for the operator."""
    return case(*((account_type == kind, depth) for kind, depth in DEPTH.items()), else_=0)


def check_permission(*, viewer: Viewer, permission: Permission) -> None:
    """Refuse a viewer who has not a permission.

    :raises PermissionRefused: when it is not granted.
    """
    if not viewer.can(permission):
        raise PermissionRefused(permission=permission)


def find_account(
    *, viewer: Viewer, account_id: int, account_types: Collection[AccountType] = CUSTOMERS
) -> Account:
    """Return an account below the viewer, unlocked, for a page.

    :raises AccountNotVisible: when it is not there or not the viewer's.
    """
    account = db.session.execute(
        select(Account).where(
            Account.id == account_id, scope(viewer), Account.account_type.in_(account_types)
        )
    ).scalar_one_or_none()
    if account is None:
        raise AccountNotVisible(account_id=account_id)
    return account


def accounts_to_change(
    *,
    viewer: Viewer,
    permission: Permission,
    account_ids: Sequence[int],
    account_types: Collection[AccountType] = CUSTOMERS,
) -> list[Account]:
    """Return the accounts that a viewer is about to change, locked, in the order in which ids were given.

    Locks are taken deepest level first, then by id; one account that is not the viewer's refuses all.

    :raises PermissionRefused: when the viewer has not the permission.
    :raises AccountNotVisible: when any id is not there or not the viewer's.
    """
    check_permission(viewer=viewer, permission=permission)
    wanted = list(dict.fromkeys(account_ids))
    statement = _locking(select(Account), viewer, wanted, account_types)
    found = {account.id: account for account in db.session.execute(statement).scalars()}
    _check_all_found(wanted, found)
    return [found[account_id] for account_id in wanted]


def lock_customers(*, viewer: Viewer, permission: Permission, account_ids: Sequence[int]) -> list[int]:
    """Lock customers, each given once, as `accounts_to_change` does; return the ids of their parents.

    For thousands of them: none is loaded.

    :raises PermissionRefused: :raises AccountNotVisible: as there.
    """
    check_permission(viewer=viewer, permission=permission)
    ids: Select[Any] = select(Account.id, Account.parent_id)  # type: ignore[assignment]
    locked = _locking(ids, viewer, account_ids, CUSTOMERS).subquery()
    parents = select(locked.c.parent_id, func.count()).group_by(locked.c.parent_id)
    found = db.session.execute(parents).all()
    if sum(count for _parent_id, count in found) != len(account_ids):
        raise AccountNotVisible
    return [parent_id for parent_id, _count in found]


def _locking(
    statement: Select[Any], viewer: Viewer, account_ids: Sequence[int], account_types: Collection[AccountType]
) -> Select[Any]:
    return (
        statement.where(
            is_among(Account.id, account_ids), scope(viewer), Account.account_type.in_(account_types)
        )
        .order_by(depth_expression().desc(), Account.id)
        .with_for_update(key_share=True, of=Account)
        .execution_options(populate_existing=True)
    )


def _check_all_found(account_ids: Sequence[int], found: Collection[int]) -> None:
    missing = [account_id for account_id in account_ids if account_id not in found]
    if missing:
        raise AccountNotVisible(account_id=missing[0])


def support_accounts_of(*, viewer: Viewer, privileged_msp_id: int | None = None) -> list[tuple[int, str]]:
    """Return (id, "number 会社名") of the running support accounts of a viewer's own 特権MSP.

    A look-up of its own: nothing else of them is shown. The operator has all, or those of the 特権MSP that
    is named. Source: サポートアカウント.
    """
    statement = (
        select(Account.id, Account.account_number, Account.company_name)
        .where(Account.account_type == AccountType.SUPPORT, Account.status.in_(RUNNING))
        .order_by(Account.company_name, Account.id)
    )
    if viewer.account_type is AccountType.PRIVILEGED_MSP:
        statement = statement.where(Account.privileged_msp_id == viewer.account_id)
    elif viewer.account_type is not AccountType.OPERATOR:
        own = select(Account.privileged_msp_id).where(Account.id == viewer.account_id).scalar_subquery()
        statement = statement.where(Account.privileged_msp_id == own)
    if privileged_msp_id is not None:
        statement = statement.where(Account.privileged_msp_id == privileged_msp_id)
    return _look_up(statement)


def assigned_support_account(account: Account) -> list[tuple[int, str]]:
    """Return (id, "number 会社名") of the support account that looks after an account, whether it runs or not."""
    columns = select(Account.id, Account.account_number, Account.company_name)
    return _look_up(columns.where(Account.id == account.support_account_id))


def _look_up(statement: Select[int, str | None, str]) -> list[tuple[int, str]]:
    with row_scope.beyond("support accounts stand beside an MSP, not below it: number and name alone"):
        rows = db.session.execute(statement).all()
    return [(row.id, f"{row.account_number} {row.company_name}") for row in rows]
