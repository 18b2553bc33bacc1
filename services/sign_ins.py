"""Sessions: rows that begin with a right password or end, and who holds one."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass, replace

from sqlalchemy import select, update

from domain.fresh_sign_in import Authentication
from domain.inputs.emails import email_key
from domain.lifecycle import RUNNING
from domain.permissions import Viewer
from models import Account, Administrator, SecondFactor, SignIn, db
from services import audit

ABSOLUTE_LIFETIME = dt.timedelta(hours=12)
IDLE_LIFETIME = dt.timedelta(minutes=30)
#: How much later the last request must be before the row is written again.
TOUCH_AFTER = dt.timedelta(minutes=1)
_LONGEST_USER_AGENT = 300


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
    has_second_factor: bool = False
    #: The account requires a second factor, and the person has none yet.
    is_second_factor_due: bool = False

    def is_touch_due(self, now: dt.datetime) -> bool:
        """Tell whether the row's last request is old enough to be written again."""
        return now - self.last_seen_at >= TOUCH_AFTER


def sign_in(*, administrator_id: int, now: dt.datetime, remote_address: str | None, user_agent: str) -> str:
    """Begin a session for an administrator who has just been authenticated, and return its token."""
    administrator = db.session.get_one(Administrator, administrator_id)
    token = secrets.token_urlsafe(32)
    db.session.add(
        SignIn(
            administrator_id=administrator.id,
            token_hash=token_hash(token),
            started_at=now,
            last_seen_at=now,
            authenticated_at=now,
            remote_address=remote_address,
            user_agent=user_agent[:_LONGEST_USER_AGENT],
        )
    )
    db.session.flush()
    viewer = viewer_of(administrator, remote_address)
    audit.record(
        action="administrator.signed_in", viewer=viewer, account_id=administrator.account_id, now=now
    )
    return token


def find_signed_in(
    *, token: str, now: dt.datetime, large_points: int, remote_address: str | None = None
) -> SignedIn | None:
    """Return who holds a session; None when it is over, or its person may not sign in any more.

    A movement of `large_points` or more asks for the password again: domain.fresh_sign_in.
    """
    row = db.session.execute(
        select(SignIn, Administrator, Account, SecondFactor.id.is_not(None))
        .join(Administrator, SignIn.administrator_id == Administrator.id)
        .join(Account, Administrator.account_id == Account.id)
        .outerjoin(SecondFactor, SecondFactor.administrator_id == Administrator.id)
        .where(SignIn.token_hash == token_hash(token), SignIn.ended_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    session, administrator, account, has_second_factor = row
    is_over = now - session.started_at >= ABSOLUTE_LIFETIME or now - session.last_seen_at >= IDLE_LIFETIME
    if is_over or not may_sign_in(administrator, account):
        return None
    authentication = Authentication(session.authenticated_at or session.started_at, large_points)
    return SignedIn(
        viewer=replace(viewer_of(administrator, remote_address), authentication=authentication),
        full_name=administrator.full_name,
        company_name=account.company_name,
        account_number=account.account_number,
        language=administrator.language,
        last_seen_at=session.last_seen_at,
        portal_account_id=session.portal_account_id,
        has_second_factor=has_second_factor,
        is_second_factor_due=account.requires_second_factor and not has_second_factor,
    )


def touch(*, token: str, now: dt.datetime) -> None:
    """Write down that a session was used just now."""
    db.session.execute(
        update(SignIn)
        .where(SignIn.token_hash == token_hash(token), SignIn.ended_at.is_(None), SignIn.last_seen_at < now)
        .values(last_seen_at=now)
    )


def set_portal_account(*, token: str, account_id: int | None) -> None:
    """Keep with a session whose customer portal it is in; None: its own account's."""
    db.session.execute(
        update(SignIn)
        .where(SignIn.token_hash == token_hash(token), SignIn.ended_at.is_(None))
        .values(portal_account_id=account_id)
    )


def sign_out(*, token: str, now: dt.datetime, remote_address: str | None = None) -> None:
    """End a session; one that has ended stays as it is."""
    session = lock_session(token)
    if session is not None:
        session.ended_at = now
        person = session.administrator
        viewer = viewer_of(person, remote_address)
        audit.record(action="administrator.signed_out", viewer=viewer, account_id=person.account_id, now=now)


def lock_session(token: str) -> SignIn | None:
    """Return the session of a token that has not ended, locked."""
    found = select(SignIn).where(SignIn.token_hash == token_hash(token), SignIn.ended_at.is_(None))
    return db.session.execute(found.with_for_update(of=SignIn)).scalar_one_or_none()


def end_all_sessions(*, administrator_id: int, now: dt.datetime, kept_token: str | None = None) -> None:
    """End every session of an administrator, but the one of a token."""
    open_sessions = (SignIn.administrator_id == administrator_id) & SignIn.ended_at.is_(None)
    if kept_token is not None:
        open_sessions &= SignIn.token_hash != token_hash(kept_token)
    db.session.execute(update(SignIn).where(open_sessions).values(ended_at=now))


def viewer_named(user_name: str) -> Viewer | None:
    """Return the viewer that an administrator would be, or None when there is none who may sign in."""
    administrator = find_administrator(user_name)
    if administrator is None or not may_sign_in(administrator, administrator.account):
        return None
    return viewer_of(administrator)


def find_administrator(name: str) -> Administrator | None:
    """Return who has a user name or, where it holds an @, an e-mail address; deleted people have neither."""
    name = name.strip()
    if not name or "\0" in name:
        return None
    is_named = Administrator.email == email_key(name) if "@" in name else Administrator.user_name == name
    statement = select(Administrator).where(is_named, Administrator.deleted_at.is_(None))
    return db.session.execute(statement).scalar_one_or_none()


def lock_administrator(administrator_id: int) -> Administrator | None:
    """Return an administrator who is not deleted, locked for a change, as the database has it now."""
    statement = (
        select(Administrator)
        .where(Administrator.id == administrator_id, Administrator.deleted_at.is_(None))
        .with_for_update(key_share=True, of=Administrator)
        .execution_options(populate_existing=True)
    )
    return db.session.execute(statement).scalar_one_or_none()


def may_sign_in(administrator: Administrator, account: Account) -> bool:
    """Tell whether a person may have sessions at all: locked is another question."""
    return not administrator.is_disabled and account.status in RUNNING


def viewer_of(administrator: Administrator, remote_address: str | None = None) -> Viewer:
    """Return the viewer that an administrator is."""
    return Viewer(
        administrator_id=administrator.id,
        user_name=administrator.user_name,
        account_id=administrator.account_id,
        account_type=administrator.account_type,
        level=administrator.level,
        remote_address=remote_address,
    )


def token_hash(token: str) -> str:
    """Return what a row keeps of a token: it opens nothing by itself."""
    return hashlib.sha256(token.encode()).hexdigest()
