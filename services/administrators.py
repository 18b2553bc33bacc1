"""Administrators: the people who sign in for an account, as the command line makes them."""

from __future__ import annotations

import datetime as dt
import re

from sqlalchemy import or_, select

from domain.errors import DomainError
from domain.inputs.emails import email_key, parse_email
from domain.inputs.text import clean_line
from domain.permissions import LEVELS, AdminLevel
from models import Account, Administrator, db
from services import audit
from services.sign_ins import create_one_time_link

LONGEST_FULL_NAME = 100
_USER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


class AdministratorUnknown(DomainError):
    """There is no administrator of that user name."""

    http_status = 404


class AccountNumberUnknown(DomainError):
    """There is no account of that number."""

    http_status = 404


class AdministratorTaken(DomainError):
    """The user name or the e-mail address belongs to somebody already."""


class LevelNotOffered(DomainError):
    """The account's type does not have administrators of that level."""


class UserNameRefused(DomainError):
    """A user name is not 1 to 60 letters, digits, dots, hyphens and underscores, a letter or digit first."""

    field = "user_name"


class NameRequired(DomainError):
    """A name is empty."""


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

    :raises DomainError: AccountNumberUnknown, LevelNotOffered, AdministratorTaken, EmailAddressRefused,
        UserNameRefused, NameRequired.
    """
    account = _account_numbered(account_number)
    if level not in LEVELS[account.account_type]:
        raise LevelNotOffered(level=level, account_type=account.account_type)
    check_user_name(user_name)
    address = email_key(parse_email(email))
    _check_free(user_name, address)
    administrator = Administrator(
        account_id=account.id,
        user_name=user_name,
        email=address,
        full_name=clean_name(full_name, maximum=LONGEST_FULL_NAME),
        level=level,
        created_at=now,
    )
    db.session.add(administrator)
    db.session.flush()
    audit.record(
        action="administrator.created",
        viewer=None,
        account_id=account.id,
        now=now,
        user_name=user_name,
        level=level,
    )
    return create_one_time_link(administrator_id=administrator.id, now=now)


def reset_password(*, user_name: str, now: dt.datetime) -> str:
    """Return the token of a new one-time link. :raises AdministratorUnknown:"""
    administrator = _named(user_name)
    audit.record(
        action="administrator.password_reset",
        viewer=None,
        account_id=administrator.account_id,
        now=now,
        user_name=user_name,
    )
    return create_one_time_link(administrator_id=administrator.id, now=now)


def enable(*, user_name: str, now: dt.datetime) -> None:
    """Let an administrator sign in again. :raises AdministratorUnknown:"""
    administrator = _named(user_name)
    administrator.is_disabled = False
    audit.record(
        action="administrator.enabled",
        viewer=None,
        account_id=administrator.account_id,
        now=now,
        user_name=user_name,
    )


def _account_numbered(account_number: str) -> Account:
    account = db.session.execute(
        select(Account).where(Account.account_number == account_number)
    ).scalar_one_or_none()
    if account is None:
        raise AccountNumberUnknown(account_number=account_number)
    return account


def _check_free(user_name: str, email: str) -> None:
    taken = select(Administrator.id).where(
        or_(Administrator.user_name == user_name, Administrator.email == email)
    )
    if db.session.execute(taken).first() is not None:
        raise AdministratorTaken(user_name=user_name)


def _named(user_name: str) -> Administrator:
    administrator = db.session.execute(
        select(Administrator).where(Administrator.user_name == user_name)
    ).scalar_one_or_none()
    if administrator is None:
        raise AdministratorUnknown(user_name=user_name)
    return administrator
