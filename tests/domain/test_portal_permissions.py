"""The customer portal: who may change what there, which levels one may give, and which menus are hidden."""

from __future__ import annotations

import pytest

from domain.administrator_levels import guarding_sets, offered_levels
from domain.permissions import AccountType, AdminLevel, Viewer
from domain.portal_menus import HIDEABLE_KEYS, hidden_keys
from domain.portal_permissions import PortalPermission, portal_permissions

OWN, OTHER = 7, 8
ALL = set(PortalPermission)
T, L, P = AccountType, AdminLevel, PortalPermission


@pytest.mark.parametrize(
    ("own_type", "level", "account_id", "account_type", "granted"),
    [
        (T.CUSTOMER, L.SYSTEM, OWN, T.CUSTOMER, ALL),
        (T.SUPPORT, L.OVERALL, OWN, T.SUPPORT, ALL),
        (T.OPERATOR, L.OVERALL, OWN, T.OPERATOR, ALL),
        (T.MSP, L.CONTRACT, OWN, T.MSP, set()),
        (T.MSP, L.CONTRACT, OTHER, T.CUSTOMER, set()),
        (T.MSP, L.OVERALL, OTHER, T.CUSTOMER, ALL),
        (T.PRIVILEGED_MSP, L.SYSTEM, OTHER, T.MSP, ALL),
        (T.SUPPORT, L.OVERALL, OTHER, T.CUSTOMER, {P.PROFILE_CHANGE, P.USERS_CHANGE}),
        (T.OPERATOR, L.OVERALL, OTHER, T.PRIVILEGED_MSP, {P.ADMINISTRATORS_CHANGE}),
        (T.OPERATOR, L.OVERALL, OTHER, T.CUSTOMER, set()),
    ],
)
def test_what_one_may_change_depends_on_whose_portal_it_is_and_who_one_is(
    own_type: AccountType,
    level: AdminLevel,
    account_id: int,
    account_type: AccountType,
    granted: set[PortalPermission],
) -> None:
    viewer = Viewer(1, "a", OWN, own_type, level)
    assert portal_permissions(viewer=viewer, account_id=account_id, account_type=account_type) == granted


@pytest.mark.parametrize(
    ("account_type", "own_level", "offered"),
    [
        (T.MSP, L.OVERALL, (L.OVERALL, L.CONTRACT, L.SYSTEM)),
        (T.MSP, L.SYSTEM, (L.SYSTEM,)),
        (T.MSP, L.CONTRACT, ()),
        (T.SUPPORT, L.OVERALL, (L.OVERALL, L.SYSTEM)),
        (T.CUSTOMER, L.OVERALL, (L.SYSTEM,)),
        (T.OPERATOR, L.SYSTEM, ()),
    ],
)
def test_nobody_gives_a_level_above_his_own_or_one_that_the_account_does_not_know(
    account_type: AccountType, own_level: AdminLevel, offered: tuple[AdminLevel, ...]
) -> None:
    assert offered_levels(account_type, own_level) == offered


def test_an_account_keeps_those_who_can_change_all_and_those_who_can_change_any() -> None:
    portal, overall = frozenset({L.OVERALL, L.SYSTEM}), frozenset({L.OVERALL})
    assert guarding_sets(T.CUSTOMER) == (portal, portal)
    for account_type in (T.OPERATOR, T.PRIVILEGED_MSP, T.MSP, T.SUPPORT):
        assert guarding_sets(account_type) == (overall, portal)


def test_menus_that_are_not_ticked_are_hidden_in_the_order_of_the_boxes() -> None:
    assert hidden_keys(set()) == list(HIDEABLE_KEYS)
    assert hidden_keys(set(HIDEABLE_KEYS)) == []
    assert hidden_keys(set(HIDEABLE_KEYS) - {"support", "log", "auth.ldap"}) == [
        "log",
        "auth.ldap",
        "support",
    ]
