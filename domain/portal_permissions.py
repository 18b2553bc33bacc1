"""Who may do what in a customer portal (顧客画面): by whose portal it is and who one is there.

Which portals one may enter: services/portal_visits.py.
"""

from __future__ import annotations

from enum import StrEnum

from domain.permissions import AccountType, AdminLevel, Viewer


class PortalPermission(StrEnum):
    """resource:action in a customer portal; reading its pages needs none of them."""

    PROFILE_CHANGE = "profile:change"
    ADMINISTRATORS_CHANGE = "administrators:change"
    USERS_CHANGE = "users:change"


#: The levels whose administrators have 顧客画面 at all.
PORTAL_LEVELS = frozenset({AdminLevel.OVERALL, AdminLevel.SYSTEM})
#: Level → the levels that it may grant, edit, reset and unlock: nobody above himself.
GRANTABLE_LEVELS: dict[AdminLevel, frozenset[AdminLevel]] = {
    AdminLevel.OVERALL: frozenset(AdminLevel),
    AdminLevel.CONTRACT: frozenset(),
    AdminLevel.SYSTEM: frozenset({AdminLevel.SYSTEM}),
}
_ALL = frozenset(PortalPermission)
#: What support people do for a customer; 管理者 they only read.
_HELPING = frozenset({PortalPermission.PROFILE_CHANGE, PortalPermission.USERS_CHANGE})
#: The operator registers the first administrators of the distributors, and changes nothing else below it.
_BEGINNING = frozenset({PortalPermission.ADMINISTRATORS_CHANGE})
_NOTHING: frozenset[PortalPermission] = frozenset()


def portal_permissions(
    *, viewer: Viewer, account_id: int, account_type: AccountType
) -> frozenset[PortalPermission]:
    """Return what a viewer may change in the portal of an account that it may enter.

    Whether the account runs is another question, asked by `services.portal_visits`.
    """
    if viewer.level not in PORTAL_LEVELS:
        return _NOTHING
    if account_id == viewer.account_id:
        return _ALL
    if viewer.account_type is AccountType.OPERATOR:
        return _BEGINNING if account_type is AccountType.PRIVILEGED_MSP else _NOTHING
    if viewer.account_type is AccountType.SUPPORT:
        return _HELPING
    return _ALL
