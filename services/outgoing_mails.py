"""Outgoing mails: a row written with its cause, sent later by the worker, once."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, select

from domain.mail_retries import wait_before_retry
from models.base import db
from models.mails import MailKind, MailState, OutgoingMail
from services.mail_texts import MailBrand, render_mail
from services.mail_transports import MailMessage, MailNotTaken, MailRefused, MailServerAway, MailTransport
from services.transaction import transaction

#: Longer than any SMTP conversation: a worker that died with a mail in its hands loses it after this.
LEASE = dt.timedelta(minutes=5)
WAIT_WHILE_SERVER_AWAY = dt.timedelta(minutes=1)
#: A run stops taking further mails after this, so that its `now` stays true; the next tick goes on.
RUN_SECONDS = 60.0
_OPEN = (MailState.WAITING, MailState.RETRYING)
#: Written out in the statement, without which neither engine takes the partial index of due mails.
_IS_OPEN = OutgoingMail.state.in_(bindparam("open_states", _OPEN, expanding=True, literal_execute=True))
_DECIDED = (MailState.SENT, MailState.KEPT, MailState.BOUNCED)


@dataclass
class SendingCounts:
    """What a run of send_waiting did; a delayed mail is tried again."""

    delivered_count: int = 0
    delayed_count: int = 0
    bounced_count: int = 0
    is_server_away: bool = False


@dataclass(frozen=True)
class BouncedAddress:
    """An address of an account whose newest mail came back, and what the server said."""

    email: str
    reason: str
    mail_id: int


@dataclass(frozen=True)
class _Claim:
    mail_id: int
    attempts: int
    #: Every attempt was counted and none came to an end: the mail took its workers with it.
    is_exhausted: bool
    message: MailMessage


def queue_mail(
    *,
    kind: MailKind,
    account_id: int,
    recipient_name: str,
    recipient_email: str,
    event_key: str,
    language: str,
    brand: MailBrand,
    context: Mapping[str, Any],
    now: dt.datetime,
) -> OutgoingMail | None:
    """Write a mail to one recipient, in the transaction of its cause; the worker sends it.

    None: this event has its mail to this recipient already, and nothing is written.
    """
    recipient_email = recipient_email.strip()
    once = select(OutgoingMail.id).where(
        OutgoingMail.event_key == event_key,
        func.lower(OutgoingMail.recipient_email) == recipient_email.lower(),
    )
    if db.session.scalar(once) is not None:
        return None
    text = render_mail(kind=kind, language=language, brand=brand, context=context)
    mail = OutgoingMail(
        kind=kind,
        account_id=account_id,
        recipient_name=recipient_name.strip(),
        recipient_email=recipient_email,
        subject=text.subject,
        body_text=text.body_text,
        message_id=f"<{uuid.uuid4().hex}@{brand.host_name}>",
        event_key=event_key,
        state=MailState.WAITING,
        next_attempt_at=now,
        created_at=now,
    )
    db.session.add(mail)
    db.session.flush()
    return mail


def send_waiting(*, now: dt.datetime, transport: MailTransport, limit: int = 50) -> SendingCounts:
    """Send the mails that are due, oldest first: at most `limit`, for at most RUN_SECONDS.

    Call it outside a transaction: none is open while the server is spoken to, so that a silent server holds
    up no page. A mail whose answer was lost is sent again with the same Message-ID. When our own server is
    away, the run ends and nothing is used up.
    """
    counts = SendingCounts()
    started = time.monotonic()
    for _ in range(limit):
        claim = _claim_next(now)
        if claim is None:
            break
        _send(claim, transport, now, counts)
        if counts.is_server_away or time.monotonic() - started > RUN_SECONDS:
            break
    return counts


def bounced_addresses(account_ids: Collection[int]) -> dict[int, tuple[BouncedAddress, ...]]:
    """Return, for the accounts that have any, the addresses whose newest mail bounced.

    An address is lifted by itself as soon as a later mail reaches it.
    """
    newest = (
        select(func.max(OutgoingMail.id))
        .where(OutgoingMail.account_id.in_(account_ids), OutgoingMail.state.in_(_DECIDED))
        .group_by(OutgoingMail.account_id, func.lower(OutgoingMail.recipient_email))
    )
    statement = (
        select(OutgoingMail)
        .where(OutgoingMail.id.in_(newest), OutgoingMail.state == MailState.BOUNCED)
        .order_by(OutgoingMail.account_id, OutgoingMail.id)
    )
    found: dict[int, tuple[BouncedAddress, ...]] = {}
    for mail in db.session.scalars(statement):
        bounced = BouncedAddress(email=mail.recipient_email, reason=mail.last_error or "", mail_id=mail.id)
        found[mail.account_id] = (*found.get(mail.account_id, ()), bounced)
    return found


def list_mails(*, page: int, page_size: int) -> tuple[list[OutgoingMail], int]:
    """Return one page (1-based) of all mails, newest first, and how many there are."""
    statement = select(OutgoingMail).order_by(OutgoingMail.id.desc())
    rows = db.session.scalars(statement.limit(page_size).offset((page - 1) * page_size)).all()
    return list(rows), db.session.scalar(select(func.count(OutgoingMail.id))) or 0


def find_mail(mail_id: int) -> OutgoingMail | None:
    """Return a mail, or None when there is none of this id."""
    return db.session.get(OutgoingMail, mail_id)


def _claim_next(now: dt.datetime) -> _Claim | None:
    """Take the mail that is due longest; the attempt is counted before it is made."""
    with transaction() as session:
        statement = (
            select(OutgoingMail)
            .where(_IS_OPEN, OutgoingMail.next_attempt_at <= now)
            .order_by(OutgoingMail.next_attempt_at, OutgoingMail.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        mail = session.scalars(statement).first()
        if mail is None:
            return None
        is_exhausted = mail.attempts > 0 and wait_before_retry(mail.attempts) is None
        mail.attempts += 1
        mail.next_attempt_at = now + LEASE
        message = MailMessage(
            message_id=mail.message_id,
            recipient_name=mail.recipient_name,
            recipient_email=mail.recipient_email,
            subject=mail.subject,
            body_text=mail.body_text,
            created_at=mail.created_at,
        )
        return _Claim(mail.id, mail.attempts, is_exhausted, message)


def _send(claim: _Claim, transport: MailTransport, now: dt.datetime, counts: SendingCounts) -> None:
    failure: MailNotTaken | None = None
    try:
        if claim.is_exhausted:
            raise MailRefused("no attempt came to an end")
        transport.deliver(claim.message)
    except MailNotTaken as error:
        failure = error
    with transaction() as session:
        mail = session.get_one(OutgoingMail, claim.mail_id, with_for_update=True)
        if mail.state not in _OPEN:
            return
        if failure is None:
            mail.state = transport.delivered_state
            mail.sent_at = now if mail.state == MailState.SENT else None
            mail.last_error = None
            counts.delivered_count += 1
        elif mail.attempts == claim.attempts:
            # Otherwise another worker took the mail over after the lease and decides.
            _record_failure(mail, failure, now, counts)


def _record_failure(
    mail: OutgoingMail, failure: MailNotTaken, now: dt.datetime, counts: SendingCounts
) -> None:
    mail.last_error = failure.reason
    if isinstance(failure, MailServerAway):
        mail.attempts -= 1
        mail.state, mail.next_attempt_at = MailState.RETRYING, now + WAIT_WHILE_SERVER_AWAY
        counts.is_server_away = True
        return
    wait = None if isinstance(failure, MailRefused) else wait_before_retry(mail.attempts)
    if wait is None:
        mail.state = MailState.BOUNCED
        counts.bounced_count += 1
        return
    mail.state, mail.next_attempt_at = MailState.RETRYING, now + wait
    counts.delayed_count += 1
