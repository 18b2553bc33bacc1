"""基本情報 as a customer portal shows and changes it, and whom its people may turn to. Source: 管理＞基本情報."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.permissions import AccountType, Viewer
from domain.portal_permissions import PortalPermission
from models import Account
from services import audit, portal_visits
from services.company_names import find_company_name
from services.profiles import PROFILE_FIELDS, RESELLER_FIELDS, apply_profile, check_version


@dataclass(frozen=True)
class Contacts:
    """Whom the people of an account may turn to; names only, and what 販売店情報 says of the reseller."""

    #: 会社名 of the assigned support account.
    support_company_name: str | None
    #: 会社名 of the MSP that the account belongs to; None where the operator is above it.
    msp_company_name: str | None
    #: Values of 販売店情報 by column name, without 備考, which is the MSP's own note.
    reseller: Mapping[str, str | None]

    @property
    def has_reseller(self) -> bool:
        """Whether 販売店情報 says anything at all."""
        return any(self.reseller.values())


def find_profile(*, viewer: Viewer, account_id: int) -> Account:
    """Return the account whose 基本情報 a portal shows.

    :raises AccountNotVisible: not enterable (any more).
    """
    return portal_visits.find_enterable(viewer=viewer, account_id=account_id)


def find_contacts(*, viewer: Viewer, account_id: int) -> Contacts:
    """Return whom the people of a portal's account may turn to.

    :raises AccountNotVisible: not enterable (any more).
    """
    account = portal_visits.find_enterable(viewer=viewer, account_id=account_id)
    # Above a 特権MSP there is only the operator.
    is_sold = account.account_type not in (AccountType.OPERATOR, AccountType.PRIVILEGED_MSP)
    return Contacts(
        support_company_name=find_company_name(account.support_account_id) or None,
        msp_company_name=find_company_name(account.parent_id) if is_sold else None,
        reseller={name: getattr(account, name) for name in RESELLER_FIELDS if name != "reseller_remark"},
    )


def change_profile(
    *, viewer: Viewer, account_id: int, version: int, profile: Mapping[str, Any], now: dt.datetime
) -> bool:
    """Apply what a customer's people change of their own 基本情報; return whether anything changed.

    Everything else of the account (type, 契約ユーザ数, 販売店情報) stays, whatever `profile` holds.

    :raises DomainError: AccountNotVisible, PermissionRefused, PortalReadOnly, CancellationUnderWay,
        ChangedMeanwhile.
    """
    account = portal_visits.account_to_change(
        viewer=viewer, account_id=account_id, permission=PortalPermission.PROFILE_CHANGE, now=now
    )
    check_version(account, version)
    changes = apply_profile(account, {name: profile[name] for name in PROFILE_FIELDS if name in profile})
    if changes:
        audit.record(action="profile.updated", viewer=viewer, account_id=account_id, now=now, changes=changes)
    return bool(changes)
