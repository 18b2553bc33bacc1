"""The portal's clock: the real time, or in demo the real time shifted by an offset kept in the database."""

from __future__ import annotations

import datetime as dt
import logging
import time

from sqlalchemy import func, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from models import Account, AuditEvent, PointLine, PortalSetting, SignIn, db
from services import portal_settings

log = logging.getLogger(__name__)
OFFSET = "clock_offset_seconds"


class Clock:
    """Tells the portal's instant. `offset` None: looked up in the database at the first question."""

    def __init__(self, offset: dt.timedelta | None) -> None:
        self._offset = offset

    def now(self) -> dt.datetime:
        """Return the portal's instant (aware, UTC)."""
        if self._offset is None:
            try:
                self._offset = kept_offset()
            except SQLAlchemyError:
                # Without a database there is nothing that the instant could contradict; asked again later.
                log.warning("the database is away: the clock shows the real time")
        return dt.datetime.now(dt.UTC) + (self._offset or dt.timedelta())


def machine_seconds() -> float:
    """Return the seconds of the machine's own clock, for libraries that read it and know of no other."""
    return time.time()


def clock_of(settings: Settings) -> Clock:
    """Return the clock of a process: production has the real time, PORTAL_NOW starts it elsewhere."""
    if not settings.is_demo:
        return Clock(dt.timedelta())
    if settings.portal_now is not None:
        return Clock(settings.portal_now - dt.datetime.now(dt.UTC))
    return Clock(None)


def kept_offset() -> dt.timedelta | None:
    """Return the offset that the database keeps, or None before the schema or the offset is there."""
    if not inspect(db.engine).has_table(PortalSetting.__tablename__):
        return None
    value = portal_settings.kept(OFFSET)
    return dt.timedelta(seconds=float(value)) if value is not None else None


def newest_recorded_instant() -> dt.datetime | None:
    """Return the newest instant that any row bears as having happened; None in an empty database."""
    columns = (AuditEvent.recorded_at, PointLine.recorded_at, Account.applied_at, SignIn.last_seen_at)
    found = [db.session.execute(select(func.max(column))).scalar() for column in columns]
    return max((instant for instant in found if instant is not None), default=None)


def settle_offset(*, wanted: dt.datetime | None, real_now: dt.datetime) -> dt.datetime:
    """Fix the portal's clock, keep its offset, and return the portal's instant.

    `wanted` None: as it was kept, else the real time. Never earlier than the newest recorded instant.
    """
    offset = wanted - real_now if wanted is not None else (kept_offset() or dt.timedelta())
    newest = newest_recorded_instant()
    if newest is not None and real_now + offset < newest:
        offset = newest - real_now
    portal_settings.keep(OFFSET, str(offset.total_seconds()))
    return real_now + offset
