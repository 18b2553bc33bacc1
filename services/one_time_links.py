"""Links by which an administrator sets a password: they work once, for a day, and only the newest does."""

from __future__ import annotations

import datetime as dt
import secrets

from sqlalchemy import func, select, update

from domain.errors import DomainError
from models import Administrator, OneTimeLink, db
from services import audit, sign_ins
from services.sign_ins import token_hash

LINK_LIFETIME = dt.timedelta(days=1)


class OneTimeLinkInvalid(DomainError):
    """A one-time link is unknown, used or too old: the same answer."""

    http_status = 404


def create_one_time_link(*, administrator_id: int, now: dt.datetime) -> str:
    """Return the token of a new link; earlier ones end."""
    end_links(administrator_id=administrator_id, now=now)
    token = secrets.token_urlsafe(32)
    db.session.add(
        OneTimeLink(
            administrator_id=administrator_id,
            token_hash=token_hash(token),
            created_at=now,
            expires_at=now + LINK_LIFETIME,
        )
    )
    db.session.flush()
    return token


def end_links(*, administrator_id: int, now: dt.datetime) -> None:
    """End every link of an administrator that has not been used."""
    db.session.execute(
        update(OneTimeLink)
        .where(OneTimeLink.administrator_id == administrator_id, OneTimeLink.used_at.is_(None))
        .values(used_at=now)
    )


def newest_link_at(*, administrator_id: int) -> dt.datetime | None:
    """Return when an administrator's newest link was made, used or not; None: never."""
    newest = select(func.max(OneTimeLink.created_at)).where(OneTimeLink.administrator_id == administrator_id)
    return db.session.execute(newest).scalar_one()


def find_link_holder(*, token: str, now: dt.datetime) -> Administrator:
    """Return whose password a link sets.

    :raises OneTimeLinkInvalid: when it is unknown, used or too old.
    """
    return _open_link(token, now).administrator


def use_one_time_link(
    *, token: str, password_hash: str, now: dt.datetime, remote_address: str | None = None
) -> Administrator:
    """Set the password of a link's holder, end all of that person's sessions and lift a lock.

    `password_hash` comes from `services.passwords.new_password_hash`, computed before the transaction. Who holds
    the link has the mailbox, and the guesses that locked were for another password.

    :raises OneTimeLinkInvalid: when it is unknown, used or too old.
    """
    # The person before the link, in the order in which a new link is made.
    sign_ins.lock_administrator(_open_link(token, now).administrator_id)
    administrator = _open_link(token, now, for_update=True).administrator
    # Not by the row's object: its version is for what people edit.
    db.session.execute(
        update(Administrator)
        .where(Administrator.id == administrator.id)
        .values(
            password_hash=password_hash,
            failed_sign_in_count=0,
            locked_until=None,
            consecutive_lock_count=0,
        )
    )
    end_links(administrator_id=administrator.id, now=now)
    sign_ins.end_all_sessions(administrator_id=administrator.id, now=now)
    db.session.flush()
    audit.record(
        action="administrator.password_set",
        viewer=sign_ins.viewer_of(administrator, remote_address),
        account_id=administrator.account_id,
        now=now,
        user_name=administrator.user_name,
    )
    return administrator


def _open_link(token: str, now: dt.datetime, *, for_update: bool = False) -> OneTimeLink:
    statement = select(OneTimeLink).where(
        OneTimeLink.token_hash == token_hash(token),
        OneTimeLink.used_at.is_(None),
        OneTimeLink.expires_at > now,
    )
    link = db.session.execute(statement.with_for_update() if for_update else statement).scalar_one_or_none()
    if link is None or not sign_ins.may_sign_in(link.administrator, link.administrator.account):
        raise OneTimeLinkInvalid()
    return link
