"""The hourly check of all invariants and of the audit chain: when it is due, what it found, whom it tells."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from config import Settings
from domain.billing_calendar import tokyo_date
from models import Verification, db
from services import alarms, audit_seals, invariants, portal_settings
from services.audit_seals import BEGINNING, ChainReport, Link
from services.engines import is_postgresql
from services.invariants import Violation
from services.mail_texts import mail_brand_from
from services.transaction import transaction

log = logging.getLogger(__name__)

#: The next check is due this long after the last; the timetable rings more often.
DUE_AFTER = dt.timedelta(minutes=55)
#: How long the results are kept.
KEPT_FOR = dt.timedelta(days=90)
#: Name of the setting that keeps the last seal that was found right, from which the next check goes on.
VERIFIED_HEAD = "audit_head_verified"
A1 = "A1 the sealed events of the operation log are as they were"


@dataclass(frozen=True)
class Findings:
    """What a check found: the broken laws, of how many, and what was computed anew of the audit chain."""

    violations: list[Violation]
    check_count: int
    chain: ChainReport
    is_whole_chain: bool


def verify_all(*, is_whole_chain: bool = True, known_heads: Sequence[Link] = ()) -> Findings:
    """Check every invariant and the audit chain, as they stand at one moment; nothing is written.

    `known_heads`: links that were told outside and must still be there. `is_whole_chain` False: the chain is
    computed from the last link that was found right.
    """
    with _one_moment():
        violations = invariants.verify()
        kept = None if is_whole_chain else portal_settings.kept(VERIFIED_HEAD)
        chain = audit_seals.verify_chain(after=Link.parse(kept) if kept else BEGINNING)
        told = alarms.told_head()
        lost = [link for link in (*known_heads, *([told] if told else ())) if not audit_seals.holds(link)]
    faults = [*chain.faults, *((link.number, f"seal {link} is gone") for link in lost)]
    if faults:
        violations.append(Violation(A1, [tuple(fault) for fault in faults]))
    return Findings(violations, invariants.check_count() + 1, chain, kept is None)


def latest() -> Verification | None:
    """Return the newest kept result, or None."""
    statement = select(Verification).order_by(Verification.verified_at.desc(), Verification.id.desc())
    return db.session.execute(statement.limit(1)).scalars().first()


def verify_when_due(*, now: dt.datetime, settings: Settings) -> Verification | None:
    """Check everything when the last check is an hour old, keep the result, and tell of what is newly broken.

    The audit chain is computed from its beginning in the first check of a Tokyo day, else from where the last one
    ended. None: not due, or another worker was faster.
    """
    before = latest()
    before_id = before.id if before else 0
    db.session.rollback()
    if before is not None and dt.timedelta() <= now - before.verified_at < DUE_AFTER:
        return None
    audit_seals.seal_waiting(now=now, is_whole=True)
    is_new_day = before is None or bool(before.broken) or tokyo_date(before.verified_at) != tokyo_date(now)
    started = time.monotonic()
    findings = verify_all(is_whole_chain=is_new_day)
    duration_ms = round((time.monotonic() - started) * 1000)
    try:
        with transaction():
            return _keep(findings, before_id, duration_ms, now, settings)
    except IntegrityError:
        log.info("another worker has told of the same check")
        return None


def _keep(
    findings: Findings, before_id: int, duration_ms: int, now: dt.datetime, settings: Settings
) -> Verification | None:
    before = latest()
    if (before.id if before else 0) != before_id:
        return None
    known = {found["law"] for found in before.broken} if before else set()
    result = Verification(
        verified_at=now,
        duration_ms=duration_ms,
        check_count=findings.check_count,
        seal_count=findings.chain.seal_count,
        is_whole_chain=findings.is_whole_chain,
        broken=[
            {"law": found.law, "rows": [", ".join(str(value) for value in row) for row in found.rows]}
            for found in findings.violations
        ],
    )
    db.session.add(result)
    db.session.execute(delete(Verification).where(Verification.verified_at < now - KEPT_FOR))
    brand = mail_brand_from(settings)
    laws = [found.law for found in findings.violations]
    new_laws = [law for law in laws if law not in known]
    if new_laws:
        alarm = alarms.broken_laws_alarm(laws=new_laws, after_id=before_id, now=now)
        alarms.raise_alarm(alarm, now=now, brand=brand)
    if A1 not in laws:
        # What was found right is not computed again today; a chain that is not right is not handed out.
        portal_settings.keep(VERIFIED_HEAD, str(findings.chain.head))
        alarms.tell_head(now=now, brand=brand)
    log.log(
        logging.ERROR if laws else logging.INFO,
        "verified %s invariants in %s ms: %s",
        findings.check_count,
        duration_ms,
        "; ".join(laws) or "all hold",
    )
    db.session.flush()
    return result


@contextmanager
def _one_moment() -> Iterator[None]:
    """Let all that is read inside be of one moment, so that no check sees half of a movement.

    PostgreSQL: a snapshot for the transaction, read only. SQLite: the write-ahead log gives one by itself.
    """
    session = db.session()
    session.rollback()
    if is_postgresql():
        session.connection(
            execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        )
    try:
        yield
    finally:
        session.rollback()
