"""Outgoing mails: a row written with its cause, sent later by the worker, once."""

from __future__ import annotations

import datetime as dt
import re
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, select

from domain.mail_retries import wait_before_retry
from models.base import db
from models.mails import MailKind, MailState, OutgoingMail
from services.bounces import BouncedAddress
from services.engines import upsert
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
IS_OPEN = OutgoingMail.state.in_(bindparam("open_states", _OPEN, expanding=True, literal_execute=True))
#: What opens a link of services/one_time_links.py; the row of the link keeps only its hash.
_SECRET_OF_LINK = re.compile(r"(?<=/set-password/)[A-Za-z0-9_-]{20,}")
#: How many event keys are looked up in one statement.
KEYS_AT_ONCE = 1_000


@dataclass
class SendingCounts:
    """What a run of send_waiting did; a delayed mail is tried again."""

    delivered_count: int = 0
    delayed_count: int = 0
    bounced_count: int = 0
    is_server_away: bool = False


@dataclass(frozen=True)
class MailDraft:
    """A mail to one recipient before it is rendered; `event_key` and the address make it once."""

    kind: MailKind
    account_id: int
    recipient_name: str
    recipient_email: str
    event_key: str
    language: str
    context: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        """What no two mails have in common."""
        return self.event_key, self.recipient_email.lower()


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
    draft = MailDraft(kind, account_id, recipient_name, recipient_email.strip(), event_key, language, context)
    if draft.key in _told([draft]):
        return None
    mail = OutgoingMail(**_values(draft, brand, now))
    db.session.add(mail)
    db.session.flush()
    return mail


def queue_mails(
    drafts: Sequence[MailDraft],
    *,
    brand: MailBrand,
    now: dt.datetime,
    withheld: Mapping[int, Collection[BouncedAddress]] | None = None,
) -> int:
    """Write many mails in one insert, in the transaction of their cause; return how many will be sent.

    What an event has told a recipient already is left out. A mail to an address that `withheld` (by account)
    names is written as 不達 with what the server said then, and is not sent (services/bounces.py).
    """
    bounced = {
        (account_id, address.email.lower()): address.reason
        for account_id, addresses in (withheld or {}).items()
        for address in addresses
    }
    told = _told(drafts)
    rows = []
    for draft in drafts:
        if draft.key in told:
            continue
        told.add(draft.key)
        row = _values(draft, brand, now)
        reason = bounced.get((draft.account_id, draft.recipient_email.lower()))
        if reason is not None:
            row |= {"state": MailState.BOUNCED, "last_error": reason}
        rows.append(row)
    if not rows:
        return 0
    # What somebody else writes at this moment is told as well, by him.
    written = upsert(OutgoingMail).on_conflict_do_nothing().returning(OutgoingMail.state)
    return sum(state == MailState.WAITING for state in db.session.execute(written, rows).scalars())


def _told(drafts: Sequence[MailDraft]) -> set[tuple[str, str]]:
    """Return the keys of those events and recipients that have their mail already."""
    found: set[tuple[str, str]] = set()
    columns = (OutgoingMail.event_key, OutgoingMail.recipient_email)
    keys = sorted({draft.event_key for draft in drafts})
    for start in range(0, len(keys), KEYS_AT_ONCE):
        chunk = keys[start : start + KEYS_AT_ONCE]
        statement = select(*columns).where(OutgoingMail.event_key.in_(chunk))
        found |= {(key, email.lower()) for key, email in db.session.execute(statement)}
    return found


def _values(draft: MailDraft, brand: MailBrand, now: dt.datetime) -> dict[str, Any]:
    text = render_mail(kind=draft.kind, language=draft.language, brand=brand, context=draft.context)
    return {
        "kind": draft.kind,
        "account_id": draft.account_id,
        "recipient_name": draft.recipient_name.strip(),
        "recipient_email": draft.recipient_email,
        "subject": text.subject,
        "body_text": text.body_text,
        "body_html": text.body_html,
        "message_id": f"<{uuid.uuid4().hex}@{brand.host_name}>",
        "event_key": draft.event_key,
        "state": MailState.WAITING,
        "last_error": None,
        "attempts": 0,
        "next_attempt_at": now,
        "created_at": now,
    }


def send_waiting(
    *,
    now: dt.datetime,
    transport: MailTransport,
    limit: int = 500,
    kinds: Collection[MailKind] = frozenset(MailKind),
) -> SendingCounts:
    """Send the mails of some kinds that are due, oldest first: at most `limit`, for at most RUN_SECONDS.

    Call it outside a transaction: none is open while the server is spoken to, so that a silent server holds
    up no page. A mail whose answer was lost is sent again with the same Message-ID. When our own server is
    away, the run ends and nothing is used up.
    """
    counts = SendingCounts()
    started = time.monotonic()
    for _ in range(limit):
        claim = _claim_next(now, kinds)
        if claim is None:
            break
        _send(claim, transport, now, counts)
        if counts.is_server_away or time.monotonic() - started > RUN_SECONDS:
            break
    return counts


def list_mails(*, page: int, page_size: int) -> tuple[list[OutgoingMail], int]:
    """Return one page (1-based) of all mails, newest first, and how many there are."""
    statement = select(OutgoingMail).order_by(OutgoingMail.id.desc())
    rows = db.session.scalars(statement.limit(page_size).offset((page - 1) * page_size)).all()
    return list(rows), db.session.scalar(select(func.count(OutgoingMail.id))) or 0


def find_mail(mail_id: int) -> OutgoingMail | None:
    """Return a mail, or None when there is none of this id."""
    return db.session.get(OutgoingMail, mail_id)


def _claim_next(now: dt.datetime, kinds: Collection[MailKind]) -> _Claim | None:
    """Take the mail that is due longest; the attempt is counted before it is made."""
    with transaction() as session:
        statement = (
            select(OutgoingMail)
            .where(IS_OPEN, OutgoingMail.next_attempt_at <= now, OutgoingMail.kind.in_(kinds))
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
            body_html=mail.body_html,
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
            if mail.state == MailState.SENT:
                _forget_links(mail)
        elif mail.attempts == claim.attempts:
            # Otherwise another worker took the mail over after the lease and decides.
            _record_failure(mail, failure, now, counts)


def _forget_links(mail: OutgoingMail) -> None:
    """Take the secret out of one-time links in a mail that will not be sent again: it is good for a day."""
    mail.body_text = _SECRET_OF_LINK.sub("…", mail.body_text)
    mail.body_html = _SECRET_OF_LINK.sub("…", mail.body_html)


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
        # Of a bounced mail no attempt is due: the instant then says when it came back, for services/bounces.py.
        mail.state, mail.next_attempt_at = MailState.BOUNCED, now
        counts.bounced_count += 1
        _forget_links(mail)
        return
    mail.state, mail.next_attempt_at = MailState.RETRYING, now + wait
    counts.delayed_count += 1
