"""History of a row: all that is known of one account, now or as it was at the end of a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, func, select

from domain.billing_calendar import tokyo_date
from domain.lifecycle import LISTED, RUNNING, AccountStatus
from domain.permissions import CHARGED_TYPES, AccountType, Viewer
from domain.points import PriceMissing
from models import (
    Account,
    Administrator,
    AuditEvent,
    ContractUserChange,
    OutgoingMail,
    PointBalance,
    PointLine,
    db,
)
from models.mails import MailKind
from services import access, account_as_of, cancellation_previews, prices
from services.actor_names import Actors
from services.bounces import bounced_addresses
from services.cancellation_previews import CancellationPreview
from services.company_names import find_company_name
from services.estimates import estimate_columns
from services.lists import ListArguments, ListSource, Page, fetch_page
from services.operation_log import log_source
from services.point_history import history_source
from services.prices import FeeOutlook
from services.suspensions import SUSPENDED_TYPES, suspension_due_at

#: Rows that a section shows; the lists have the rest.
SHOWN = 50
#: Mails to the person who applied: an administrator of a level above the account.
_TO_APPLICANT = (MailKind.APPROVAL, MailKind.REJECTION)


@dataclass(frozen=True)
class AccountHistory:
    """What the page of an account shows. `state` is the account, or what it was (account_as_of.AccountState).

    `lines`, `events`, `users` and `mails` are newest first; `day` None: it is today's. `ahead` None: the past.
    """

    account: Account
    state: Any
    day: dt.date | None
    point_balance: int | None
    parent_name: str
    support_name: str
    lines: Page
    events: Page
    users: list[Row[Any]]
    mails: list[Row[Any]]
    mail_count: int
    bounced: frozenset[str]
    ahead: Ahead | None


@dataclass(frozen=True)
class Ahead:
    """What is scheduled for an account; points ≥ 0, None where nothing of the kind is ahead."""

    cancellation_date: dt.date | None
    settlement: CancellationPreview | None
    fee: FeeOutlook | None
    estimated_balance: int | None
    suspension_on: dt.date | None


def find_account(*, viewer: Viewer, account_id: int, account_types: Collection[AccountType]) -> Account:
    """Return an account of a list that has a page: it is or was in service.

    :raises AccountNotVisible: when it is not there, not the viewer's, or only an application.
    """
    account = access.find_account(viewer=viewer, account_id=account_id, account_types=account_types)
    if account.status not in LISTED:
        raise access.AccountNotVisible(account_id=account_id)
    return account


def find_history(
    *, viewer: Viewer, account: Account, day: dt.date | None, now: dt.datetime, suspend_after_days: int
) -> AccountHistory:
    """Return all that is known of an account that find_account has found; `day`: as it was at the end of it.

    :raises DayOutOfRange: before the application, or after today in Tokyo.
    """
    until = None
    if day is not None:
        account_as_of.check_day(account=account, day=day, now=now)
        until = account_as_of.end_of_day(day)
    state: Any = account if day is None else account_as_of.state_at(account=account, day=day)
    balance = db.session.get(PointBalance, account.id)
    mails = _mails(viewer, account.id, until)
    return AccountHistory(
        account=account,
        state=state,
        day=day,
        point_balance=(balance.point_balance if balance else None) if day is None else state.point_balance,
        parent_name=find_company_name(state.parent_id),
        support_name=find_company_name(state.support_account_id),
        lines=_newest(
            history_source(viewer=viewer), PointLine.account_id == account.id, PointLine.recorded_at, until
        ),
        events=_newest(
            log_source(viewer=viewer, account_id=account.id),
            AuditEvent.account_id == account.id,
            AuditEvent.recorded_at,
            until,
        ),
        users=_users(viewer, account.id, until),
        mails=mails,
        mail_count=_mail_count(account.id, until),
        bounced=frozenset(
            found.email.lower() for found in bounced_addresses([account.id]).get(account.id, ())
        ),
        ahead=_ahead(account, balance, now, suspend_after_days) if day is None else None,
    )


def _newest(source: ListSource, is_meant: ColumnElement[bool], recorded_at: Any, until: Any) -> Page:
    statement = source.statement.where(is_meant, *([recorded_at < until] if until else []))
    return fetch_page(replace(source, statement=statement), ListArguments(page_size=SHOWN))


def _users(viewer: Viewer, account_id: int, until: dt.datetime | None) -> list[Row[Any]]:
    actors = Actors(viewer, ContractUserChange.administrator_id)
    statement = actors.joined(
        select(
            ContractUserChange.effective_at,
            ContractUserChange.contract_user_count,
            actors.name().label("actor_name"),
        )
    ).where(ContractUserChange.account_id == account_id)
    if until is not None:
        statement = statement.where(ContractUserChange.effective_at < until)
    newest = (ContractUserChange.effective_at.desc(), ContractUserChange.id.desc())
    return list(db.session.execute(statement.order_by(*newest).limit(SHOWN)))


def _mails(viewer: Viewer, account_id: int, until: dt.datetime | None) -> list[Row[Any]]:
    """Return mails with is_recipient_shown: who applied on a level above is not named."""
    is_near = exists().where(
        func.lower(Administrator.email) == func.lower(OutgoingMail.recipient_email),
        Administrator.account_id == Account.id,
        access.history_scope(viewer),
    )
    statement = select(
        OutgoingMail.id,
        OutgoingMail.kind,
        OutgoingMail.state,
        OutgoingMail.recipient_name,
        OutgoingMail.recipient_email,
        OutgoingMail.created_at,
        OutgoingMail.sent_at,
        OutgoingMail.next_attempt_at,
        OutgoingMail.last_error,
        (OutgoingMail.kind.not_in(_TO_APPLICANT) | is_near).label("is_recipient_shown"),
    ).where(_mails_of(account_id, until))
    return list(db.session.execute(statement.order_by(OutgoingMail.id.desc()).limit(SHOWN)))


def _mail_count(account_id: int, until: dt.datetime | None) -> int:
    return db.session.execute(
        select(func.count(OutgoingMail.id)).where(_mails_of(account_id, until))
    ).scalar_one()


def _mails_of(account_id: int, until: dt.datetime | None) -> ColumnElement[bool]:
    is_of_account = OutgoingMail.account_id == account_id
    return is_of_account if until is None else is_of_account & (OutgoingMail.created_at < until)


def _ahead(
    account: Account, balance: PointBalance | None, now: dt.datetime, suspend_after_days: int
) -> Ahead | None:
    if account.status not in RUNNING or balance is None:
        return None
    leaves_on = account.cancellation_date
    is_open = leaves_on is not None and leaves_on > tokyo_date(now)
    negative_since = balance.negative_since
    is_warned = account.account_type in SUSPENDED_TYPES and account.status is AccountStatus.ACTIVE
    return Ahead(
        cancellation_date=leaves_on,
        settlement=cancellation_previews.preview_locked(account, leaves_on, now) if is_open else None,
        fee=_fee(account, now),
        estimated_balance=_estimate(account.id, now),
        suspension_on=(
            tokyo_date(suspension_due_at(negative_since, suspend_after_days))
            if negative_since is not None and is_warned
            else None
        ),
    )


def _fee(account: Account, now: dt.datetime) -> FeeOutlook | None:
    if account.account_type not in CHARGED_TYPES:
        return None
    try:
        return prices.fee_outlook(account, now=now)
    except PriceMissing:
        return None


def _estimate(account_id: int, now: dt.datetime) -> int | None:
    statement = (
        select(estimate_columns(now).estimated_balance)
        .select_from(Account)
        .outerjoin(PointBalance, PointBalance.account_id == Account.id)
        .where(Account.id == account_id)
    )
    return db.session.execute(statement).scalar_one_or_none()
