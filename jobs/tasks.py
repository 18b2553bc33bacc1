"""The RQ jobs: the clock is read, one use case is called. Each may run twice, late and side by side."""

from __future__ import annotations

import datetime as dt
import os
import socket

from flask import current_app

from config import Settings
from services import (
    alarms,
    audit_seals,
    clockwork,
    health_beats,
    health_verification,
    outgoing_mails,
    provisioning,
)
from services.mail_texts import mail_brand_from
from services.mail_transports import transport_from
from services.transaction import transaction

#: The worker's host and process: this module is loaded before a worker forks for its jobs.
WORKER_NAME = f"{socket.gethostname()}:{os.getpid()}"


def tick() -> None:
    """Do all that is due: cancellations, the 25th, suspensions, in the order of their dates."""
    now = _begin()
    # Before the work: a run that begins late is told of, though it begins now.
    alarms.raise_run_alarms(now=now, brand=mail_brand_from(_settings()))
    clockwork.run_due_work(now=now, settings=_settings())


def send_mails() -> None:
    """Send the mails that wait."""
    now = _begin()
    outgoing_mails.send_waiting(now=now, transport=transport_from(_settings()))


def provision() -> None:
    """Provision the approved accounts for which it was asked."""
    provisioning.provision_requested(now=_begin())


def seal() -> None:
    """Seal the events of 操作ログ that are not sealed."""
    audit_seals.seal_waiting(now=_begin())


def verify() -> None:
    """Check all invariants and the chain of seals, when an hour has passed since the last check."""
    health_verification.verify_when_due(now=_begin(), settings=_settings())


def _begin() -> dt.datetime:
    """Read the clock and note that this worker is at work."""
    now: dt.datetime = current_app.extensions["clock"].now()
    with transaction():
        health_beats.beat(worker_name=WORKER_NAME, now=now)
    return now


def _settings() -> Settings:
    found: Settings = current_app.extensions["settings"]
    return found
