"""Signing in and out: sessions are rows, passwords are argon2 hashes, links that set a password work once."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, update

from domain.errors import DomainError
from domain.inputs.emails import email_key
from domain.lifecycle import RUNNING
from domain.permissions import Viewer
from models import Account, Administrator, OneTimeLink, SignIn, db
from services import audit

ABSOLUTE_LIFETIME = dt.timedelta(hours=12)
IDLE_LIFETIME = dt.timedelta(minutes=30)
#: How much later the last request must be before the row is written again.
TOUCH_AFTER = dt.timedelta(minutes=1)
LINK_LIFETIME = dt.timedelta(days=1)
SHORTEST_PASSWORD = 12
#: Longer ones would only cost time; 200 characters are more than any password manager makes.
LONGEST_PASSWORD = 200
_LONGEST_USER_AGENT = 300


class PasswordTooShort(DomainError):
    """A new password has fewer than `minimum` characters."""

    field = "password"


class PasswordTooLong(DomainError):
    """A new password has more than `maximum` characters."""

    field = "password"


class PasswordNotRepeated(DomainError):
    """The two entries of a new password differ."""

    field = "repeated"


class OneTimeLinkInvalid(DomainError):
    """A one-time link is unknown, used or too old: the same answer."""

    http_status = 404


@dataclass(frozen=True)
class SignedIn:
    """Who is signed in, with what the frame of every page shows."""

    viewer: Viewer
    full_name: str
    company_name: str
    account_number: str | None
    language: str
    last_seen_at: dt.datetime
    #: Whose customer portal the session is in; None: its own account's.
    portal_account_id: int | None = None

    def is_touch_due(self, now: dt.datetime) -> bool:
        """Tell whether the row's last request is old enough to be written again."""
        return now - self.last_seen_at >= TOUCH_AFTER


def hash_password(password: str) -> str:
    """Return the argon2 hash that the row keeps."""
    return _hasher().hash(password)


def authenticate(*, user_name_or_email: str, password: str) -> int | None:
    """Return the id of the administrator with this name and password; None when that person may not sign in.

    Unknown, wrong, without a password, disabled and canceled take about the same time: a hash is computed in
    each. It reads only, so that it needs no writing transaction while the hash is computed.
    """
    administrator = _find_administrator(user_name_or_email.strip())
    stored = administrator.password_hash if administrator else None
    is_right = _matches(stored or _decoy_hash(), password) and stored is not None
    if administrator is None or not is_right or not _may_sign_in(administrator, administrator.account):
        return None
    return administrator.id


def sign_in(*, administrator_id: int, now: dt.datetime, remote_address: str | None, user_agent: str) -> str:
    """Begin a session for an administrator who has just been authenticated, and return its token."""
    administrator = db.session.get_one(Administrator, administrator_id)
    token = secrets.token_urlsafe(32)
    db.session.add(
        SignIn(
            administrator_id=administrator.id,
            token_hash=_token_hash(token),
            started_at=now,
            last_seen_at=now,
            remote_address=remote_address,
            user_agent=user_agent[:_LONGEST_USER_AGENT],
        )
    )
    db.session.flush()
    viewer = _viewer(administrator, administrator.account, remote_address)
    audit.record(
        action="administrator.signed_in", viewer=viewer, account_id=administrator.account_id, now=now
    )
    return token


