"""Grants: support reads, a customer's people have nothing in the MSP portal, only the operator decides."""

from itertools import product

from domain.permissions import (
    DEPTH,
    GRANTS,
    LEVELS,
    PARENTS,
    AccountType,
    AdminLevel,
    Permission,
    Viewer,
    has_permission,
)

READING = {
    Permission.CUSTOMERS_VIEW,
    Permission.APPLICATIONS_VIEW,
    Permission.POINTS_HISTORY,
    Permission.LOG_VIEW,
}


def test_support_changes_nothing() -> None:
    for level in AdminLevel:
        assert GRANTS.get((AccountType.SUPPORT, level), frozenset()) <= READING


def test_customers_and_system_administrators_have_nothing_in_the_msp_portal() -> None:
    for account_type, level in product(AccountType, AdminLevel):
        if account_type is AccountType.CUSTOMER or level is AdminLevel.SYSTEM:
            assert not any(has_permission(account_type, level, permission) for permission in Permission)


def test_only_the_operator_approves_and_issues() -> None:
    for account_type, level in product(AccountType, AdminLevel):
        for permission in (Permission.APPLICATIONS_DECIDE, Permission.POINTS_ISSUE):
            granted = has_permission(account_type, level, permission)
            assert granted == ((account_type, level) == (AccountType.OPERATOR, AdminLevel.OVERALL))


def test_an_msp_does_not_see_the_msp_accounts() -> None:
    for level in AdminLevel:
        assert not has_permission(AccountType.MSP, level, Permission.ACCOUNTS_VIEW)


def test_grants_name_levels_that_exist_and_parents_lie_above() -> None:
    assert all(level in LEVELS[account_type] for account_type, level in GRANTS)
    assert all(DEPTH[parent] < DEPTH[child] for child, parents in PARENTS.items() for parent in parents)


def test_a_viewer_can_what_its_type_and_level_may() -> None:
    for account_type, level, permission in product(AccountType, AdminLevel, Permission):
        viewer = Viewer(1, "a", 2, account_type, level)
        assert viewer.can(permission) == (permission in GRANTS.get((account_type, level), ()))
