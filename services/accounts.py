"""Changes of a running customer account that move no points: profile, users, contract date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from domain.billing_calendar import tokyo_date
from domain.errors import DomainError
from domain.lifecycle import RUNNING
from domain.permissions import AccountType, Permission, Viewer
from domain.points import LARGEST_USER_COUNT, SMALLEST_USER_COUNT
from domain.portal_menus import hidden_keys
from models import Account, ContractUserChange, db
from services import access, audit, cut_gate, row_scope
from services.ledger import check_running
from services.profiles import apply_profile, check_version
from services.service_user_list import registered_count
from services.shown_values import ContractDateChanged, ContractUsersChanged, Shown, check_shown


class UserCountOutOfRange(DomainError):
    """契約ユーザ数 is not between 1 and 1,000,000; carries minimum and maximum."""

    field = "contract_user_count"


class UserCountBelowRegistered(DomainError):
    """契約ユーザ数 would fall below the users of ユーザ一覧; carries registered. Source: docs/rules.md R11."""

    field = "contract_user_count"


class ContractDateInvalid(DomainError):
    """契約日 lies in the future or before the service existed; carries earliest and latest."""

    field = "contract_date"


class SupportAccountUnknown(DomainError):
    """The chosen support account is not one of the customer's 特権MSP, or does not run."""

    field = "support_account_id"


EARLIEST_CONTRACT_DATE = dt.date(2000, 1, 1)


def update_account(
    *,
    viewer: Viewer,
    account_id: int,
    version: int,
    profile: Mapping[str, Any],
    support_account_id: int | None,
    visible_menu_keys: Sequence[str],
    now: dt.datetime,
) -> Account:
    """Apply 基本情報更新 with its four tabs; contracted users have a dialog of their own.

    :raises DomainError: AccountNotVisible, PermissionRefused, AccountNotRunning, ChangedMeanwhile,
        SupportAccountUnknown.
    """
    account = _account_to_edit(viewer, account_id, now)
    check_version(account, version)
    changes = apply_profile(account, profile)
    if support_account_id != account.support_account_id:
        _check_support(account, support_account_id)
        changes["support_account_id"] = [account.support_account_id, support_account_id]
        account.support_account_id = support_account_id
    hidden = hidden_keys(set(visible_menu_keys))
    if hidden != list(account.hidden_menu_keys):
        changes["hidden_menu_keys"] = [list(account.hidden_menu_keys), hidden]
        account.hidden_menu_keys = hidden
    if changes:
        audit.record(action="account.updated", viewer=viewer, account_id=account_id, now=now, changes=changes)
    return account


def change_contract_users(
    *,
    viewer: Viewer,
    account_id: int,
    contract_user_count: int,
    now: dt.datetime,
    shown: Shown | None = None,
) -> tuple[int, int]:
    """Set 契約ユーザ数 from now on and return (old, new). Source: 契約ユーザ数の変更.

    :raises UserCountOutOfRange: outside 1 … 1,000,000.
    :raises ContractUsersChanged: when somebody has set another number since `shown`.
    :raises UserCountBelowRegistered: below the users that are registered; counted under the account's lock.
    """
    if not SMALLEST_USER_COUNT <= contract_user_count <= LARGEST_USER_COUNT:
        raise UserCountOutOfRange(minimum=SMALLEST_USER_COUNT, maximum=LARGEST_USER_COUNT)
    effective_at = cut_gate.pass_gate(now)
    account = access.accounts_to_change(
        viewer=viewer, permission=Permission.USERS_CHANGE, account_ids=[account_id]
    )[0]
    check_running(account, effective_at)
    old = account.contract_user_count
    if old == contract_user_count:
        return old, old
    check_shown(shown, old, ContractUsersChanged)
    _check_registered(account_id, contract_user_count)
    _set_users(account, contract_user_count, viewer, effective_at)
    audit.record(
        action="contract_users.changed",
        viewer=viewer,
        account_id=account_id,
        now=now,
        old_contract_user_count=old,
        new_contract_user_count=contract_user_count,
    )
    return old, contract_user_count


def _check_registered(account_id: int, contract_user_count: int) -> None:
    registered = registered_count(account_id)
    if contract_user_count < registered:
        raise UserCountBelowRegistered(registered=registered)


def _set_users(account: Account, contract_user_count: int, viewer: Viewer, effective_at: dt.datetime) -> None:
    account.contract_user_count = contract_user_count
    change = ContractUserChange(
        account_id=account.id,
        effective_at=_in_order(account.id, effective_at),
        contract_user_count=contract_user_count,
        administrator_id=viewer.administrator_id,
    )
    db.session.add(change)


def _in_order(account_id: int, effective_at: dt.datetime) -> dt.datetime:
    """Return an instant that is not before any change of an account, which is locked.

    Who waited for the lock may have read the clock before who held it.
    """
    newest = select(func.max(ContractUserChange.effective_at)).where(
        ContractUserChange.account_id == account_id
    )
    return max(effective_at, db.session.execute(newest).scalar_one())


def change_contract_date(
    *,
    viewer: Viewer,
    account_id: int,
    contract_date: dt.date,
    now: dt.datetime,
    shown: Shown | None = None,
) -> tuple[dt.date | None, dt.date]:
    """Set 契約日 and return (old, new); no fee depends on a customer's contract date.

    :raises ContractDateInvalid: before 2000 or after today in Tokyo.
    :raises ContractDateChanged: when somebody has set another day since `shown`.
    """
    latest = tokyo_date(now)
    if not EARLIEST_CONTRACT_DATE <= contract_date <= latest:
        raise ContractDateInvalid(earliest=EARLIEST_CONTRACT_DATE, latest=latest)
    account = _account_to_edit(viewer, account_id, now)
    old = account.contract_date
    if old != contract_date:
        check_shown(shown, old, ContractDateChanged)
        account.contract_date = contract_date
        audit.record(
            action="contract_date.changed",
            viewer=viewer,
            account_id=account_id,
            now=now,
            old_contract_date=old.isoformat() if old else None,
            new_contract_date=contract_date.isoformat(),
        )
    return old, contract_date


def _account_to_edit(viewer: Viewer, account_id: int, now: dt.datetime) -> Account:
    account = access.accounts_to_change(
        viewer=viewer, permission=Permission.CUSTOMERS_EDIT, account_ids=[account_id]
    )[0]
    check_running(account, now)
    return account


def _check_support(account: Account, support_account_id: int | None) -> None:
    if support_account_id is None:
        return
    meant = (
        select(Account.id)
        .where(
            Account.id == support_account_id,
            Account.account_type == AccountType.SUPPORT,
            Account.privileged_msp_id == account.privileged_msp_id,
            Account.status.in_(RUNNING),
        )
        # Shared: its own cancellation, which ends its assignments, waits for this one, or the other way round.
        .with_for_update(read=True)
    )
    with row_scope.beyond("a support account of the same 特権MSP stands beside an MSP, not below it"):
        found = db.session.execute(meant).scalar_one_or_none()
    if found is None:
        raise SupportAccountUnknown
