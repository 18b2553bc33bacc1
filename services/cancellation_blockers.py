"""What keeps a 特権MSP or MSP account from being canceled: what runs or is applied for below it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import aliased

from domain.errors import DomainError
from domain.lifecycle import RUNNING, WAITING, AccountStatus
from domain.permissions import AccountType
from models import Account, db

#: A rejected application is nobody's account yet, and cannot be applied for again below a canceled one.
BLOCKING = RUNNING | (WAITING - {AccountStatus.REJECTED})
#: Blocking accounts that are named; the number is always that of all.
NAMED_BLOCKERS = 5


class AccountsBelow(DomainError):
    """Accounts below the one to be canceled run or are applied for; carries account_count."""

    http_status = 409


@dataclass(frozen=True)
class Blocker:
    """An account that keeps the one above it from being canceled."""

    account_id: int
    account_type: AccountType
    account_number: str | None
    company_name: str
    is_application: bool


@dataclass(frozen=True)
class Blockers:
    """How many accounts block, and the first of them by number."""

    account_count: int = 0
    named: tuple[Blocker, ...] = ()


def find_blockers(account_id: int, *, leaving_on: dt.date | None) -> Blockers:
    """Return what runs or is applied for right below an account; nothing lies deeper below what does not run.

    `leaving_on` is the 解約予定日 that is asked for: what leaves by then does not block. None: at once.
    """
    below: list[ColumnElement[bool]] = [Account.parent_id == account_id, Account.status.in_(BLOCKING)]
    if leaving_on is not None:
        below.append(or_(Account.cancellation_date.is_(None), Account.cancellation_date > leaving_on))
    count = db.session.execute(select(func.count(Account.id)).where(*below)).scalar_one()
    if not count:
        return Blockers()
    rows = db.session.execute(
        select(Account.id, Account.account_type, Account.account_number, Account.company_name, Account.status)
        .where(*below)
        .order_by(Account.account_number.is_(None), Account.account_number, Account.id)
        .limit(NAMED_BLOCKERS)
    )
    named = tuple(
        Blocker(row.id, row.account_type, row.account_number, row.company_name, row.status not in RUNNING)
        for row in rows
    )
    return Blockers(account_count=count, named=named)


def check_nothing_below(account_id: int, *, leaving_on: dt.date | None) -> None:
    """Refuse a cancellation that accounts below stand against; the account must be locked.

    :raises AccountsBelow: with their number.
    """
    found = find_blockers(account_id, leaving_on=leaving_on)
    if found.account_count:
        raise AccountsBelow(account_count=found.account_count)


def blocking_count() -> ColumnElement[int]:
    """Return how many accounts right below an Account row block its cancellation, as SQL."""
    child = aliased(Account)
    return (
        select(func.count(child.id))
        .where(child.parent_id == Account.id, child.status.in_(BLOCKING))
        .correlate(Account)
        .scalar_subquery()
    )
