"""Who may do what: account type × level → permissions, as one table. Which rows: services/access.py."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.fresh_sign_in import Authentication


class AccountType(StrEnum):
    """アカウントタイプ: the five kinds of account in the tree."""

    OPERATOR = "operator"
    PRIVILEGED_MSP = "privileged_msp"
    MSP = "msp"
    SUPPORT = "support"
    CUSTOMER = "customer"


class AdminLevel(StrEnum):
    """権限設定 of an administrator."""

    OVERALL = "overall"
    CONTRACT = "contract"
    SYSTEM = "system"


class Permission(StrEnum):
    """resource:action, checked by views, services and jobs alike."""

    CUSTOMERS_VIEW = "customers:view"
    CUSTOMERS_EDIT = "customers:edit"
    CUSTOMERS_CANCEL = "customers:cancel"
    CUSTOMERS_REGISTER = "customers:register"
    USERS_CHANGE = "contract_users:change"
    POINTS_CHANGE = "points:change"
    POINTS_ISSUE = "points:issue"
    POINTS_HISTORY = "points:history"
    NOTICES_SEND = "notices:send"
    APPLICATIONS_VIEW = "applications:view"
    APPLICATIONS_CHANGE = "applications:change"
    APPLICATIONS_DECIDE = "applications:decide"
    ACCOUNTS_VIEW = "accounts:view"
    ACCOUNTS_POINTS = "accounts:points"
    ACCOUNTS_REGISTER = "accounts:register"
    ACCOUNTS_EDIT = "accounts:edit"
    ACCOUNTS_CANCEL = "accounts:cancel"
    CUSTOMERS_MOVE = "customers:move"
    CUSTOMERS_SUSPEND = "customers:suspend"
    PRESETS_CHANGE = "presets:change"
    BOUNCES_LIFT = "bounces:lift"
    MAILS_PREVIEW = "mails:preview"
    APPROVALS_VIEW = "approvals:view"
    FOUR_EYES_CHANGE = "four_eyes:change"
    LOG_VIEW = "log:view"
    PRICES_CHANGE = "prices:change"
    RUNS_VIEW = "runs:view"
    RUNS_CHANGE = "runs:change"
    HEALTH_VIEW = "health:view"


_P = Permission
_READING = frozenset({_P.CUSTOMERS_VIEW, _P.APPLICATIONS_VIEW, _P.POINTS_HISTORY, _P.LOG_VIEW})
_SELLING = _READING | {
    _P.CUSTOMERS_EDIT,
    _P.CUSTOMERS_CANCEL,
    _P.CUSTOMERS_REGISTER,
    _P.USERS_CHANGE,
    _P.POINTS_CHANGE,
    _P.NOTICES_SEND,
    _P.APPLICATIONS_CHANGE,
    _P.CUSTOMERS_SUSPEND,
    _P.PRESETS_CHANGE,
    _P.BOUNCES_LIFT,
    _P.APPROVALS_VIEW,
    _P.FOUR_EYES_CHANGE,
    _P.MAILS_PREVIEW,
    _P.RUNS_VIEW,
}
_DISTRIBUTING = _SELLING | {
    _P.ACCOUNTS_VIEW,
    _P.ACCOUNTS_POINTS,
    _P.ACCOUNTS_REGISTER,
    _P.ACCOUNTS_EDIT,
    _P.ACCOUNTS_CANCEL,
    _P.CUSTOMERS_MOVE,
}
_OPERATING = _DISTRIBUTING | {
    _P.APPLICATIONS_DECIDE,
    _P.POINTS_ISSUE,
    _P.PRICES_CHANGE,
    _P.RUNS_CHANGE,
    _P.HEALTH_VIEW,
}

#: What an administrator may do in the MSP portal; a pair that is not here may do nothing there.
GRANTS: dict[tuple[AccountType, AdminLevel], frozenset[Permission]] = {
    (AccountType.OPERATOR, AdminLevel.OVERALL): _OPERATING,
    (AccountType.PRIVILEGED_MSP, AdminLevel.OVERALL): _DISTRIBUTING,
    (AccountType.PRIVILEGED_MSP, AdminLevel.CONTRACT): _DISTRIBUTING,
    (AccountType.MSP, AdminLevel.OVERALL): _SELLING,
    (AccountType.MSP, AdminLevel.CONTRACT): _SELLING,
    (AccountType.SUPPORT, AdminLevel.OVERALL): frozenset({_P.CUSTOMERS_VIEW, _P.POINTS_HISTORY, _P.LOG_VIEW}),
}

#: Which levels an administrator of each account type may have.
LEVELS: dict[AccountType, frozenset[AdminLevel]] = {
    AccountType.OPERATOR: frozenset({AdminLevel.OVERALL}),
    AccountType.PRIVILEGED_MSP: frozenset(AdminLevel),
    AccountType.MSP: frozenset(AdminLevel),
    AccountType.SUPPORT: frozenset({AdminLevel.OVERALL, AdminLevel.SYSTEM}),
    AccountType.CUSTOMER: frozenset({AdminLevel.SYSTEM}),
}

#: Which types of account may be the parent of each.
PARENTS: dict[AccountType, frozenset[AccountType]] = {
    AccountType.OPERATOR: frozenset(),
    AccountType.PRIVILEGED_MSP: frozenset({AccountType.OPERATOR}),
    AccountType.MSP: frozenset({AccountType.PRIVILEGED_MSP}),
    AccountType.SUPPORT: frozenset({AccountType.PRIVILEGED_MSP}),
    AccountType.CUSTOMER: frozenset({AccountType.PRIVILEGED_MSP, AccountType.MSP}),
}

#: Depth in the tree, for the lock order: deepest first.
DEPTH: dict[AccountType, int] = {
    AccountType.CUSTOMER: 3,
    AccountType.MSP: 2,
    AccountType.SUPPORT: 2,
    AccountType.PRIVILEGED_MSP: 1,
    AccountType.OPERATOR: 0,
}

#: Whose accounts pay a monthly fee. Source: docs/rules.md R8.
CHARGED_TYPES = frozenset({AccountType.CUSTOMER, AccountType.MSP, AccountType.SUPPORT})


def has_permission(account_type: AccountType, level: AdminLevel, permission: Permission) -> bool:
    """Tell whether administrators of a type and level have a permission; unknown pairs have none."""
    return permission in GRANTS.get((account_type, level), frozenset())


@dataclass(frozen=True)
class Viewer:
    """Who asks: an administrator, with the account and level that decide what it may see and do."""

    administrator_id: int
    user_name: str
    account_id: int
    account_type: AccountType
    level: AdminLevel
    #: Where the request came from, for the operation log.
    remote_address: str | None = None
    #: What stands behind the session; None: no session, but the command line or the clockwork.
    authentication: Authentication | None = None

    def can(self, permission: Permission) -> bool:
        """Tell whether this administrator has a permission in the MSP portal."""
        return has_permission(self.account_type, self.level, permission)
