"""Rehearsals that are kept, to be held against what the run did."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, literal, select

from domain.errors import DomainError
from domain.permissions import Permission, Viewer
from models import Account, BillingRehearsal, BillingRehearsalItem, PointBalance, db
from services import access, audit, rehearsal_choice, rehearsals

#: How many of one 25th an account keeps: each has a row for every account in it.
LARGEST_SAVED = 20


class NothingToRehearse(DomainError):
    """The run would charge none of the accounts: there is nothing to keep."""


class RehearsalNotVisible(DomainError):
    """A saved rehearsal is not there, of another 25th, or not this viewer's to see: the same answer."""

    http_status = 404


class TooManyRehearsals(DomainError):
    """As many rehearsals of this 25th are saved as may be; carries maximum."""

    http_status = 409


def save(
    *, viewer: Viewer, billing_date: dt.date, account_ids: Sequence[int] | None, now: dt.datetime
) -> BillingRehearsal:
    """Keep what the run of a 25th would charge now; `account_ids` None: of all the viewer's accounts.

    :raises DomainError: PermissionRefused, RunFinished, BillingDateUnknown, NothingToRehearse, TooManyRehearsals.
    """
    access.check_permission(viewer=viewer, permission=Permission.RUNS_VIEW)
    rehearsals.check_date(billing_date, now)
    _check_room(viewer.account_id, billing_date)
    saved = BillingRehearsal(
        billing_date=billing_date,
        made_at=now,
        administrator_id=viewer.administrator_id,
        actor_name=viewer.user_name,
        scope_account_id=viewer.account_id,
        is_of_chosen=account_ids is not None,
    )
    db.session.add(saved)
    db.session.flush()
    _insert_items(saved.id, billing_date, rehearsal_choice.within(viewer, account_ids))
    _sum_up(saved)
    if not saved.account_count:
        raise NothingToRehearse
    audit.record(
        action="billing_rehearsal.saved",
        viewer=viewer,
        account_id=viewer.account_id,
        now=now,
        billing_date=billing_date.isoformat(),
        account_count=saved.account_count,
        fee_points=saved.fee_points,
        negative_count=saved.negative_count,
    )
    return saved


def _sum_up(saved: BillingRehearsal) -> None:
    """Write the sums over its items into a rehearsal."""
    item = BillingRehearsalItem
    sums = select(
        func.count(),
        func.coalesce(func.sum(item.fee_points), 0),
        func.count().filter(item.balance_after < 0),
    ).where(item.rehearsal_id == saved.id)
    values = (int(value) for value in db.session.execute(sums).one())
    saved.account_count, saved.fee_points, saved.negative_count = values


def _check_room(account_id: int, billing_date: dt.date) -> None:
    count = select(func.count()).where(
        BillingRehearsal.scope_account_id == account_id, BillingRehearsal.billing_date == billing_date
    )
    if db.session.execute(count).scalar_one() >= LARGEST_SAVED:
        raise TooManyRehearsals(maximum=LARGEST_SAVED)


def _insert_items(rehearsal_id: int, billing_date: dt.date, within: ColumnElement[bool]) -> None:
    rehearsed = rehearsals.rehearsed_rows(billing_date, within)
    row = rehearsed.rows.c
    values = {
        "rehearsal_id": literal(rehearsal_id),
        "account_id": Account.id,
        "contract_user_count": row.contract_user_count,
        "price_version_id": row.price_version_id,
        "fee_points": row.fee_points,
        "earlier_fee_points": rehearsed.earlier_fee_points,
        "balance_after": rehearsed.balance_after,
        "last_line_number": PointBalance.last_line_number,
    }
    statement = rehearsed.joined(select(*values.values())).order_by(Account.id)
    items = insert(BillingRehearsalItem).from_select(list(values), statement, include_defaults=False)
    db.session.execute(items)


def saved_rehearsals(
    *, viewer: Viewer, billing_date: dt.date, limit: int = LARGEST_SAVED
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the newest rehearsals of a 25th that a viewer may see, newest first.

    id, made_at, actor_name, company_name (whose accounts), is_of_chosen, account_count, fee_points, negative_count.
    """
    saved = BillingRehearsal
    statement = (
        select(
            saved.id,
            saved.made_at,
            saved.actor_name,
            Account.company_name,
            saved.is_of_chosen,
            saved.account_count,
            saved.fee_points,
            saved.negative_count,
        )
        .join(Account, Account.id == saved.scope_account_id)
        .where(saved.billing_date == billing_date, access.history_scope(viewer))
        .order_by(saved.id.desc())
        .limit(limit)
    )
    return db.session.execute(statement).all()


def find_saved(*, viewer: Viewer, billing_date: dt.date, rehearsal_id: int | None) -> BillingRehearsal | None:
    """Return a saved rehearsal of a 25th; `rehearsal_id` None: the newest of one's own account, else of those below.

    None: there is none at all.

    :raises RehearsalNotVisible: when the one that is named is not the viewer's to see.
    """
    is_own = BillingRehearsal.scope_account_id == viewer.account_id
    statement = (
        select(BillingRehearsal)
        .join(Account, Account.id == BillingRehearsal.scope_account_id)
        .where(BillingRehearsal.billing_date == billing_date, access.history_scope(viewer))
        .order_by(is_own.desc(), BillingRehearsal.id.desc())
        .limit(1)
    )
    if rehearsal_id is not None:
        statement = statement.where(BillingRehearsal.id == rehearsal_id)
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None and rehearsal_id is not None:
        raise RehearsalNotVisible(rehearsal_id=rehearsal_id)
    return found
