"""登録 in MSPアカウント一覧: applications for MSP, support and 特権MSP accounts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from domain.contract_year import RESELLER_USER_COUNT
from domain.errors import DomainError
from domain.permissions import AccountType, Permission, Viewer
from models import Account
from services import access, applications
from services.applications import DistributorUnknown


class AccountTypeNotOffered(DomainError):
    """The viewer may not register accounts of that アカウントタイプ here."""

    field = "account_type"


def registrable_types(*, viewer: Viewer) -> list[AccountType]:
    """Return what a viewer may register in MSPアカウント一覧; nothing for who may not."""
    if not viewer.can(Permission.ACCOUNTS_REGISTER):
        return []
    below = [AccountType.MSP, AccountType.SUPPORT]
    return [*below, AccountType.PRIVILEGED_MSP] if viewer.account_type is AccountType.OPERATOR else below


def register_account(
    *,
    viewer: Viewer,
    account_type: AccountType,
    profile: Mapping[str, Any],
    parent_id: int | None,
    now: dt.datetime,
    request_id: str | None = None,
) -> Account:
    """Register an MSP, support or 特権MSP account, which always has ten users: an application like a customer's.

    `parent_id` names the 特権MSP where the viewer is not one; a 特権MSP itself is registered below the operator.

    :raises AccountTypeNotOffered: a type that the viewer may not register.
    :raises DistributorUnknown: no 特権MSP was chosen, or not one of the viewer's that runs.
    :raises DomainError: PermissionRefused, RequestIdReused, CancellationUnderWay (of the parent).
    """
    access.check_permission(viewer=viewer, permission=Permission.ACCOUNTS_REGISTER)
    if account_type not in registrable_types(viewer=viewer):
        raise AccountTypeNotOffered(account_type=account_type)
    is_chosen = viewer.account_type is AccountType.OPERATOR and account_type is not AccountType.PRIVILEGED_MSP
    chosen = parent_id if is_chosen else viewer.account_id
    if chosen is None:
        raise DistributorUnknown(parent_id=None)
    return applications.apply_once(
        viewer=viewer,
        account_type=account_type,
        parent_id=chosen,
        profile=profile,
        contract_user_count=RESELLER_USER_COUNT,
        now=now,
        request_id=request_id,
    )
