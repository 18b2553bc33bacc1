"""The tick: what is due and not done? In the order of its dates, one transaction per account or chunk.

Late, repeated, parallel and interrupted ticks come to the same: the database's constraints answer "once".
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from config import Settings
from domain.billing_calendar import tokyo_date
from domain.lifecycle import RUNNING
from models import Account, BillingRun, db
from models.billing import RunState
from services import billing_runs, cancellations, portal_settings, suspensions, warning_mails
from services.access import depth_expression
from services.cancellations import CancellationOutcome
from services.estimates import unlisted_billing_dates
from services.mail_texts import mail_brand_from
from services.transaction import transaction

log = logging.getLogger(__name__)

#: SQLite's waiting writers are not queued: without a pause a long run starves the screens.
SQLITE_PAUSE_SECONDS = 0.01
#: Name of the setting that keeps when the last tick was done.
LAST_TICK = "last_tick_at"


@dataclass
class WorkReport:
    """What a tick did. Points are ≥ 0; `failed` names the accounts whose work could not be done.

    `blocked` names those whose 解約予定日 has come while accounts below them run: tried again at each tick.
    """

    canceled: int = 0
    billed_dates: list[dt.date] = field(default_factory=list)
    charged_accounts: int = 0
    charged_points: int = 0
    suspended: int = 0
    resumed: int = 0
    mails_written: int = 0
    failed: list[int] = field(default_factory=list)
    blocked: list[int] = field(default_factory=list)

    @property
    def put_off(self) -> list[int]:
        """The accounts whose cancellation is left for the next tick."""
        return self.failed + self.blocked


def run_due_work(*, now: dt.datetime, settings: Settings) -> WorkReport:
    """Do all that is due at an instant: cancellations up to a 25th, that 25th, later ones; then suspensions."""
    report = WorkReport()
    while due := _next_due(now, report.put_off):
        kind, day = due
        if kind == "cancellations":
            _cancel_all(day, now, report)
        else:
            _bill(day, now, report)
    _suspend_and_resume(now, settings.suspend_after_days, report)
    brand = mail_brand_from(settings)
    with transaction():
        report.mails_written += warning_mails.queue_cancellation_reminders(now=now, brand=brand)
    with transaction():
        report.mails_written += warning_mails.queue_suspension_warnings(
            now=now, suspend_after_days=settings.suspend_after_days, brand=brand
        )
    with transaction():
        portal_settings.keep(LAST_TICK, now.isoformat())
    return report


def _next_due(now: dt.datetime, put_off: list[int]) -> tuple[str, dt.date] | None:
    """Return the oldest due thing; on the same day cancellations come before the fee."""
    cancellation_date = db.session.execute(
        select(func.min(Account.cancellation_date)).where(
            Account.status.in_(RUNNING),
            Account.cancellation_date <= tokyo_date(now),
            Account.id.not_in(put_off),
        )
    ).scalar()
    unfinished = db.session.execute(
        select(func.min(BillingRun.billing_date)).where(BillingRun.state == RunState.RUNNING)
    ).scalar()
    billing_date = unfinished or next(iter(unlisted_billing_dates(now)), None)
    db.session.rollback()
    if cancellation_date is not None and (billing_date is None or cancellation_date <= billing_date):
        return "cancellations", cancellation_date
    return ("billing", billing_date) if billing_date is not None else None


def _cancel_all(day: dt.date, now: dt.datetime, report: WorkReport) -> None:
    """Carry out the cancellations of a day, the deepest accounts first: what leaves together blocks nothing."""
    statement = (
        select(Account.id)
        .where(
            Account.status.in_(RUNNING), Account.cancellation_date == day, Account.id.not_in(report.put_off)
        )
        .order_by(depth_expression().desc(), Account.id)
    )
    for account_id in db.session.execute(statement).scalars().all():
        try:
            with transaction():
                outcome = cancellations.execute_scheduled(account_id=account_id, now=now)
        except Exception:
            # One bad account must not hold up the others; it stays due and is tried at the next tick.
            log.exception("scheduled cancellation of account %s failed", account_id)
            report.failed.append(account_id)
            continue
        if outcome is CancellationOutcome.BLOCKED:
            report.blocked.append(account_id)
        report.canceled += outcome is CancellationOutcome.EXECUTED


def _bill(billing_date: dt.date, now: dt.datetime, report: WorkReport) -> None:
    run_id = _listed_run(billing_date, now)
    if run_id is None:
        return
    before = _posted(run_id)
    while True:
        with transaction():
            count = billing_runs.charge_chunk(run_id=run_id, now=now)
        if not count:
            break
        report.charged_accounts += count
        if db.engine.dialect.name == "sqlite":
            time.sleep(SQLITE_PAUSE_SECONDS)
    report.charged_points += _posted(run_id) - before
    report.billed_dates.append(billing_date)


def _listed_run(billing_date: dt.date, now: dt.datetime) -> int | None:
    """Return the id of the run, written now if it is not yet; None: another worker just did, look again."""
    found = select(BillingRun.id).where(BillingRun.billing_date == billing_date)
    try:
        with transaction() as session:
            run_id = session.execute(found).scalar_one_or_none()
            if run_id is None:
                run_id = billing_runs.list_run(billing_date=billing_date, now=now).id
            return run_id
    except IntegrityError:
        log.info("the run of %s was listed by another worker", billing_date)
        return None


def _posted(run_id: int) -> int:
    points = db.session.execute(select(BillingRun.charged_points).where(BillingRun.id == run_id)).scalar_one()
    db.session.rollback()
    return points


def _suspend_and_resume(now: dt.datetime, suspend_after_days: int, report: WorkReport) -> None:
    for account_id in suspensions.accounts_to_suspend(now=now, suspend_after_days=suspend_after_days):
        with transaction():
            report.suspended += suspensions.suspend_for_shortage(
                account_id=account_id, now=now, suspend_after_days=suspend_after_days
            )
    for account_id in suspensions.accounts_to_resume():
        with transaction():
            report.resumed += suspensions.resume_if_covered(account_id=account_id, now=now)
