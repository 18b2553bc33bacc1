"""The watch of the timetable's process: tells the operator what must not stay unseen while no worker lives."""

from __future__ import annotations

import datetime as dt
import logging
import threading

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from models import db
from models.mails import MailKind
from services import alarms, outgoing_mails, portal_settings
from services.clockwork import LAST_TICK
from services.health_states import LATE_TICK
from services.mail_texts import mail_brand_from
from services.mail_transports import transport_from

#: How often it looks.
LOOK_SECONDS = 60.0
#: Alarms that one look sends at most; there are few.
MAIL_LIMIT = 20

log = logging.getLogger("jobs.watch")


class Watch:
    """Looks for alarms; any number may look at once, each alarm is told once."""

    def __init__(self, application: Flask) -> None:
        self._application = application

    def keep_watching(self, stop: threading.Event) -> None:
        """Look each minute until asked to stop, through outages of the database."""
        while not stop.wait(LOOK_SECONDS):
            try:
                self.look()
            except SQLAlchemyError as error:
                log.warning("the database is away, looking again later: %s", error)
            except Exception:
                # Whatever it stumbles over, the watch goes on.
                log.exception("a look of the watch failed")

    def look(self) -> int:
        """Write the mails of what there is to tell, and send them where no worker does; return how many are new."""
        with self._application.app_context():
            settings = self._application.extensions["settings"]
            now: dt.datetime = self._application.extensions["clock"].now()
            told = alarms.raise_run_alarms(now=now, brand=mail_brand_from(settings))
            if not _has_worker(now):
                kinds = frozenset({MailKind.OPERATOR_ALARM})
                transport = transport_from(settings)
                outgoing_mails.send_waiting(now=now, transport=transport, limit=MAIL_LIMIT, kinds=kinds)
            return told


def _has_worker(now: dt.datetime) -> bool:
    kept = portal_settings.kept(LAST_TICK)
    db.session.rollback()
    return kept is not None and now - dt.datetime.fromisoformat(kept) < LATE_TICK
