"""The language that an administrator reads, remembered in the profile. Source: docs/rules.md R20."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select, update

from domain.permissions import Viewer
from models import Administrator, db
from services import audit


def choose(*, viewer: Viewer, language: str, now: dt.datetime) -> None:
    """Remember "ja" or "en" for the viewer; the same again changes nothing and is not written down.

    The row's version stays: a form about this administrator that is open elsewhere does not show the language.
    """
    own = Administrator.id == viewer.administrator_id
    old = db.session.execute(select(Administrator.language).where(own)).scalar_one()
    if old == language:
        return
    db.session.execute(update(Administrator).where(own).values(language=language))
    audit.record(
        action="administrator.language_chosen",
        viewer=viewer,
        account_id=viewer.account_id,
        now=now,
        old_language=old,
        new_language=language,
    )
