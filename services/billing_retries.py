"""Parked accounts of a run, tried again by a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.exc import DataError, IntegrityError

from domain.errors import DomainError
from domain.permissions import Permission, Viewer
from models import BillingItem, db
from models.billing import ItemState
from services import access, audit, billing_runs, fee_posting
from services.fee_posting import FeeRange, FeesOutOfStep, Posted
from services.run_chunks import REFUSED_BY_DATABASE

#: What says that the database does not take a fee, whoever asks again.
REFUSALS = (IntegrityError, DataError, FeesOutOfStep)


class NothingParked(DomainError):
    """None of the accounts chosen is parked in this run, or it is not finished."""

    http_status = 409


def retry_parked(
    *, run_id: int, account_ids: Sequence[int] | None = None, viewer: Viewer, now: dt.datetime
) -> Posted:
    """Try the parked accounts of a finished run again, all or the chosen ones; return what came of it.

    The fee is that of the work list; what still cannot be charged is parked again with its reason now. One
    transaction, the deepest level first.

    :raises PermissionRefused: :raises RunUnknown: :raises NothingParked:
    """
    access.check_permission(viewer=viewer, permission=Permission.RUNS_CHANGE)
    run = billing_runs.lock_run(run_id)
    is_parked = [BillingItem.billing_date == run.billing_date, BillingItem.state == ItemState.PARKED]
    if account_ids is not None:
        is_parked.append(BillingItem.account_id.in_(account_ids))
    statement = select(BillingItem.account_id, BillingItem.depth).where(*is_parked)
    parked = db.session.execute(
        statement.order_by(BillingItem.depth.desc(), BillingItem.account_id).with_for_update()
    ).all()
    if run.finished_at is None or not parked:
        raise NothingParked
    posted = sum((_try_again(run.billing_date, item.account_id, now) for item in parked), Posted())
    still_parked = billing_runs.sum_up(run)
    audit.record(
        action="billing_run.retried",
        viewer=viewer,
        account_id=None,
        now=now,
        billing_date=run.billing_date.isoformat(),
        account_count=posted.charged_count,
        charged_points=posted.charged_points,
        parked_count=still_parked,
    )
    return posted


def _try_again(billing_date: dt.date, account_id: int, now: dt.datetime) -> Posted:
    """Post one parked fee; one that the database refuses is parked again, and the others go on."""
    item = update(BillingItem).where(
        BillingItem.billing_date == billing_date, BillingItem.account_id == account_id
    )
    try:
        with db.session.begin_nested():
            db.session.execute(item.values(state=ItemState.DUE, parked_reason=None))
            return fee_posting.post_fees(meant=FeeRange(billing_date, account_id, account_id), now=now)
    except REFUSALS:
        db.session.execute(item.values(state=ItemState.PARKED, parked_reason=REFUSED_BY_DATABASE))
        return Posted(parked_count=1)
