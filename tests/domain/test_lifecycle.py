"""The life of an account: exactly the allowed transitions."""

from itertools import product

import pytest

from domain.lifecycle import AccountStatus, Event, TransitionRefused, next_status

S, E = AccountStatus, Event

ALLOWED = {
    (S.PENDING_APPROVAL, E.APPROVE, S.APPROVED),
    (S.PENDING_APPROVAL, E.REJECT, S.REJECTED),
    (S.PENDING_APPROVAL, E.WITHDRAW, S.WITHDRAWN),
    (S.REJECTED, E.REAPPLY, S.PENDING_APPROVAL),
    (S.REJECTED, E.WITHDRAW, S.WITHDRAWN),
    (S.APPROVED, E.PROVISION, S.ACTIVE),
    (S.APPROVED, E.PROVISIONING_FAILS, S.PROVISIONING_FAILED),
    (S.PROVISIONING_FAILED, E.PROVISION, S.ACTIVE),
    (S.PROVISIONING_FAILED, E.PROVISIONING_FAILS, S.PROVISIONING_FAILED),
    (S.ACTIVE, E.SUSPEND, S.SUSPENDED),
    (S.SUSPENDED, E.RESUME, S.ACTIVE),
    (S.ACTIVE, E.CANCEL, S.CANCELED),
    (S.SUSPENDED, E.CANCEL, S.CANCELED),
}


@pytest.mark.parametrize(("status", "event"), list(product(S, E)))
def test_only_the_named_transitions_exist(status: AccountStatus, event: Event) -> None:
    wanted = {after for before, happening, after in ALLOWED if (before, happening) == (status, event)}
    if wanted:
        assert {next_status(status, event)} == wanted
    else:
        with pytest.raises(TransitionRefused) as refusal:
            next_status(status, event)
        assert refusal.value.http_status == 409
        assert refusal.value.data == {"status": status, "event": event}
