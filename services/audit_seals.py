"""The chain over 操作ログ: each event gets a hash over itself and the seal before it.

Events are appended without a seal, so that no change waits for another; a job seals them soon after. The chain
follows the order of sealing: of two transactions the one with the lower event id may be committed later, and its
events are sealed later. What is cut off at the end the chain cannot see, so its head leaves the machine every day
(services/alarms.py). Source: docs/rules.md A1.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, func, insert, select, text

from models import AuditEvent, AuditSeal, db
from services.engines import is_postgresql, let_others_write
from services.transaction import transaction

#: Events that one transaction seals.
BATCH_SIZE = 2_000
#: Seals that are read and computed anew at a time.
WINDOW_SIZE = 5_000
#: How many ids before the newest sealed event are looked through each minute for what was committed late.
LOOK_BACK = 100_000
#: A run of sealing stops after this; the next one goes on.
RUN_SECONDS = 40.0
#: Faults of a chain that are shown; one is bad enough.
SHOWN_FAULTS = 20
#: What the first seal has for the one before it.
NO_HASH = "0" * 64
_LOCK_KEY = 25_000_001
#: Made once: a million events are written by it.
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)
_EVENT = (
    AuditEvent.id,
    AuditEvent.recorded_at,
    AuditEvent.action,
    AuditEvent.account_id,
    AuditEvent.administrator_id,
    AuditEvent.actor_name,
    AuditEvent.remote_address,
    AuditEvent.details,
)


@dataclass(frozen=True)
class Link:
    """A place in the chain: the number of a seal (0: before the first) and its hash."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"

    @classmethod
    def parse(cls, written: str) -> Link:
        """Read "number:hash". :raises ValueError: when it is none."""
        number, _colon, digest = written.strip().partition(":")
        if not (number.isascii() and number.isdigit()) or len(digest) != len(NO_HASH):
            raise ValueError(f"{written!r} is no number:hash")
        return cls(int(number), digest.lower())


BEGINNING = Link(0, NO_HASH)


@dataclass
class ChainReport:
    """What was computed anew: how many seals, the last of them, and (seal number, what is wrong) of each fault."""

    seal_count: int = 0
    head: Link = BEGINNING
    faults: list[tuple[int, str]] = field(default_factory=list)


def canonical(event: Mapping[str, Any]) -> str:
    """Return an event as the text that is hashed: JSON with sorted keys, the instant in UTC to the microsecond.

    The same on every engine, so that a chain can be checked in a copy of the data elsewhere.
    """
    written = dict(event) | {"recorded_at": _instant_text(event["recorded_at"])}
    return _JSON.encode(written)


def seal_hash(*, before: str, number: int, sealed_at: dt.datetime, event: Mapping[str, Any]) -> str:
    """Return the hash of a seal from the one before it."""
    parts = (before, str(number), _instant_text(sealed_at), canonical(event))
    return hashlib.sha256("\n".join(parts).encode("ascii")).hexdigest()


def head() -> Link:
    """Return the last seal; BEGINNING while nothing is sealed."""
    row = db.session.execute(
        select(AuditSeal.number, AuditSeal.hash).order_by(AuditSeal.number.desc()).limit(1)
    ).first()
    return Link(row.number, row.hash) if row else BEGINNING


def oldest_unsealed_at() -> dt.datetime | None:
    """Return the instant of the oldest event after the newest sealed one; None: all is sealed."""
    statement = (
        select(AuditEvent.recorded_at)
        .where(AuditEvent.id > _newest_sealed())
        .order_by(AuditEvent.id)
        .limit(1)
    )
    return db.session.execute(statement).scalar()


