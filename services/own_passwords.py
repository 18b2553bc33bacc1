"""Changing one's own password while signed in."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import update

from domain.fresh_sign_in import check_fresh
from domain.permissions import Viewer
from models import Administrator, db
from services import audit, one_time_links, session_list, sign_ins


def change_own_password(*, viewer: Viewer, token: str, password_hash: str, now: dt.datetime) -> int:
    """Set the viewer's password and end all of his other sessions and open links; return how many sessions ran.

    `token` is that of the session that asks, which goes on. `password_hash` comes from
    `services.passwords.new_password_hash`, computed before the transaction.

    :raises FreshSignInNeeded: the password was given too long ago.
    """
    check_fresh(viewer, now)
    sign_ins.lock_administrator(viewer.administrator_id)
    # Not by the row's object: its version is for what people edit.
    own = update(Administrator).where(Administrator.id == viewer.administrator_id)
    db.session.execute(own.values(password_hash=password_hash))
    one_time_links.end_links(administrator_id=viewer.administrator_id, now=now)
    audit.record(
        action="administrator.password_changed",
        viewer=viewer,
        account_id=viewer.account_id,
        now=now,
        user_name=viewer.user_name,
    )
    return session_list.end_own_other_sessions(viewer=viewer, token=token, now=now)


def own_row(viewer: Viewer) -> Administrator:
    """Return the viewer's own row, for what a password must not be made of."""
    return db.session.get_one(Administrator, viewer.administrator_id)
