"""登録申請: register, change, withdraw; and the operator's approval, rejection and order to provision.

Source: 顧客アカウント作成までの流れ.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select

from domain.billing_calendar import approval_due_on
from domain.errors import DomainError
from domain.lifecycle import RUNNING, AccountStatus, Event, TransitionRefused, next_status
from domain.permissions import PARENTS, AccountType, Permission, Viewer
from domain.points import LARGEST_USER_COUNT, SMALLEST_USER_COUNT
from models import Account, db
from services import access, application_mails, audit, requests
from services.accounts import UserCountOutOfRange
from services.ledger import check_running
from services.mail_texts import MailBrand
from services.profiles import apply_profile, check_version


class ParentUnknown(DomainError):
    """The MSP under which a customer is to be registered is not the viewer's, or does not run."""

    field = "parent_id"


class DistributorUnknown(ParentUnknown):
    """The 特権MSP under which an account is to be registered is not chosen, not the viewer's, or does not run."""


class ReasonRequired(DomainError):
    """A rejection must say why."""

    field = "rejection_reason"


def possible_parents(*, viewer: Viewer, account_type: AccountType = AccountType.CUSTOMER) -> list[Account]:
    """Return the running accounts under which a viewer may register accounts of a type, its own first."""
    return list(db.session.execute(_parents(viewer, account_type)).scalars())


def register(
    *,
    viewer: Viewer,
    profile: Mapping[str, Any],
    contract_user_count: int,
    parent_id: int | None,
    now: dt.datetime,
    request_id: str | None = None,
) -> Account:
    """Register a customer account: an application that waits for the operator's approval.

    `parent_id` None: the viewer's own account. The same `request_id` again returns the first application.

    :raises DomainError: PermissionRefused, ParentUnknown, UserCountOutOfRange, RequestIdReused,
        CancellationUnderWay (of the parent).
    """
    access.check_permission(viewer=viewer, permission=Permission.CUSTOMERS_REGISTER)
    _check_user_count(contract_user_count)
    return apply_once(
        viewer=viewer,
        account_type=AccountType.CUSTOMER,
        parent_id=viewer.account_id if parent_id is None else parent_id,
        profile=profile,
        contract_user_count=contract_user_count,
        now=now,
        request_id=request_id,
    )


def apply_once(
    *,
    viewer: Viewer,
    account_type: AccountType,
    parent_id: int,
    profile: Mapping[str, Any],
    contract_user_count: int,
    now: dt.datetime,
    request_id: str | None,
) -> Account:
    """Write an application of any type, or return the one that the same request wrote before.

    :raises DomainError: ParentUnknown, DistributorUnknown, RequestIdReused, CancellationUnderWay.
    """
    arguments = (viewer, account_type, parent_id, profile, contract_user_count, now)
    if request_id is None:
        return _apply(*arguments)
    body = {"do": "register", "type": account_type, "parent_id": parent_id, "users": contract_user_count}
    first = requests.begin_request(request_id=request_id, viewer=viewer, body={**body, **profile}, now=now)
    if first is not None:
        return db.session.get_one(Account, first["account_id"])
    account = _apply(*arguments)
    requests.finish_request(request_id=request_id, result={"account_id": account.id})
    return account


def _apply(
    viewer: Viewer,
    account_type: AccountType,
    parent_id: int,
    profile: Mapping[str, Any],
    contract_user_count: int,
    now: dt.datetime,
) -> Account:
    parent = _locked_parent(viewer, account_type, parent_id, now)
    is_top = account_type is AccountType.PRIVILEGED_MSP
    account = Account(
        parent_id=parent.id,
        privileged_msp_id=None if is_top else parent.privileged_msp_id or parent.id,
        account_type=account_type,
        status=AccountStatus.PENDING_APPROVAL,
        contract_user_count=contract_user_count,
        hidden_menu_keys=[],
        applied_at=now,
        approval_due_on=approval_due_on(now),
        applied_by_id=viewer.administrator_id,
    )
    apply_profile(account, profile)
    db.session.add(account)
    db.session.flush()
    audit.record(
        action="application.registered",
        viewer=viewer,
        account_id=account.id,
        now=now,
        company_name=account.company_name,
        account_type=account_type,
        contract_user_count=contract_user_count,
    )
    return account


def change_application(
    *,
    viewer: Viewer,
    account_id: int,
    version: int,
    profile: Mapping[str, Any],
    contract_user_count: int | None,
    now: dt.datetime,
) -> Account:
    """Change a waiting application; a rejected one is applied for again by it.

    `contract_user_count` counts for customers only: every other account has ten users.

    :raises DomainError: AccountNotVisible, TransitionRefused (approved already), ChangedMeanwhile,
        CancellationUnderWay or AccountNotRunning (of the parent, when it is applied for again).
    """
    account = _application(viewer, Permission.APPLICATIONS_CHANGE, account_id)
    if account.status not in (AccountStatus.PENDING_APPROVAL, AccountStatus.REJECTED):
        raise TransitionRefused(status=account.status, event=Event.REAPPLY)
    check_version(account, version)
    changes = apply_profile(account, profile)
    if account.account_type is not AccountType.CUSTOMER or contract_user_count is None:
        contract_user_count = account.contract_user_count
    _check_user_count(contract_user_count)
    if contract_user_count != account.contract_user_count:
        changes["contract_user_count"] = [account.contract_user_count, contract_user_count]
        account.contract_user_count = contract_user_count
    if account.status is AccountStatus.REJECTED:
        _check_parent(account, now)
        account.status = next_status(account.status, Event.REAPPLY)
        account.applied_at = now
        account.approval_due_on = approval_due_on(now)
        account.applied_by_id = viewer.administrator_id
        account.decided_at = None
        account.rejection_reason = None
    audit.record(action="application.changed", viewer=viewer, account_id=account_id, now=now, changes=changes)
    return account