def seal_waiting(*, now: dt.datetime, is_whole: bool = False) -> int:
    """Seal what is not sealed, in the order of ids, in transactions of its own; return how many events.

    `is_whole`: look through all events, not only through the newest ids. Of several that run at once one acts.
    """
    started = time.monotonic()
    after_id = 0 if is_whole else max(0, _newest_sealed() - LOOK_BACK)
    db.session.rollback()
    total = 0
    while True:
        with transaction():
            count, after_id = seal_batch(after_id=after_id, now=now)
        total += count
        if count < BATCH_SIZE or time.monotonic() - started > RUN_SECONDS:
            return total
        let_others_write()


def seal_batch(*, after_id: int, now: dt.datetime, size: int = BATCH_SIZE) -> tuple[int, int]:
    """Seal the next events above an id; return how many, and the id to go on from.

    (0, …): nothing is left, or another worker is sealing.
    """
    if not _take_turn():
        return 0, after_id
    sealed = select(AuditSeal.number).where(AuditSeal.event_id == AuditEvent.id)
    statement = (
        select(*_EVENT).where(AuditEvent.id > after_id, ~sealed.exists()).order_by(AuditEvent.id).limit(size)
    )
    events = db.session.execute(statement).all()
    last = head()
    rows = []
    for event in events:
        number = last.number + 1
        digest = seal_hash(before=last.hash, number=number, sealed_at=now, event=event._asdict())
        rows.append({"number": number, "event_id": event.id, "sealed_at": now, "hash": digest})
        last = Link(number, digest)
    if rows:
        db.session.execute(insert(AuditSeal), rows)
    return len(rows), events[-1].id if events else after_id


def verify_chain(*, after: Link = BEGINNING) -> ChainReport:
    """Compute the chain anew from a link that is trusted, the beginning by default; read only.

    After a fault it goes on from what is stored, so that one fault is shown as one.
    """
    report = ChainReport(head=after)
    if not holds(after):
        report.faults.append((after.number, "is not the seal that stood here before"))
        return report
    for row in _sealed_events(after.number):
        fault = _fault(row, report.head)
        if fault:
            report.faults.append((row.number, fault))
            if len(report.faults) >= SHOWN_FAULTS:
                break
        report.seal_count += 1
        report.head = Link(row.number, row.hash)
    return report


def holds(link: Link) -> bool:
    """Tell whether the chain still has a link that was noted before."""
    if link.number == 0:
        return link == BEGINNING
    found = select(AuditSeal.hash).where(AuditSeal.number == link.number)
    return db.session.execute(found).scalar() == link.hash


def _fault(row: Row[Any], before: Link) -> str | None:
    if row.number != before.number + 1:
        return f"seals {before.number + 1} to {row.number - 1} are missing"
    if row.id is None:
        return f"event {row.event_id} is missing"
    event = {column.key: getattr(row, column.key) for column in _EVENT}
    expected = seal_hash(before=before.hash, number=row.number, sealed_at=row.sealed_at, event=event)
    return None if row.hash == expected else f"event {row.event_id} or its seal was changed"


def _sealed_events(after: int) -> Iterator[Row[Any]]:
    """Yield every seal above a number with its event, a window at a time: memory stays flat."""
    while True:
        statement = (
            select(AuditSeal.number, AuditSeal.event_id, AuditSeal.sealed_at, AuditSeal.hash, *_EVENT)
            .outerjoin(AuditEvent, AuditEvent.id == AuditSeal.event_id)
            .where(AuditSeal.number > after)
            .order_by(AuditSeal.number)
            .limit(WINDOW_SIZE)
        )
        rows = db.session.execute(statement).all()
        yield from rows
        if len(rows) < WINDOW_SIZE:
            return
        after = rows[-1].number


def _newest_sealed() -> int:
    return db.session.execute(select(func.max(AuditSeal.event_id))).scalar() or 0


def _take_turn() -> bool:
    """One worker seals at a time, and the others do not wait; on SQLite a writer is alone already."""
    if not is_postgresql():
        return True
    return bool(
        db.session.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK_KEY}).scalar()
    )


def _instant_text(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).isoformat(timespec="microseconds")
