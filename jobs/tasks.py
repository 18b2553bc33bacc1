"""The RQ jobs: the clock is read, one use case is called. Each may run twice, late and side by side."""

from __future__ import annotations

import datetime as dt

from flask import current_app

from services import clockwork, outgoing_mails, provisioning
from services.mail_transports import transport_from

#: Mails of one run at most; what is left goes with the next.
MAIL_LIMIT = 500


def tick() -> None:
    """Do all that is due: cancellations, the 25th, suspensions, in the order of their dates."""
    clockwork.run_due_work(now=_now(), settings=current_app.extensions["settings"])


def send_mails() -> None:
    """Send the mails that wait."""
    transport = transport_from(current_app.extensions["settings"])
    outgoing_mails.send_waiting(now=_now(), transport=transport, limit=MAIL_LIMIT)


def provision() -> None:
    """Provision the approved accounts for which it was asked."""
    provisioning.provision_requested(now=_now())


def _now() -> dt.datetime:
    now: dt.datetime = current_app.extensions["clock"].now()
    return now
