"""権限設定 of administrators: which levels one may give, and who must stay so that an account can be administered."""

from __future__ import annotations

from domain.permissions import LEVELS, AccountType, AdminLevel
from domain.portal_permissions import GRANTABLE_LEVELS, PORTAL_LEVELS


def offered_levels(account_type: AccountType, own_level: AdminLevel) -> tuple[AdminLevel, ...]:
    """Return the levels that an administrator may give to one of an account of a type, highest first."""
    grantable = LEVELS[account_type] & GRANTABLE_LEVELS[own_level]
    return tuple(level for level in AdminLevel if level in grantable)


def guarding_sets(account_type: AccountType) -> tuple[frozenset[AdminLevel], ...]:
    """Return sets of levels; of each set that an account has, it must keep at least one enabled administrator.

    The first are those who can change every administrator of such an account, the second those who can change
    any: without the former nobody of an MSP could name another 全体管理者, without the latter nobody at all.
    """
    every = frozenset(level for level in PORTAL_LEVELS if GRANTABLE_LEVELS[level] >= LEVELS[account_type])
    return (every, PORTAL_LEVELS)
