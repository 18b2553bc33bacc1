"""Who decides that everybody of an account needs a second factor."""

from __future__ import annotations

from domain.permissions import AccountType, AdminLevel, Viewer

#: The levels that decide for their own account; of a customer, which has no other, the system administrators do.
_DECIDING_LEVELS = frozenset({AdminLevel.OVERALL, AdminLevel.CONTRACT})


def may_require_second_factor(viewer: Viewer) -> bool:
    """Tell whether a viewer decides for his own account that everybody there needs a second factor."""
    return viewer.level in _DECIDING_LEVELS or viewer.account_type is AccountType.CUSTOMER
