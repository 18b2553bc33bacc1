"""The fees of one account whose cut has passed, posted before it is settled: all of them, or it stays."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select, update

from domain.errors import DomainError
from models import BillingItem, BillingRun, db
from models.billing import ItemState, RunState
from services import billing_runs, fee_posting, row_scope
from services.billing_retries import REFUSALS
from services.billing_rows import charged_rows
from services.estimates import IS_PARKED, open_billing_dates
from services.fee_posting import FeeRange


class FeeRefused(DomainError):
    """A fee that is due cannot be posted, and nothing is settled around it; carries billing_date."""

    http_status = 409


class RunUnderReview(DomainError):
    """The account is on the list of a run that waits for its release, until which no fee of it may be posted.

    Carries billing_date.
    """

    http_status = 409


def lock_parked_runs(account_id: int) -> list[BillingRun]:
    """Lock and return, oldest first, the runs in which a fee of an account is parked.

    Call it before any account is locked: whoever tries parked fees again holds their run first, too.
    """
    parked = select(BillingItem.billing_date).where(BillingItem.account_id == account_id, IS_PARKED)
    statement = (
        select(BillingRun)
        .where(BillingRun.billing_date.in_(parked))
        .order_by(BillingRun.billing_date)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(db.session.execute(statement).scalars())


def charge(*, account_id: int, now: dt.datetime) -> int:
    """Post every fee of one account whose cut has passed, parked ones included; return the points (≥ 0).

    :raises RunUnderReview: while a run that the account is on the list of waits for its release.
    :raises FeeRefused: when one of them cannot be posted.
    """
    _check_review(account_id)
    dates = open_billing_dates(now)
    for billing_date in dates.unlisted:
        billing_runs.insert_items(charged_rows(billing_date, account_ids=[account_id]))
    runs, parked = lock_parked_runs(account_id), _take_up_parked(account_id)
    owed = sorted({*parked, *dates.unfinished, *dates.unlisted})
    points = sum(_post(billing_date, account_id, now) for billing_date in owed)
    _sum_up(runs)
    return points


def _check_review(account_id: int) -> None:
    """Refuse while a fee of the account waits with its run; a list that it is not on is nothing to it."""
    waits = (
        select(BillingItem.billing_date)
        .join(BillingRun, BillingRun.billing_date == BillingItem.billing_date)
        .where(
            BillingRun.state == RunState.REVIEW,
            BillingItem.account_id == account_id,
            BillingItem.state == ItemState.DUE,
        )
        .order_by(BillingItem.billing_date)
        .limit(1)
    )
    if billing_date := db.session.execute(waits).scalar():
        raise RunUnderReview(billing_date=billing_date)


def _take_up_parked(account_id: int) -> list[dt.date]:
    """Make the parked fees of an account due again; return their 25ths."""
    is_parked = (BillingItem.account_id == account_id, IS_PARKED)
    dates = select(BillingItem.billing_date).where(*is_parked).order_by(BillingItem.billing_date)
    found = list(db.session.execute(dates).scalars())
    if found:
        db.session.execute(
            update(BillingItem).where(*is_parked).values(state=ItemState.DUE, parked_reason=None),
            execution_options={"synchronize_session": False},
        )
    return found


def _post(billing_date: dt.date, account_id: int, now: dt.datetime) -> int:
    """Post the fee of one 25th. The refusal undoes the whole transaction, what is parked stays parked."""
    try:
        with db.session.begin_nested():
            posted = fee_posting.post_fees(meant=FeeRange(billing_date, account_id, account_id), now=now)
    except REFUSALS as error:
        raise FeeRefused(billing_date=billing_date) from error
    if posted.parked_count:
        raise FeeRefused(billing_date=billing_date)
    return posted.charged_points


def _sum_up(runs: list[BillingRun]) -> None:
    with row_scope.beyond("a run is summed up over all its accounts, and shown to nobody here"):
        for run in runs:
            if run.finished_at is not None:
                billing_runs.sum_up(run)
        db.session.flush()
