"""Users of the identity service: registering, changing, disabling, deleting; capped by 契約ユーザ数.

Every change locks the account first, so that the cap holds from both sides (R11 of docs/rules.md).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import select, update

from domain.errors import DomainError
from domain.permissions import Viewer
from domain.portal_permissions import PortalPermission
from domain.service_users import UserValues
from models import Account, ServiceUser, db
from services import audit, portal_visits
from services.service_user_list import registered_count

#: Users that one event of the operation log names; a change of more has several events.
USERS_PER_EVENT = 100
LARGEST_SELECTION = 10_000
VALUE_FIELDS = ("full_name", "email", "department")


class ServiceUserNotVisible(DomainError):
    """A user is not there, or not of this account: the same answer."""

    http_status = 404


class ServiceUserNameTaken(DomainError):
    """The account has a user of this name already; carries user_name."""

    field = "user_name"


class ServiceUserLimitReached(DomainError):
    """There would be more users than contracted; carries registered, contracted and wanted (more users)."""


class ServiceUserChanged(DomainError):
    """Somebody else has changed the user since the form was opened."""

    http_status = 409


class NoUsersChosen(DomainError):
    """Nothing was chosen for a change of several users."""


@dataclass(frozen=True)
class StateRow:
    """A chosen user, and whether a change of 状態 changes it."""

    user_id: int
    user_name: str
    full_name: str
    is_changing: bool


@dataclass(frozen=True)
class StatePlan:
    """What a change of 状態 does to chosen users."""

    rows: tuple[StateRow, ...]

    @property
    def changing(self) -> list[StateRow]:
        """The users that change."""
        return [row for row in self.rows if row.is_changing]

    @property
    def unchanged_count(self) -> int:
        """How many are in the wished state already."""
        return len(self.rows) - len(self.changing)


def find_user(*, account_id: int, user_id: int) -> ServiceUser:
    """Return a user of an account whose portal the viewer is in.

    :raises ServiceUserNotVisible: not there, or another account's.
    """
    return _users_of(account_id, [user_id])[0]


def lock_for_change(*, viewer: Viewer, account_id: int, now: dt.datetime) -> Account:
    """Return the account of a portal, locked, for a change of its users.

    :raises DomainError: AccountNotVisible, PermissionRefused, PortalReadOnly, CancellationUnderWay.
    """
    return portal_visits.account_to_change(
        viewer=viewer, account_id=account_id, permission=PortalPermission.USERS_CHANGE, now=now
    )


def check_room(account: Account, *, wanted: int) -> None:
    """Refuse more users than contracted; the account is locked.

    :raises ServiceUserLimitReached: when `wanted` more do not fit.
    """
    registered = registered_count(account.id)
    if registered + wanted > account.contract_user_count:
        raise ServiceUserLimitReached(
            registered=registered, contracted=account.contract_user_count, wanted=wanted
        )


def register(
    *, viewer: Viewer, account_id: int, user_name: str, values: UserValues, now: dt.datetime
) -> ServiceUser:
    """Register a user; `user_name` is one that `parse_user_name` returned.

    :raises DomainError: as lock_for_change; ServiceUserNameTaken, ServiceUserLimitReached.
    """
    account = lock_for_change(viewer=viewer, account_id=account_id, now=now)
    taken = select(ServiceUser.id).where(
        ServiceUser.account_id == account_id, ServiceUser.user_name == user_name
    )
    if db.session.execute(taken).scalar_one_or_none() is not None:
        raise ServiceUserNameTaken(user_name=user_name)
    check_room(account, wanted=1)
    user = ServiceUser(
        account_id=account_id,
        user_name=user_name,
        full_name=values.full_name,
        email=values.email,
        department=values.department,
        is_disabled=False,
        created_at=now,
        updated_at=now,
    )
    db.session.add(user)
    db.session.flush()
    audit.record(
        action="service_user.registered",
        viewer=viewer,
        account_id=account_id,
        now=now,
        user_name=user_name,
        full_name=user.full_name,
        email=user.email,
        department=user.department,
    )
    return user


def update_user(
    *, viewer: Viewer, account_id: int, user_id: int, version: int, values: UserValues, now: dt.datetime
) -> ServiceUser:
    """Change a user's name, e-mail and department; the user name never changes.

    :raises DomainError: as lock_for_change; ServiceUserNotVisible, ServiceUserChanged.
    """
    lock_for_change(viewer=viewer, account_id=account_id, now=now)
    user = _users_of(account_id, [user_id])[0]
    if user.version != version:
        raise ServiceUserChanged
    changes = apply_values(user, {name: getattr(values, name) for name in VALUE_FIELDS}, now=now)
    if changes:
        audit.record(
            action="service_user.updated",
            viewer=viewer,
            account_id=account_id,
            now=now,
            user_name=user.user_name,
            changes=changes,
        )
    return user


def apply_values(user: ServiceUser, values: dict[str, Any], *, now: dt.datetime) -> dict[str, list[Any]]:
    """Set values by column and return what changed, name → [old, new]."""
    changes = {
        name: [getattr(user, name), value] for name, value in values.items() if getattr(user, name) != value
    }
    for name, (_old, new) in changes.items():
        setattr(user, name, new)
    if changes:
        user.updated_at = now
    return changes


def plan_state(*, account_id: int, user_ids: Sequence[int], is_disabled: bool) -> StatePlan:
    """Return what 無効化 or 有効化 would do to chosen users, in the order of the ids.

    :raises DomainError: NoUsersChosen; ServiceUserNotVisible when any id is not this account's.
    """
    if not user_ids:
        raise NoUsersChosen
    return StatePlan(
        tuple(
            StateRow(user.id, user.user_name, user.full_name, user.is_disabled is not is_disabled)
            for user in _users_of(account_id, user_ids)
        )
    )


def change_state(
    *, viewer: Viewer, account_id: int, user_ids: Sequence[int], is_disabled: bool, now: dt.datetime
) -> StatePlan:
    """Disable or enable users, all or none; those that already are so stay as they are. Returns what was done.

    :raises DomainError: as lock_for_change and plan_state.
    """
    lock_for_change(viewer=viewer, account_id=account_id, now=now)
    plan = plan_state(account_id=account_id, user_ids=user_ids, is_disabled=is_disabled)
    if not plan.changing:
        return plan
    db.session.execute(
        update(ServiceUser)
        .where(ServiceUser.id.in_([row.user_id for row in plan.changing]))
        .values(is_disabled=is_disabled, updated_at=now, version=ServiceUser.version + 1)
        .execution_options(synchronize_session=False)
    )
    for names in batches([row.user_name for row in plan.changing], USERS_PER_EVENT):
        audit.record(
            action="service_user.disabled" if is_disabled else "service_user.enabled",
            viewer=viewer,
            account_id=account_id,
            now=now,
            user_count=len(names),
            user_names=names,
        )
    return plan


def delete_user(*, viewer: Viewer, account_id: int, user_id: int, now: dt.datetime) -> str:
    """Delete a user for good and return the user name; another user may then be registered in its place.

    :raises DomainError: as lock_for_change; ServiceUserNotVisible.
    """
    lock_for_change(viewer=viewer, account_id=account_id, now=now)
    user = _users_of(account_id, [user_id])[0]
    user_name = user.user_name
    audit.record(
        action="service_user.deleted",
        viewer=viewer,
        account_id=account_id,
        now=now,
        user_name=user_name,
        full_name=user.full_name,
        email=user.email,
        department=user.department,
    )
    db.session.delete(user)
    db.session.flush()
    return user_name


def batches(values: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield the values in lists of at most `size`."""
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch


def _users_of(account_id: int, user_ids: Sequence[int]) -> list[ServiceUser]:
    statement = (
        select(ServiceUser)
        .where(ServiceUser.account_id == account_id, ServiceUser.id.in_(user_ids))
        .execution_options(populate_existing=True)
    )
    found = {user.id: user for user in db.session.execute(statement).scalars()}
    wanted = dict.fromkeys(user_ids)
    missing = next((key for key in wanted if key not in found), None)
    if missing is not None:
        raise ServiceUserNotVisible(user_id=missing)
    return [found[key] for key in wanted]
