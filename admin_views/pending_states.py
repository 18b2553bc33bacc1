"""How an application stands, as a badge, and what may be done with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from domain.lifecycle import AccountStatus
from services.words import STATUS_WORDS

CHANGEABLE = frozenset({AccountStatus.PENDING_APPROVAL, AccountStatus.REJECTED})
PROVISIONABLE = frozenset({AccountStatus.APPROVED, AccountStatus.PROVISIONING_FAILED})


@dataclass(frozen=True)
class State:
    """The words of a badge, its tone and its sign (see the macro `badge`)."""

    words: Any
    tone: str = ""
    sign: str = ""


_STATES = {
    AccountStatus.PENDING_APPROVAL: State(STATUS_WORDS[AccountStatus.PENDING_APPROVAL], "accent", "clock"),
    AccountStatus.APPROVED: State(STATUS_WORDS[AccountStatus.APPROVED], "", "check"),
    AccountStatus.PROVISIONING_FAILED: State(
        STATUS_WORDS[AccountStatus.PROVISIONING_FAILED], "danger", "alert"
    ),
    AccountStatus.REJECTED: State(STATUS_WORDS[AccountStatus.REJECTED], "warning", "alert"),
}
_UNDER_WAY = State(_l("プロビジョニング中"), "accent", "clock")


def state_of(row: Any) -> State:
    """Return how an application stands; `row` is a row of the list or an Account."""
    return _UNDER_WAY if is_under_way(row) else _STATES.get(row.status, State(STATUS_WORDS[row.status]))


def is_under_way(row: Any) -> bool:
    """Tell whether the provisioning was ordered and has not been tried yet."""
    is_ordered = row.provisioning_next_attempt_at is not None
    return row.status in PROVISIONABLE and is_ordered and row.provisioning_attempts == 0


def may_be_changed(row: Any) -> bool:
    """Tell whether the applicant may still change or delete it."""
    return row.status in CHANGEABLE


def may_be_provisioned(row: Any) -> bool:
    """Tell whether the provisioning may be ordered, for the first time or again."""
    return row.status in PROVISIONABLE and not is_under_way(row)