def find_signed_in(*, token: str, now: dt.datetime, remote_address: str | None = None) -> SignedIn | None:
    """Return who holds a session; None when it is over, or its person may not sign in any more."""
    row = db.session.execute(
        select(SignIn, Administrator, Account)
        .join(Administrator, SignIn.administrator_id == Administrator.id)
        .join(Account, Administrator.account_id == Account.id)
        .where(SignIn.token_hash == _token_hash(token), SignIn.ended_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    session, administrator, account = row
    is_over = now - session.started_at >= ABSOLUTE_LIFETIME or now - session.last_seen_at >= IDLE_LIFETIME
    if is_over or not _may_sign_in(administrator, account):
        return None
    return SignedIn(
        viewer=_viewer(administrator, account, remote_address),
        full_name=administrator.full_name,
        company_name=account.company_name,
        account_number=account.account_number,
        language=administrator.language,
        last_seen_at=session.last_seen_at,
        portal_account_id=session.portal_account_id,
    )


def touch(*, token: str, now: dt.datetime) -> None:
    """Write down that a session was used just now."""
    db.session.execute(
        update(SignIn)
        .where(SignIn.token_hash == _token_hash(token), SignIn.ended_at.is_(None), SignIn.last_seen_at < now)
        .values(last_seen_at=now)
    )


def set_portal_account(*, token: str, account_id: int | None) -> None:
    """Keep with a session whose customer portal it is in; None: its own account's."""
    db.session.execute(
        update(SignIn)
        .where(SignIn.token_hash == _token_hash(token), SignIn.ended_at.is_(None))
        .values(portal_account_id=account_id)
    )


def sign_out(*, token: str, now: dt.datetime) -> None:
    """End a session; one that has ended stays as it is."""
    db.session.execute(
        update(SignIn)
        .where(SignIn.token_hash == _token_hash(token), SignIn.ended_at.is_(None))
        .values(ended_at=now)
    )


def create_one_time_link(*, administrator_id: int, now: dt.datetime) -> str:
    """Return the token of a new link by which an administrator sets a password; earlier ones end."""
    db.session.execute(
        update(OneTimeLink)
        .where(OneTimeLink.administrator_id == administrator_id, OneTimeLink.used_at.is_(None))
        .values(used_at=now)
    )
    token = secrets.token_urlsafe(32)
    db.session.add(
        OneTimeLink(
            administrator_id=administrator_id,
            token_hash=_token_hash(token),
            created_at=now,
            expires_at=now + LINK_LIFETIME,
        )
    )
    db.session.flush()
    return token


def find_link_holder(*, token: str, now: dt.datetime) -> Administrator:
    """Return whose password a link sets.

    :raises OneTimeLinkInvalid: when it is unknown, used or too old.
    """
    return _open_link(token, now).administrator


def use_one_time_link(*, token: str, password: str, repeated: str, now: dt.datetime) -> Administrator:
    """Set the password of a link's holder and end all of that person's sessions.

    :raises OneTimeLinkInvalid: when it is unknown, used or too old.
    :raises PasswordTooShort, PasswordTooLong, PasswordNotRepeated: when the new password is refused.
    """
    link = _open_link(token, now, for_update=True)
    if len(password) < SHORTEST_PASSWORD:
        raise PasswordTooShort(minimum=SHORTEST_PASSWORD)
    if len(password) > LONGEST_PASSWORD:
        raise PasswordTooLong(maximum=LONGEST_PASSWORD)
    if password != repeated:
        raise PasswordNotRepeated()
    administrator = link.administrator
    administrator.password_hash = hash_password(password)
    link.used_at = now
    end_all_sessions(administrator_id=administrator.id, now=now)
    db.session.flush()
    viewer = _viewer(administrator, administrator.account)
    audit.record(
        action="administrator.password_set", viewer=viewer, account_id=administrator.account_id, now=now
    )
    return administrator


def end_all_sessions(*, administrator_id: int, now: dt.datetime) -> None:
    """End every session of an administrator."""
    db.session.execute(
        update(SignIn)
        .where(SignIn.administrator_id == administrator_id, SignIn.ended_at.is_(None))
        .values(ended_at=now)
    )


def _open_link(token: str, now: dt.datetime, *, for_update: bool = False) -> OneTimeLink:
    statement = select(OneTimeLink).where(
        OneTimeLink.token_hash == _token_hash(token),
        OneTimeLink.used_at.is_(None),
        OneTimeLink.expires_at > now,
    )
    link = db.session.execute(statement.with_for_update() if for_update else statement).scalar_one_or_none()
    if link is None or not _may_sign_in(link.administrator, link.administrator.account):
        raise OneTimeLinkInvalid()
    return link


def viewer_named(user_name: str) -> Viewer | None:
    """Return the viewer that an administrator would be, or None when there is none who may sign in."""
    administrator = _find_administrator(user_name)
    if administrator is None or not _may_sign_in(administrator, administrator.account):
        return None
    return _viewer(administrator, administrator.account)


def _find_administrator(name: str) -> Administrator | None:
    if not name or "\0" in name:
        return None
    is_named = Administrator.email == email_key(name) if "@" in name else Administrator.user_name == name
    statement = select(Administrator).where(is_named, Administrator.deleted_at.is_(None))
    return db.session.execute(statement).scalar_one_or_none()


def _may_sign_in(administrator: Administrator, account: Account) -> bool:
    return not administrator.is_disabled and account.status in RUNNING


def _viewer(administrator: Administrator, account: Account, remote_address: str | None = None) -> Viewer:
    return Viewer(
        administrator_id=administrator.id,
        user_name=administrator.user_name,
        account_id=account.id,
        account_type=account.account_type,
        level=administrator.level,
        remote_address=remote_address,
    )


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher().verify(stored, password[: LONGEST_PASSWORD + 1])
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@lru_cache(maxsize=1)
def _decoy_hash() -> str:
    """Return the hash of a password that nobody has, so that an unknown name costs as much as a known one."""
    return _hasher().hash(secrets.token_urlsafe(32))
