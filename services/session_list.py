"""Running sessions: the browsers in which an administrator is signed in, seen and ended by himself and others.

An ended session opens nothing at the next request; one that is over by itself is not listed any more.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, select, update

from domain.browser_names import browser_name
from domain.errors import DomainError
from domain.permissions import Viewer
from models import Administrator, SignIn, db
from services import audit, sign_ins
from services.administrator_access import administered_account, person_to_change
from services.sign_ins import ABSOLUTE_LIFETIME, IDLE_LIFETIME


class SessionNotVisible(DomainError):
    """A session is not there, or is of somebody else than the person whose sessions are shown: the same answer."""

    http_status = 404


@dataclass(frozen=True)
class RunningSession:
    """A browser in which somebody is signed in; `browser` is "" when it says nothing known of itself."""

    id: int
    started_at: dt.datetime
    last_seen_at: dt.datetime
    remote_address: str | None
    browser: str
    is_current: bool


def is_running(now: dt.datetime) -> ColumnElement[bool]:
    """Return the condition on SignIn for sessions that open something at an instant."""
    return and_(
        SignIn.ended_at.is_(None),
        SignIn.started_at > now - ABSOLUTE_LIFETIME,
        SignIn.last_seen_at > now - IDLE_LIFETIME,
    )


def running_sessions(*, administrator_id: int, token: str | None, now: dt.datetime) -> list[RunningSession]:
    """Return the running sessions of an administrator whom the caller may see, last used first.

    `token` is the one of the session that asks.
    """
    statement = (
        select(SignIn)
        .where(SignIn.administrator_id == administrator_id, is_running(now))
        .order_by(SignIn.last_seen_at.desc(), SignIn.id.desc())
    )
    current = sign_ins.token_hash(token) if token else None
    return [
        RunningSession(
            id=row.id,
            started_at=row.started_at,
            last_seen_at=row.last_seen_at,
            remote_address=row.remote_address,
            browser=browser_name(row.user_agent or ""),
            is_current=row.token_hash == current,
        )
        for row in db.session.execute(statement).scalars()
    ]


def end_own_session(*, viewer: Viewer, session_id: int, now: dt.datetime) -> int:
    """End one of one's own sessions; return 1, or 0 when it was over already.

    :raises SessionNotVisible: it is not there, or somebody else's.
    """
    return _end_one(viewer, _oneself(viewer), session_id, now)


def end_own_other_sessions(*, viewer: Viewer, token: str, now: dt.datetime) -> int:
    """End all of one's own sessions but the one that asks; return how many were running."""
    return _end(viewer, _oneself(viewer), now, SignIn.token_hash != sign_ins.token_hash(token))


def end_sessions_of(
    *, viewer: Viewer, account_id: int, administrator_id: int, session_id: int | None, now: dt.datetime
) -> int:
    """End a session of an administrator whose password the viewer may reset, or all; return how many were running.

    `session_id` None: all of them.

    :raises SessionNotVisible: it is not there, or somebody else's.
    :raises DomainError: as administered_account; AdministratorNotVisible, PermissionRefused.
    """
    account = administered_account(viewer, account_id, now)
    person = person_to_change(viewer, account, administrator_id)
    return _end(viewer, person, now) if session_id is None else _end_one(viewer, person, session_id, now)


def _oneself(viewer: Viewer) -> Administrator:
    return db.session.get_one(Administrator, viewer.administrator_id)


def _end_one(viewer: Viewer, person: Administrator, session_id: int, now: dt.datetime) -> int:
    is_it = and_(SignIn.id == session_id, SignIn.administrator_id == person.id)
    if db.session.execute(select(SignIn.id).where(is_it)).first() is None:
        raise SessionNotVisible(session_id=session_id)
    return _end(viewer, person, now, is_it)


def _end(viewer: Viewer, person: Administrator, now: dt.datetime, *conditions: ColumnElement[bool]) -> int:
    chosen: Sequence[int] = (
        db.session.execute(
            select(SignIn.id)
            .where(SignIn.administrator_id == person.id, is_running(now), *conditions)
            .order_by(SignIn.id)
            .with_for_update(of=SignIn)
        )
        .scalars()
        .all()
    )
    if not chosen:
        return 0
    db.session.execute(update(SignIn).where(SignIn.id.in_(chosen)).values(ended_at=now))
    audit.record(
        action="administrator.sessions_ended",
        viewer=viewer,
        account_id=person.account_id,
        now=now,
        user_name=person.user_name,
        session_count=len(chosen),
    )
    return len(chosen)
