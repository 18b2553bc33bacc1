"""プロビジョニング: carrying an approved account into the identity service, with retries."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Protocol

from sqlalchemy import select

from domain.billing_calendar import tokyo_date
from domain.lifecycle import AccountStatus, Event, next_status
from domain.permissions import Permission
from models import Account, ContractUserChange, PointBalance, db
from services import audit, cut_gate, principals
from services.transaction import transaction

log = logging.getLogger(__name__)

#: Waits after the first, second, … failed attempt; after the last one a person orders it again.
RETRY_WAITS = tuple(dt.timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 360))
#: What stands as the failure of an order whose giver may not give it any more; the screens have words for it.
ORDER_VOID = "who ordered it may not order it any more"


class ProvisioningError(Exception):
    """The identity service did not take the account; the text says why, for the operator."""


class Provisioner(Protocol):
    """Port to the identity service. Called again for the same account number, it must not make a second."""

    def provision(self, *, account_number: str, company_name: str, contract_user_count: int) -> None:
        """Make the place of the account there, or find it made. :raises ProvisioningError: when it could not be."""


class BuiltInProvisioner:
    """The identity service that is this portal itself: the account's own row is that place."""

    def provision(self, *, account_number: str, company_name: str, contract_user_count: int) -> None:
        """Check what an outside service would insist on; there is nothing else to make."""
        if not account_number.isdigit() or contract_user_count < 1 or not company_name:
            raise ProvisioningError("account number, company name and contracted users are needed")


def accounts_to_provision(*, now: dt.datetime) -> list[int]:
    """Return the ids of approved accounts whose provisioning was ordered and is due, oldest order first."""
    statement = (
        select(Account.id)
        .where(
            Account.status.in_((AccountStatus.APPROVED, AccountStatus.PROVISIONING_FAILED)),
            Account.provisioning_requested_at.is_not(None),
            Account.provisioning_next_attempt_at.is_not(None),
            Account.provisioning_next_attempt_at <= now,
        )
        .order_by(Account.provisioning_requested_at, Account.id)
    )
    return list(db.session.execute(statement).scalars())


def provision_requested(*, now: dt.datetime, provisioner: Provisioner | None = None) -> int:
    """Provision all that is due, each in its own transaction; return how many went into service."""
    port = provisioner or BuiltInProvisioner()
    done = 0
    for account_id in accounts_to_provision(now=now):
        try:
            with transaction():
                done += provision(account_id=account_id, provisioner=port, now=now)
        except Exception as error:
            # One bad order must not hold up the later ones; it waits like one that the service did not take.
            log.exception("provisioning of account %s failed", account_id)
            with transaction():
                _note_breakdown(account_id, error, now)
    return done


def provision(*, account_id: int, provisioner: Provisioner, now: dt.datetime) -> bool:
    """Provision one account; False: not due any more, or it failed and waits for its next attempt."""
    account = _due_order(account_id, now)
    if account is None:
        return False
    ordered_by_id = account.provisioning_requested_by_id
    if ordered_by_id is not None and not principals.may_still(
        administrator_id=ordered_by_id, permission=Permission.APPLICATIONS_DECIDE, account_id=account.id
    ):
        _note_failure(account, ORDER_VOID, now, is_last=True)
        return False
    try:
        provisioner.provision(
            account_number=account.account_number or "",
            company_name=account.company_name,
            contract_user_count=account.contract_user_count,
        )
    except ProvisioningError as error:
        _note_failure(account, str(error), now)
        return False
    start_service(account=account, now=now)
    audit.record(
        action="provisioning.done",
        viewer=None,
        account_id=account.id,
        now=now,
        account_number=account.account_number,
    )
    return True


def _due_order(account_id: int, now: dt.datetime) -> Account | None:
    """Return an account, locked, whose provisioning is due; None: not any more."""
    account = db.session.execute(
        select(Account)
        .where(Account.id == account_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).scalar_one()
    due_at = account.provisioning_next_attempt_at
    is_ordered = account.status in (AccountStatus.APPROVED, AccountStatus.PROVISIONING_FAILED)
    return account if is_ordered and due_at is not None and due_at <= now else None


def start_service(*, account: Account, now: dt.datetime) -> None:
    """Put a provisioned account into service: its contract begins, with its users and a balance of 0."""
    begins_at = cut_gate.pass_gate(now)
    account.status = next_status(account.status, Event.PROVISION)
    account.provisioned_at = begins_at
    account.contract_date = tokyo_date(now)
    account.provisioning_error = None
    account.provisioning_next_attempt_at = None
    db.session.add(PointBalance(account_id=account.id))
    db.session.add(
        ContractUserChange(
            account_id=account.id, effective_at=begins_at, contract_user_count=account.contract_user_count
        )
    )


def _note_breakdown(account_id: int, error: Exception, now: dt.datetime) -> None:
    """Note what nobody foresaw by its kind alone: its text may hold anything, and stands in the worker's log."""
    account = _due_order(account_id, now)
    if account is not None:
        _note_failure(account, type(error).__name__, now)


def _note_failure(account: Account, reason: str, now: dt.datetime, *, is_last: bool = False) -> None:
    waits = () if is_last else RETRY_WAITS[account.provisioning_attempts :]
    account.provisioning_attempts += 1
    account.provisioning_error = reason[:500]
    account.provisioning_next_attempt_at = now + waits[0] if waits else None
    account.status = next_status(account.status, Event.PROVISIONING_FAILS)
    audit.record(
        action="provisioning.failed",
        viewer=None,
        account_id=account.id,
        now=now,
        reason=reason,
        attempts=account.provisioning_attempts,
    )
