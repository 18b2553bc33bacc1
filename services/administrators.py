"""Administrators: the people who sign in for an account, as the command line makes them."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import or_, select

from domain.errors import DomainError
from domain.inputs.emails import parse_email
from domain.permissions import LEVELS, AdminLevel
from models import Account, Administrator, db
from services import audit
from services.sign_ins import create_one_time_link


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

    :raises DomainError: AccountNumberUnknown, LevelNotOffered, AdministratorTaken, EmailAddressRefused.
    """
    account = _account_numbered(account_number)
    if level not in LEVELS[account.account_type]:
        raise LevelNotOffered(level=level, account_type=account.account_type)
    address = parse_email(email)
    _check_free(user_name, address)
    administrator = Administrator(
        account_id=account.id,
        user_name=user_name,
        email=address,
        full_name=full_name,
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
