"""料金 that is added: its effect on the first run that it holds for, shown before it is written.

Prices are added, never changed or deleted; none begins at a cut that has been reached. Source: docs/rules.md R5.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select

from domain.billing_calendar import (
    billing_instant,
    next_billing_date,
    next_month,
    start_of_day,
    tokyo_date,
)
from domain.errors import DomainError
from domain.permissions import CHARGED_TYPES, AccountType, Permission, Viewer
from models import Account, BillingItem, PriceVersionRow, db
from services import access, audit, cut_gate
from services.beginning import check_price
from services.estimates import charged_at
from services.prices import fee_expression, prices_at, users_at

SHOWN_CHANGES = 10
#: In the order of the menu: whom most prices are about comes first.
PRICED_TYPES = tuple(
    kind for kind in (AccountType.CUSTOMER, AccountType.MSP, AccountType.SUPPORT) if kind in CHARGED_TYPES
)


class PriceDateInvalid(DomainError):
    """適用開始日 is not ahead, or its cut is reached; carries earliest."""

    field = "valid_from"


class PriceDateTaken(DomainError):
    """There is a price of this account type from that day on already."""

    field = "valid_from"


class PriceTypeUnknown(DomainError):
    """Accounts of this type are not charged."""

    field = "account_type"


class PriceEffectChanged(DomainError):
    """The effect is no longer the one that was shown, or none was; the new one is shown now."""

    http_status = 409


@dataclass(frozen=True)
class PriceDraft:
    """A price to be added: from the first instant of a Tokyo day on. All numbers ≥ 0."""

    account_type: AccountType
    valid_on: dt.date
    base_points: int
    included_user_count: int
    points_per_additional_user: int

    @property
    def valid_from(self) -> dt.datetime:
        """The instant from which it holds."""
        return start_of_day(self.valid_on)

    def row(self) -> PriceVersionRow:
        """Return it as a row that is not written."""
        return PriceVersionRow(
            account_type=self.account_type,
            valid_from=self.valid_from,
            base_points=self.base_points,
            included_user_count=self.included_user_count,
            points_per_additional_user=self.points_per_additional_user,
        )


@dataclass(frozen=True)
class FeeChange:
    """An account's fee (points ≥ 0) without and with the new price."""

    account_number: str
    company_name: str
    contract_user_count: int
    old_fee_points: int
    new_fee_points: int


@dataclass(frozen=True)
class PriceEffect:
    """What a price makes of the first run that it holds for, with the users of today; points are ≥ 0."""

    draft: PriceDraft
    billing_date: dt.date
    is_next_run: bool
    account_count: int
    old_total_points: int
    new_total_points: int
    largest: tuple[FeeChange, ...]

    @property
    def digest(self) -> str:
        """Fingerprint of what is shown."""
        shown = [repr(self.draft), self.billing_date, self.account_count]
        shown += [self.old_total_points, self.new_total_points, repr(self.largest)]
        return hashlib.sha256(json.dumps(shown, default=str).encode()).hexdigest()


def preview_price(*, viewer: Viewer, draft: PriceDraft, now: dt.datetime) -> PriceEffect:
    """Return what a price would make of the first 25th that it holds for, compared with the known prices.

    :raises PriceDateInvalid: from today or earlier, or from a cut that is reached.
    :raises DomainError: PermissionRefused, PriceTypeUnknown, PriceDateTaken, PriceOutOfRange.
    """
    access.check_permission(viewer=viewer, permission=Permission.PRICES_CHANGE)
    if draft.account_type not in PRICED_TYPES:
        raise PriceTypeUnknown(account_type=draft.account_type)
    check_price(draft.base_points, draft.included_user_count, draft.points_per_additional_user)
    _check_date(draft, now)
    next_date = next_billing_date(now)
    billing_date = next_date
    while billing_instant(billing_date) < draft.valid_from:
        billing_date = next_month(billing_date)
    cut = billing_instant(billing_date)
    known: dict[AccountType, PriceVersionRow] = {
        key: row for key, row in prices_at(cut).items() if key == draft.account_type
    }
    users = users_at(cut)
    old = fee_expression(known, users)
    # A later version that is known already goes on to hold.
    is_newest = all(row.valid_from <= draft.valid_from for row in known.values())
    new = _fee(draft, users) if is_newest else old
    count, old_total, new_total = db.session.execute(
        select(
            func.count(Account.id), func.coalesce(func.sum(old), 0), func.coalesce(func.sum(new), 0)
        ).where(*_charged(draft.account_type, billing_date))
    ).one()
    return PriceEffect(
        draft=draft,
        billing_date=billing_date,
        is_next_run=billing_date == next_date,
        account_count=count,
        old_total_points=int(old_total),
        new_total_points=int(new_total),
        largest=_largest(draft.account_type, billing_date, old, new, users),
    )


