"""The tick: what is due and not done? In the order of its dates, one transaction per account or chunk.

Late, repeated, parallel and interrupted ticks come to the same: the database's constraints answer "once".
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import func, select

from config import Settings
from domain.billing_calendar import tokyo_date
from domain.lifecycle import RUNNING
from models import Account, BillingRun, db
from models.billing import RunState
from services import (
    approval_expiry,
    billing_runs,
    cancellations,
    portal_settings,
    run_chunks,
    run_work,
    suspensions,
    warning_mails,
)
from services.access import depth_expression
from services.cancellations import CancellationOutcome
from services.due_fees import FeeRefused, RunUnderReview
from services.estimates import unlisted_billing_dates
from services.mail_texts import mail_brand_from
from services.transaction import transaction

log = logging.getLogger(__name__)

#: Name of the setting that keeps when the last tick was done.
LAST_TICK = "last_tick_at"
#: A tick comes each minute; after so long without one it is late.
LATE_TICK = dt.timedelta(minutes=3)


@dataclass
class WorkReport:
    """What a tick did. Points are ≥ 0; `failed` names the accounts whose work could not be done.

    `billed_dates` are the 25ths that were carried through, `held_dates` those that wait for a release now, in
    要確認. `blocked` names the accounts whose 解約予定日 has come while accounts below them run, `waiting` those
    whose fee stands in a run in 要確認 or is parked: both are tried again at each tick.
    """

    canceled: int = 0
    billed_dates: list[dt.date] = field(default_factory=list)
    held_dates: list[dt.date] = field(default_factory=list)
    charged_accounts: int = 0
    charged_points: int = 0
    suspended: int = 0
    resumed: int = 0
    mails_written: int = 0
    expired: int = 0
    failed: list[int] = field(default_factory=list)
    blocked: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)

    @property
    def put_off(self) -> list[int]:
        """The accounts whose cancellation is left for the next tick."""
        return self.failed + self.blocked + self.waiting


def run_due_work(
    *, now: dt.datetime, settings: Settings, chunk_size: int = run_chunks.CHUNK_SIZE
) -> WorkReport:
    """Do all that is due at an instant: cancellations up to a 25th, that 25th, later ones; then suspensions.

    A run that is written now is cut into chunks of `chunk_size` accounts.
    """
    report = WorkReport()
    while due := _next_due(now, report.put_off):
        kind, day = due
        if kind == "cancellations":
            _cancel_all(day, now, report)
        else:
            posted = run_work.bill(billing_date=day, now=now, settings=settings, chunk_size=chunk_size)
            report.charged_accounts += posted.charged_count
            report.charged_points += posted.charged_points
            report.billed_dates.append(day)
    _suspend_and_resume(now, settings.suspend_after_days, report)
    brand = mail_brand_from(settings)
    with transaction():
        report.expired += approval_expiry.expire_due(now=now, brand=brand)
    with transaction():
        report.mails_written += warning_mails.queue_cancellation_reminders(now=now, brand=brand)
    with transaction():
        report.mails_written += warning_mails.queue_suspension_warnings(
            now=now, suspend_after_days=settings.suspend_after_days, brand=brand
        )
    with transaction():
        report.held_dates = billing_runs.dates_in_review()
        report.billed_dates = [day for day in report.billed_dates if day not in report.held_dates]
        _keep_tick(now, settings)
    return report


def _keep_tick(now: dt.datetime, settings: Settings) -> None:
    """Note that a tick is done; of two instants the later one counts, but a demo that was sent ahead comes back."""
    kept = portal_settings.kept(LAST_TICK)
    if settings.is_demo or kept is None or dt.datetime.fromisoformat(kept) < now:
        portal_settings.keep(LAST_TICK, now.isoformat())


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
        select(BillingRun.billing_date, BillingRun.state)
        .where(BillingRun.finished_at.is_(None))
        .order_by(BillingRun.billing_date)
        .limit(1)
    ).first()
    billing_date = unfinished.billing_date if unfinished else next(iter(unlisted_billing_dates(now)), None)
    db.session.rollback()
    if cancellation_date is not None and (billing_date is None or cancellation_date <= billing_date):
        return "cancellations", cancellation_date
    # What comes after a run that waits for its release waits with it.
    if billing_date is None or (unfinished and unfinished.state is RunState.REVIEW):
        return None
    return "billing", billing_date


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
        except (RunUnderReview, FeeRefused):
            # No fault of the clockwork: 稼働状況 says that a run waits for a person, or that a fee is parked.
            report.waiting.append(account_id)
            continue
        except Exception:
            # One bad account must not hold up the others; it stays due and is tried at the next tick.
            log.exception("scheduled cancellation of account %s failed", account_id)
            report.failed.append(account_id)
            continue
        if outcome is CancellationOutcome.BLOCKED:
            report.blocked.append(account_id)
        report.canceled += outcome is CancellationOutcome.EXECUTED


def _suspend_and_resume(now: dt.datetime, suspend_after_days: int, report: WorkReport) -> None:
    for account_id in suspensions.accounts_to_suspend(now=now, suspend_after_days=suspend_after_days):
        with _apart(account_id, "suspension", report), transaction():
            report.suspended += suspensions.suspend_for_shortage(
                account_id=account_id, now=now, suspend_after_days=suspend_after_days
            )
    for account_id in suspensions.accounts_to_resume():
        with _apart(account_id, "resumption", report), transaction():
            report.resumed += suspensions.resume_if_covered(account_id=account_id, now=now)


@contextmanager
def _apart(account_id: int, work: str, report: WorkReport) -> Iterator[None]:
    """Keep what goes wrong with one account from holding up the others; it is tried at the next tick."""
    try:
        yield
    except Exception:
        log.exception("%s of account %s failed", work, account_id)
        report.failed.append(account_id)
