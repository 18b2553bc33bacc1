"""Mails to the operator's people: what must not stay unseen, each event once; and the head of the audit chain.

Anything of ours that is alive may look for alarms: the tick before its work, and the timetable on its own, so that
a dead worker is told of as well. The mail's event key and the address make it once.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from domain.billing_calendar import TOKYO, billing_instant, tokyo_date
from domain.permissions import AccountType
from models import Account, Administrator, BillingRun, db
from models.billing import RunState
from models.mails import MailKind
from services import audit, audit_seals, portal_settings
from services.audit_seals import BEGINNING, Link
from services.estimates import unlisted_billing_dates
from services.mail_texts import MailBrand
from services.outgoing_mails import MailDraft, queue_mails
from services.transaction import transaction

log = logging.getLogger(__name__)

#: How long after its cut a run may begin without anybody being told.
RUN_GRACE = dt.timedelta(minutes=15)
#: Name of the setting that keeps the head of the audit chain that was mailed last.
TOLD_HEAD = "audit_head_told"
#: Name of the setting that keeps the Tokyo day on which it was.
TOLD_ON = "audit_head_told_on"


class AlarmKind(StrEnum):
    """What a person of the operator is woken for."""

    LATE_RUN = "late_run"
    RUN_IN_REVIEW = "run_in_review"
    BROKEN_LAWS = "broken_laws"


@dataclass(frozen=True)
class Alarm:
    """Something to tell once; `key` names the event, `facts` what its mail says."""

    kind: AlarmKind
    key: str
    facts: Mapping[str, Any]


def late_billing_dates(now: dt.datetime) -> list[dt.date]:
    """Return, oldest first, the 25ths whose run has not begun 15 minutes after its cut."""
    return [day for day in unlisted_billing_dates(now) if now - billing_instant(day) > RUN_GRACE]


def find_run_alarms(*, now: dt.datetime) -> list[Alarm]:
    """Return what there is to tell about runs, whether it was told already or not."""
    found = [
        Alarm(
            AlarmKind.LATE_RUN,
            day.isoformat(),
            {"billing_date": day, "late_minutes": int((now - billing_instant(day)).total_seconds() // 60)},
        )
        for day in late_billing_dates(now)
    ]
    waiting = select(BillingRun).where(BillingRun.state == RunState.REVIEW).order_by(BillingRun.billing_date)
    found += [
        Alarm(
            AlarmKind.RUN_IN_REVIEW,
            run.billing_date.isoformat(),
            {
                "billing_date": run.billing_date,
                "account_count": run.account_count,
                "due_points": run.due_points,
            },
        )
        for run in db.session.execute(waiting).scalars()
    ]
    return found


def broken_laws_alarm(*, laws: Sequence[str], after_id: int, now: dt.datetime) -> Alarm:
    """Return the alarm of laws that a check found broken and the one before it (its id, or 0) did not."""
    names = hashlib.sha256("\n".join(laws).encode()).hexdigest()[:16]
    facts = {"laws": tuple(laws), "verified_at": _tokyo_text(now)}
    return Alarm(AlarmKind.BROKEN_LAWS, f"{after_id}:{names}", facts)


def raise_run_alarms(*, now: dt.datetime, brand: MailBrand) -> int:
    """Look for alarms and write their mails, in a transaction of its own; return how many mails are new."""
    found = find_run_alarms(now=now)
    db.session.rollback()
    if not found:
        return 0
    try:
        with transaction():
            return sum(raise_alarm(alarm, now=now, brand=brand) for alarm in found)
    except IntegrityError:
        log.info("the alarm was raised by another process")
        return 0


def raise_alarm(alarm: Alarm, *, now: dt.datetime, brand: MailBrand) -> int:
    """Write the mails of an alarm; 0: it has been told."""
    context = {**_NOTHING, **alarm.facts, "alarm": alarm.kind.value}
    count = _tell(MailKind.OPERATOR_ALARM, f"{alarm.kind.value}:{alarm.key}", context, now, brand)
    if count:
        log.error("alarm %s %s: %s", alarm.kind.value, alarm.key, dict(alarm.facts))
        audit.record(
            action="alarm.raised",
            viewer=None,
            account_id=None,
            now=now,
            alarm=alarm.kind.value,
            billing_date=alarm.facts["billing_date"].isoformat() if "billing_date" in alarm.facts else None,
            laws=list(alarm.facts.get("laws", ())),
            mail_count=count,
        )
    return count


def tell_head(*, now: dt.datetime, brand: MailBrand) -> Link | None:
    """Log and mail the head of the audit chain, once a Tokyo day; None: told today, or nothing is sealed."""
    today = tokyo_date(now)
    head = audit_seals.head()
    if head == BEGINNING or portal_settings.kept(TOLD_ON) == today.isoformat():
        return None
    portal_settings.keep(TOLD_ON, today.isoformat())
    portal_settings.keep(TOLD_HEAD, str(head))
    # Not "info": where nobody has set up logging (`flask work` from a cron job), only warnings are shown.
    log.warning("audit chain head %s", head)
    context = {"told_on": today, "seal_number": head.number, "seal_hash": head.hash}
    _tell(MailKind.AUDIT_HEAD, today.isoformat(), context, now, brand)
    return head


def told_head() -> Link | None:
    """Return the head that was mailed last, or None."""
    kept = portal_settings.kept(TOLD_HEAD)
    return Link.parse(kept) if kept else None


#: What the template of alarms names and an alarm of another kind has nothing for.
_NOTHING: dict[str, Any] = {
    "billing_date": None,
    "late_minutes": 0,
    "account_count": 0,
    "due_points": 0,
    "laws": (),
    "verified_at": "",
}


def _tell(kind: MailKind, key: str, context: Mapping[str, Any], now: dt.datetime, brand: MailBrand) -> int:
    """Write a mail to each of the operator's people who can sign in; return how many are new."""
    statement = (
        select(Administrator, Account.company_name)
        .join(Account, Account.id == Administrator.account_id)
        .where(Account.account_type == AccountType.OPERATOR, Administrator.is_disabled.is_(False))
        .order_by(Administrator.id)
    )
    drafts = [
        MailDraft(
            kind=kind,
            account_id=person.account_id,
            recipient_name=person.full_name,
            recipient_email=person.email,
            event_key=f"{kind.value}:{key}",
            language=person.language,
            context={"recipient_name": person.full_name, "recipient_company": company_name, **context},
        )
        for person, company_name in db.session.execute(statement)
    ]
    return queue_mails(drafts, brand=brand, now=now)


def _tokyo_text(instant: dt.datetime) -> str:
    return f"{instant.astimezone(TOKYO):%Y/%m/%d %H:%M}"