def add_price(*, viewer: Viewer, draft: PriceDraft, digest: str, now: dt.datetime) -> PriceEffect:
    """Add the price whose effect was shown, and return that effect. Nothing written before is changed.

    No work list of a 25th is written meanwhile, so that the price holds for all of it or for none.

    :raises PriceEffectChanged: when the effect is not the one that was shown.
    :raises DomainError: as preview_price.
    """
    cut_gate.close_gate()
    now = cut_gate.pass_gate(now)
    effect = preview_price(viewer=viewer, draft=draft, now=now)
    if effect.digest != digest:
        raise PriceEffectChanged
    row = draft.row()
    row.created_at = now
    row.administrator_id = viewer.administrator_id
    db.session.add(row)
    db.session.flush()
    audit.record(
        action="price.added",
        viewer=viewer,
        account_id=viewer.account_id,
        now=now,
        account_type=draft.account_type,
        valid_from=draft.valid_from.isoformat(),
        base_points=draft.base_points,
        included_user_count=draft.included_user_count,
        points_per_additional_user=draft.points_per_additional_user,
    )
    return effect


def earliest_date(now: dt.datetime) -> dt.date:
    """Return the first Tokyo day from which a price may be valid: ahead, and after every cut reached."""
    tomorrow = tokyo_date(now) + dt.timedelta(days=1)
    # A cancellation just after a cut posts that fee before the run's list is written.
    newest = db.session.execute(select(func.max(BillingItem.billing_date))).scalar()
    return tomorrow if newest is None else max(tomorrow, newest + dt.timedelta(days=1))


def _check_date(draft: PriceDraft, now: dt.datetime) -> None:
    earliest = earliest_date(now)
    if draft.valid_on < earliest:
        raise PriceDateInvalid(earliest=earliest)
    taken = select(PriceVersionRow.id).where(
        PriceVersionRow.account_type == draft.account_type, PriceVersionRow.valid_from == draft.valid_from
    )
    if db.session.execute(taken).first() is not None:
        raise PriceDateTaken(valid_on=draft.valid_on)


def _fee(draft: PriceDraft, users: ColumnElement[int]) -> ColumnElement[int]:
    return fee_expression({draft.account_type: draft.row()}, users)


def _charged(account_type: AccountType, billing_date: dt.date) -> tuple[ColumnElement[bool], ...]:
    return Account.account_type == account_type, charged_at(billing_date)


def _largest(
    account_type: AccountType,
    billing_date: dt.date,
    old: ColumnElement[int],
    new: ColumnElement[int],
    users: ColumnElement[int],
) -> tuple[FeeChange, ...]:
    """Return the accounts whose fee changes most, the largest change first; none whose fee stays."""
    rows = db.session.execute(
        select(Account.account_number, Account.company_name, users, old, new)
        .where(*_charged(account_type, billing_date), old != new)
        .order_by(func.abs(new - old).desc(), Account.account_number, Account.id)
        .limit(SHOWN_CHANGES)
    )
    return tuple(FeeChange(number or "", name, *numbers) for number, name, *numbers in rows)
