"""Which accounts a rehearsal is of: all of a viewer's, or those whose numbers somebody has typed."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from sqlalchemy import ColumnElement, select

from domain.errors import DomainError
from domain.inputs.text import fold_width
from domain.permissions import Viewer
from models import Account, db
from services import access

#: So many numbers fit into an address, in which the list keeps them.
LARGEST_CHOICE = 200
_SEPARATORS = re.compile(r"[\s,、;]+")
_NUMBER = re.compile(r"[0-9]{8}")
_NAMED = 5
_LONGEST_ECHO = 20


class AccountNumbersUnknown(DomainError):
    """Some of what was typed is no number of an account of the viewer's; carries numbers, the first few."""

    field = "accounts"


class TooManyAccountNumbers(DomainError):
    """More numbers than one rehearsal of chosen accounts takes; carries maximum."""

    field = "accounts"


def chosen_accounts(*, viewer: Viewer, typed: str) -> list[int] | None:
    """Return the ids of the accounts whose numbers were typed, on lines or with commas; None: nothing was.

    A number that is not the viewer's to see is as unknown as one that nobody has.

    :raises DomainError: AccountNumbersUnknown, TooManyAccountNumbers.
    """
    numbers = list(dict.fromkeys(word for word in _SEPARATORS.split(fold_width(typed)) if word))
    if not numbers:
        return None
    if len(numbers) > LARGEST_CHOICE:
        raise TooManyAccountNumbers(maximum=LARGEST_CHOICE)
    asked = [number for number in numbers if _NUMBER.fullmatch(number)]
    rows = db.session.execute(
        select(Account.account_number, Account.id)
        .where(Account.account_number.in_(asked), access.history_scope(viewer))
        .order_by(Account.id)
    )
    found = {row.account_number: row.id for row in rows}
    check_known(numbers, found)
    return [found[number] for number in numbers]


def check_known(numbers: Sequence[str], found: Container[str | None]) -> None:
    """Refuse numbers that were not found. :raises AccountNumbersUnknown:"""
    unknown = [number[:_LONGEST_ECHO] for number in numbers if number not in found]
    if unknown:
        more = " …" if len(unknown) > _NAMED else ""
        raise AccountNumbersUnknown(numbers=", ".join(unknown[:_NAMED]) + more)


def numbers_of(*, viewer: Viewer, account_ids: Sequence[int]) -> list[str]:
    """Return the numbers of accounts of the viewer's, in the order of their ids.

    :raises AccountNotVisible: when any of them is not the viewer's.
    """
    rows = db.session.execute(
        select(Account.id, Account.account_number).where(
            Account.id.in_(account_ids), access.history_scope(viewer), Account.account_number.is_not(None)
        )
    )
    found = {row.id: row.account_number for row in rows}
    missing = [account_id for account_id in account_ids if account_id not in found]
    if missing:
        raise access.AccountNotVisible(account_id=missing[0])
    return [found[account_id] for account_id in account_ids]


def within(viewer: Viewer, account_ids: Sequence[int] | None) -> ColumnElement[bool]:
    """Return the condition on Account for a viewer's own account and those below it, or the chosen ones of them."""
    seen = access.history_scope(viewer)
    return seen if account_ids is None else seen & Account.id.in_(account_ids)
