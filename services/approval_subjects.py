"""The rows that approval requests are about: what they are called, and which of them wait.

A row may have gone to another MSP meanwhile, out of the sight of those who asked and who decide. What they knew of it
already they may still read: what it is called and of which type it is, so that its request can be ended.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import select

from domain.permissions import AccountType
from models import Account, ApprovalRequest, db
from services import four_eyes, row_scope

_ELSEWHERE = "a row may have gone to another MSP: its name and type were in the request already"


class RowName(NamedTuple):
    """A row, as it is called."""

    account_number: str
    company_name: str


def name_of_subject(request: ApprovalRequest) -> RowName | None:
    """Return what the one row of a request is called now; None for a refill and for a rule."""
    subject_id = request.subject_account_id
    return None if subject_id is None else _names([subject_id])[subject_id]


def names_of_rows(request: ApprovalRequest) -> list[RowName]:
    """Return number and name of each row of a refill, in its order; what they are called now."""
    found = _names(request.account_ids)
    return [found.get(account_id, RowName("", "")) for account_id in request.account_ids]


def type_of_subject(request: ApprovalRequest) -> AccountType:
    """Return the type of the one row of a request."""
    statement = select(Account.account_type).where(Account.id == request.subject_account_id)
    with row_scope.beyond(_ELSEWHERE):
        return db.session.execute(statement).scalar_one()


def awaiting_approval(*, payers: Mapping[int, int], now: dt.datetime) -> set[int]:
    """Return those of some accounts (with who pays for each) about which their payer has an open request.

    A refill of several rows is about each of them.
    """
    statement = (
        select(ApprovalRequest.account_id, ApprovalRequest.subject_account_id, ApprovalRequest.account_ids)
        .where(four_eyes.is_open(now), ApprovalRequest.account_id.in_(set(payers.values())))
        .order_by(ApprovalRequest.id)
    )
    return {
        account_id
        for row in db.session.execute(statement)
        for account_id in (row.subject_account_id, *row.account_ids)
        if payers.get(account_id) == row.account_id
    }


def _names(account_ids: Collection[int]) -> dict[int, RowName]:
    statement = select(Account.id, Account.account_number, Account.company_name).where(
        Account.id.in_(account_ids)
    )
    with row_scope.beyond(_ELSEWHERE):
        rows = db.session.execute(statement).all()
    return {row.id: RowName(row.account_number or "", row.company_name) for row in rows}
