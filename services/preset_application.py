"""画面のカスタマイズの適用: the plan of a preset over chosen customers and its execution, one function for both."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select

from domain.billing_calendar import tokyo_date
from domain.errors import DomainError
from domain.lifecycle import RUNNING
from domain.permissions import Permission, Viewer
from models import Account, MenuPreset, db
from services import access, audit
from services.menu_presets import find_preset
from services.refills import LARGEST_SELECTION, SelectionTooLarge


class NothingToApply(DomainError):
    """No chosen account would change, or none is chosen."""


class ApplicationChanged(DomainError):
    """The preset or the accounts are no longer as shown; nothing was changed."""

    http_status = 409


class ApplicationOutcome(StrEnum):
    """What applying a preset does with an account, or why it leaves it."""

    CHANGED = "changed"
    SAME = "same"
    NOT_RUNNING = "not_running"
    CANCELLATION_UNDER_WAY = "cancellation_under_way"


@dataclass(frozen=True)
class ApplicationRow:
    """One account of a plan: the menus that would be hidden, and those that would be shown again."""

    account: Account
    outcome: ApplicationOutcome
    newly_hidden: tuple[str, ...]
    newly_shown: tuple[str, ...]


@dataclass(frozen=True)
class ApplicationPlan:
    """What applying a preset does, row by row in the order of the choice."""

    preset: MenuPreset
    rows: tuple[ApplicationRow, ...]

    @property
    def changed_count(self) -> int:
        """How many accounts change."""
        return sum(row.outcome is ApplicationOutcome.CHANGED for row in self.rows)

    @property
    def left_count(self) -> int:
        """How many are left as they are."""
        return len(self.rows) - self.changed_count

    @property
    def digest(self) -> str:
        """Fingerprint of what is shown: which menus of which account change."""
        said = [
            (row.account.id, row.outcome.value, row.newly_hidden, row.newly_shown)
            for row in sorted(self.rows, key=lambda row: row.account.id)
        ]
        whole = [self.preset.id, self.preset.hidden_menu_keys, said]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


def plan_application(
    *, viewer: Viewer, account_ids: Sequence[int], preset_id: int, now: dt.datetime
) -> ApplicationPlan:
    """Work out what a preset would change, in the order given; writes and locks nothing.

    :raises DomainError: NothingToApply (nothing is chosen), SelectionTooLarge, PermissionRefused,
        AccountNotVisible, PresetUnknown.
    """
    access.check_permission(viewer=viewer, permission=Permission.CUSTOMERS_EDIT)
    wanted = _check_selection(account_ids)
    preset = find_preset(viewer=viewer, preset_id=preset_id)
    statement = select(Account).where(
        Account.id.in_(wanted), access.scope(viewer), Account.account_type.in_(access.CUSTOMERS)
    )
    found = {account.id: account for account in db.session.scalars(statement)}
    for account_id in wanted:
        if account_id not in found:
            raise access.AccountNotVisible(account_id=account_id)
    return _plan([found[account_id] for account_id in wanted], preset, now)


def apply_preset(
    *, viewer: Viewer, account_ids: Sequence[int], preset_id: int, digest: str, now: dt.datetime
) -> ApplicationPlan:
    """Give the chosen customers a preset's menus, all or none, as the plan of that digest showed it.

    :raises DomainError: NothingToApply, SelectionTooLarge, PermissionRefused, AccountNotVisible, PresetUnknown,
        ApplicationChanged.
    """
    wanted = _check_selection(account_ids)
    accounts = access.accounts_to_change(
        viewer=viewer, permission=Permission.CUSTOMERS_EDIT, account_ids=wanted
    )
    plan = _plan(accounts, find_preset(viewer=viewer, preset_id=preset_id), now)
    if not plan.changed_count:
        raise NothingToApply
    if digest != plan.digest:
        raise ApplicationChanged
    changed = [row.account for row in plan.rows if row.outcome is ApplicationOutcome.CHANGED]
    new = list(plan.preset.hidden_menu_keys)
    audit.record_many(
        action="menu_preset.applied",
        viewer=viewer,
        now=now,
        details={
            account.id: {
                "preset_name": plan.preset.name,
                "changes": {"hidden_menu_keys": [list(account.hidden_menu_keys), new]},
            }
            for account in changed
        },
    )
    for account in changed:
        account.hidden_menu_keys = list(new)
    db.session.flush()
    return plan


def _check_selection(account_ids: Sequence[int]) -> list[int]:
    wanted = list(dict.fromkeys(account_ids))
    if not wanted:
        raise NothingToApply
    if len(wanted) > LARGEST_SELECTION:
        raise SelectionTooLarge(maximum=LARGEST_SELECTION)
    return wanted


def _plan(accounts: Sequence[Account], preset: MenuPreset, now: dt.datetime) -> ApplicationPlan:
    return ApplicationPlan(preset, tuple(_row(account, preset, now) for account in accounts))


def _row(account: Account, preset: MenuPreset, now: dt.datetime) -> ApplicationRow:
    wanted = preset.hidden_menu_keys
    newly_hidden = tuple(key for key in wanted if key not in account.hidden_keys)
    newly_shown = tuple(key for key in account.hidden_menu_keys if key not in set(wanted))
    if account.status not in RUNNING:
        outcome = ApplicationOutcome.NOT_RUNNING
    elif account.cancellation_date is not None and account.cancellation_date <= tokyo_date(now):
        outcome = ApplicationOutcome.CANCELLATION_UNDER_WAY
    elif newly_hidden or newly_shown:
        return ApplicationRow(account, ApplicationOutcome.CHANGED, newly_hidden, newly_shown)
    else:
        outcome = ApplicationOutcome.SAME
    return ApplicationRow(account, outcome, (), ())