def withdraw(*, viewer: Viewer, account_id: int, now: dt.datetime) -> Account:
    """Delete one's application: terminal and hidden; cannot be undone.

    :raises DomainError: AccountNotVisible, TransitionRefused (approved already).
    """
    account = _application(viewer, Permission.APPLICATIONS_CHANGE, account_id)
    account.status = next_status(account.status, Event.WITHDRAW)
    audit.record(action="application.withdrawn", viewer=viewer, account_id=account_id, now=now)
    return account


def approve(*, viewer: Viewer, account_id: int, brand: MailBrand, now: dt.datetime) -> Account:
    """Approve an application (operator): the account number is given, the applicant gets a mail."""
    account = _application(viewer, Permission.APPLICATIONS_DECIDE, account_id)
    account.status = next_status(account.status, Event.APPROVE)
    account.decided_at = now
    account.account_number = new_account_number()
    audit.record(
        action="application.approved",
        viewer=viewer,
        account_id=account_id,
        now=now,
        account_number=account.account_number,
    )
    application_mails.queue_approval_mail(account=account, brand=brand, now=now)
    return account


def reject(
    *, viewer: Viewer, account_id: int, rejection_reason: str, brand: MailBrand, now: dt.datetime
) -> Account:
    """Reject an application (operator) with a reason that the applicant gets by mail.

    :raises ReasonRequired: without one.
    """
    if not rejection_reason:
        raise ReasonRequired
    account = _application(viewer, Permission.APPLICATIONS_DECIDE, account_id)
    account.status = next_status(account.status, Event.REJECT)
    account.decided_at = now
    account.rejection_reason = rejection_reason
    audit.record(
        action="application.rejected", viewer=viewer, account_id=account_id, now=now, reason=rejection_reason
    )
    application_mails.queue_rejection_mail(account=account, brand=brand, now=now)
    return account


def request_provisioning(*, viewer: Viewer, account_id: int, now: dt.datetime) -> Account:
    """Order the provisioning of an approved account (operator); the worker carries it out, now or again.

    :raises TransitionRefused: when the account is not approved, or provisioned already.
    """
    account = _application(viewer, Permission.APPLICATIONS_DECIDE, account_id)
    next_status(account.status, Event.PROVISION)
    account.provisioning_requested_at = now
    account.provisioning_requested_by_id = viewer.administrator_id
    account.provisioning_next_attempt_at = now
    account.provisioning_attempts = 0
    audit.record(action="provisioning.requested", viewer=viewer, account_id=account_id, now=now)
    return account


def new_account_number() -> str:
    """Return an account number that is not in use: 8 digits, the first not 0."""
    while True:
        number = str(10_000_000 + secrets.randbelow(90_000_000))
        used = select(Account.id).where(Account.account_number == number)
        if db.session.execute(used).first() is None:
            return number


def _parents(viewer: Viewer, account_type: AccountType) -> Select[Account]:
    own = Account.id == viewer.account_id
    return (
        select(Account)
        .where(
            access.scope(viewer) | own,
            Account.account_type.in_(PARENTS[account_type]),
            Account.status.in_(RUNNING),
        )
        .order_by(own.desc(), Account.company_name, Account.id)
    )


def _locked_parent(viewer: Viewer, account_type: AccountType, parent_id: int, now: dt.datetime) -> Account:
    """Return the account to register under; shared lock: its cancellation waits, other registrations do not."""
    statement = _parents(viewer, account_type).where(Account.id == parent_id).with_for_update(read=True)
    parent = db.session.execute(statement.execution_options(populate_existing=True)).scalar_one_or_none()
    if parent is None:
        refusal = ParentUnknown if account_type is AccountType.CUSTOMER else DistributorUnknown
        raise refusal(parent_id=parent_id)
    check_running(parent, now)
    return parent


def _check_parent(account: Account, now: dt.datetime) -> None:
    """Refuse to apply again below an account that was canceled meanwhile, or is about to be."""
    parent = db.session.execute(
        select(Account)
        .where(Account.id == account.parent_id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    ).scalar_one()
    check_running(parent, now)


def _check_user_count(contract_user_count: int) -> None:
    if not SMALLEST_USER_COUNT <= contract_user_count <= LARGEST_USER_COUNT:
        raise UserCountOutOfRange(minimum=SMALLEST_USER_COUNT, maximum=LARGEST_USER_COUNT)


def _application(viewer: Viewer, permission: Permission, account_id: int) -> Account:
    return access.accounts_to_change(
        viewer=viewer, permission=permission, account_ids=[account_id], account_types=set(AccountType)
    )[0]
