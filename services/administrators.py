"""Administrators: the people who sign in for an account; how one is made, and what the command line does.

What people do to each other is in services/portal_administrators.py.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import IntegrityError

from domain.errors import DomainError
from domain.inputs.emails import email_key, parse_email
from domain.inputs.text import clean_line
from domain.permissions import LEVELS, AdminLevel, Viewer
from models import Account, Administrator, db
from services import audit, row_scope, second_factors, sign_in_attempts, sign_ins
from services.mail_texts import MailBrand
from services.one_time_links import create_one_time_link

LONGEST_FULL_NAME = 100
_USER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


class AdministratorUnknown(DomainError):
    """There is no administrator of that user name."""

    http_status = 404


class AccountNumberUnknown(DomainError):
    """There is no account of that number."""

    http_status = 404


class UserNameTaken(DomainError):
    """The user name belongs, or once belonged, to somebody: it is given only once."""

    field = "user_name"


class EmailTaken(DomainError):
    """The e-mail address belongs to somebody else."""

    field = "email"


class LevelNotOffered(DomainError):
    """The account's type does not have administrators of that level."""

    field = "level"


class UserNameRefused(DomainError):
    """A user name is not 1 to 60 letters, digits, dots, hyphens and underscores, a letter or digit first."""

    field = "user_name"


class NameRequired(DomainError):
    """A name is empty."""

    field = "full_name"


def check_user_name(user_name: str) -> None:
    """Refuse a name that could not be signed in with, or that would look like an e-mail address.

    :raises UserNameRefused: when it is none.
    """
    if not _USER_NAME.fullmatch(user_name):
        raise UserNameRefused(user_name=user_name)


def clean_name(text: str, *, maximum: int) -> str:
    """Return a name as it is stored.

    :raises DomainError: NameRequired, TextTooLong, ForbiddenCharacter.
    """
    name = clean_line(text, maximum=maximum)
    if not name:
        raise NameRequired
    return name


def add_administrator(
    *,
    account: Account,
    user_name: str,
    email: str,
    full_name: str,
    level: AdminLevel,
    password_hash: str | None,
    viewer: Viewer | None,
    now: dt.datetime,
) -> Administrator:
    """Write a new administrator of an account, and the event of it; without a hash there is no password yet.

    :raises DomainError: LevelNotOffered, UserNameTaken, EmailTaken, EmailAddressRefused, UserNameRefused,
        NameRequired, TextTooLong, ForbiddenCharacter.
    """
    if level not in LEVELS[account.account_type]:
        raise LevelNotOffered(level=level, account_type=account.account_type)
    check_user_name(user_name)
    address = email_key(parse_email(email))
    # Two names that differ by case alone would be taken for one another, in the log as well.
    if _is_held(func.lower(Administrator.user_name) == user_name.lower()):
        raise UserNameTaken(user_name=user_name)
    check_email_free(address)
    administrator = Administrator(
        account_id=account.id,
        user_name=user_name,
        email=address,
        full_name=clean_name(full_name, maximum=LONGEST_FULL_NAME),
        level=level,
        password_hash=password_hash,
        created_at=now,
    )
    db.session.add(administrator)
    flush_unique()
    facts = {"full_name": administrator.full_name, "email": address, "level": level}
    _record("administrator.created", administrator, viewer, now, **facts)
    return administrator


def check_email_free(email: str, *, administrator_id: int | None = None) -> None:
    """Refuse an address of somebody else who is not deleted. :raises EmailTaken:"""
    is_other = Administrator.id != (administrator_id or 0)
    if _is_held((Administrator.email == email) & Administrator.deleted_at.is_(None) & is_other):
        raise EmailTaken(email=email)


def flush_unique() -> None:
    """Flush; what somebody else took between the look and the writing is refused in the same words.

    :raises UserNameTaken, EmailTaken: the database knows better.
    """
    try:
        db.session.flush()
    except IntegrityError as error:
        # The first line names the constraint or the column, the others may hold what was typed.
        named = str(error.orig).partition("\n")[0]
        raise (EmailTaken() if "email" in named else UserNameTaken()) from error


def create(
    *,
    account_number: str,
    user_name: str,
    email: str,
    full_name: str,
    level: AdminLevel,
    now: dt.datetime,
) -> str:
    """Create an administrator without a password; return the token of its one-time link.

    :raises DomainError: AccountNumberUnknown, and as add_administrator.
    """
    administrator = add_administrator(
        account=_account_numbered(account_number),
        user_name=user_name,
        email=email,
        full_name=full_name,
        level=level,
        password_hash=None,
        viewer=None,
        now=now,
    )
    return create_one_time_link(administrator_id=administrator.id, now=now)


def reset_password(*, user_name: str, now: dt.datetime) -> str:
    """Return the token of a new one-time link. :raises AdministratorUnknown:"""
    administrator = _named(user_name)
    _record("administrator.password_reset", administrator, None, now)
    return create_one_time_link(administrator_id=administrator.id, now=now)


def unlock(*, user_name: str, now: dt.datetime) -> Administrator:
    """Lift a lock, if there is one; a disabled administrator stays disabled. :raises AdministratorUnknown:"""
    administrator = _named(user_name)
    if sign_in_attempts.lift_lock(administrator, now=now):
        _record("administrator.unlocked", administrator, None, now)
    return administrator


def reset_second_factor(*, user_name: str, brand: MailBrand, now: dt.datetime) -> None:
    """Take away a person's second factor. :raises AdministratorUnknown, SecondFactorNotOn:"""
    second_factors.take_away(person=_named(user_name), viewer=None, brand=brand, now=now)


def _record(
    action: str, administrator: Administrator, viewer: Viewer | None, now: dt.datetime, **details: Any
) -> None:
    audit.record(
        action=action,
        viewer=viewer,
        account_id=administrator.account_id,
        now=now,
        user_name=administrator.user_name,
        **details,
    )


def _account_numbered(account_number: str) -> Account:
    account = db.session.execute(
        select(Account).where(Account.account_number == account_number)
    ).scalar_one_or_none()
    if account is None:
        raise AccountNumberUnknown(account_number=account_number)
    return account


def _is_held(condition: ColumnElement[bool]) -> bool:
    with row_scope.beyond("names are unique in the whole portal; told is only that one is taken"):
        return db.session.execute(select(Administrator.id).where(condition)).first() is not None


def _named(user_name: str) -> Administrator:
    found = select(Administrator.id).where(Administrator.user_name == user_name)
    administrator = sign_ins.lock_administrator(db.session.execute(found).scalar_one_or_none() or 0)
    if administrator is None:
        raise AdministratorUnknown(user_name=user_name)
    return administrator
