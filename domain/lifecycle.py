"""The life of an account: its states and the only ways from one to another."""

from __future__ import annotations

from enum import StrEnum

from domain.errors import DomainError


class AccountStatus(StrEnum):
    """Where an account stands in its life."""

    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    PROVISIONING_FAILED = "provisioning_failed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELED = "canceled"


class SuspensionReason(StrEnum):
    """Why an account is suspended: shortage lifts by itself, manual by hand only."""

    SHORTAGE = "shortage"
    MANUAL = "manual"


class Event(StrEnum):
    """What may happen to an account's status."""

    APPROVE = "approve"
    REJECT = "reject"
    REAPPLY = "reapply"
    WITHDRAW = "withdraw"
    PROVISION = "provision"
    PROVISIONING_FAILS = "provisioning_fails"
    SUSPEND = "suspend"
    RESUME = "resume"
    CANCEL = "cancel"


_S, _E = AccountStatus, Event
TRANSITIONS: dict[tuple[AccountStatus, Event], AccountStatus] = {
    (_S.PENDING_APPROVAL, _E.APPROVE): _S.APPROVED,
    (_S.PENDING_APPROVAL, _E.REJECT): _S.REJECTED,
    (_S.PENDING_APPROVAL, _E.WITHDRAW): _S.WITHDRAWN,
    (_S.REJECTED, _E.REAPPLY): _S.PENDING_APPROVAL,
    (_S.REJECTED, _E.WITHDRAW): _S.WITHDRAWN,
    (_S.APPROVED, _E.PROVISION): _S.ACTIVE,
    (_S.APPROVED, _E.PROVISIONING_FAILS): _S.PROVISIONING_FAILED,
    (_S.PROVISIONING_FAILED, _E.PROVISION): _S.ACTIVE,
    (_S.PROVISIONING_FAILED, _E.PROVISIONING_FAILS): _S.PROVISIONING_FAILED,
    (_S.ACTIVE, _E.SUSPEND): _S.SUSPENDED,
    (_S.SUSPENDED, _E.RESUME): _S.ACTIVE,
    (_S.ACTIVE, _E.CANCEL): _S.CANCELED,
    (_S.SUSPENDED, _E.CANCEL): _S.CANCELED,
}

#: 利用中 and 一時停止: provisioned, charged on the 25th, may be changed.
RUNNING = frozenset({AccountStatus.ACTIVE, AccountStatus.SUSPENDED})
#: What 顧客アカウント一覧 shows; the rest of a life is in 承認待ちアカウント一覧.
LISTED = RUNNING | {AccountStatus.CANCELED}
#: What 承認待ちアカウント一覧 shows; a withdrawn application is hidden.
WAITING = frozenset(
    {
        AccountStatus.PENDING_APPROVAL,
        AccountStatus.APPROVED,
        AccountStatus.PROVISIONING_FAILED,
        AccountStatus.REJECTED,
    }
)


class TransitionRefused(DomainError):
    """The status does not allow the event."""

    http_status = 409


def next_status(status: AccountStatus, event: Event) -> AccountStatus:
    """Return the status after an event; the only door to a new status.

    :raises TransitionRefused: when the status does not allow it.
    """
    try:
        return TRANSITIONS[(AccountStatus(status), event)]
    except KeyError:
        raise TransitionRefused(status=AccountStatus(status), event=event) from None
