"""Which administrators a viewer may see and change in a customer portal, and which an account must keep."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from domain.administrator_levels import guarding_sets
from domain.errors import DomainError
from domain.permissions import AdminLevel, Viewer
from domain.portal_permissions import GRANTABLE_LEVELS, PortalPermission
from models import Account, Administrator, db
from services import sign_ins
from services.access import PermissionRefused
from services.portal_visits import account_to_change, enterable_scope


class AdministratorNotVisible(DomainError):
    """An administrator is not there, deleted, or not of the account whose portal it is: the same answer."""

    http_status = 404


class LastAdministrator(DomainError):
    """Without this administrator nobody of the account could administer it any more."""


def may_touch(viewer: Viewer, level: AdminLevel) -> bool:
    """Tell whether a level is not above a viewer's own."""
    return level in GRANTABLE_LEVELS[viewer.level]


def check_level(viewer: Viewer, level: AdminLevel) -> None:
    """Refuse a viewer what concerns a level above his own. :raises PermissionRefused:"""
    if not may_touch(viewer, level):
        raise PermissionRefused(permission=PortalPermission.ADMINISTRATORS_CHANGE)


def find_person(*, viewer: Viewer, account_id: int, administrator_id: int) -> Administrator:
    """Return an administrator of an account that the viewer may enter, for a page.

    :raises AdministratorNotVisible: not there, deleted, or of another account.
    """
    statement = (
        select(Administrator)
        .join(Account, Account.id == Administrator.account_id)
        .where(
            Administrator.id == administrator_id,
            Administrator.account_id == account_id,
            Administrator.deleted_at.is_(None),
            enterable_scope(viewer),
        )
    )
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise AdministratorNotVisible(administrator_id=administrator_id)
    return found


def administered_account(viewer: Viewer, account_id: int, now: dt.datetime) -> Account:
    """Return the account of a portal, locked, whose administrators are to be changed.

    :raises DomainError: as account_to_change.
    """
    return account_to_change(
        viewer=viewer,
        account_id=account_id,
        permission=PortalPermission.ADMINISTRATORS_CHANGE,
        now=now,
    )


def person_to_change(viewer: Viewer, account: Account, administrator_id: int) -> Administrator:
    """Return an administrator of the account, locked, whose level is not above the viewer's.

    :raises AdministratorNotVisible: not there, deleted, or of another account.
    :raises PermissionRefused: of a level above the viewer's own.
    """
    person = sign_ins.lock_administrator(administrator_id)
    if person is None or person.account_id != account.id:
        raise AdministratorNotVisible(administrator_id=administrator_id)
    check_level(viewer, person.level)
    return person


def check_guarded(account: Account, person: Administrator, level_after: AdminLevel | None) -> None:
    """Refuse to take away a kind of administrator that the account needs; None: disabled or deleted.

    Only people who are not disabled count; who is locked or without a password will still sign in.

    :raises LastAdministrator: there is no other.
    """
    if person.is_disabled:
        return
    others = select(Administrator.level).where(
        Administrator.account_id == account.id,
        Administrator.id != person.id,
        Administrator.is_disabled.is_(False),
    )
    levels = {*db.session.execute(others).scalars(), level_after}
    for guards in guarding_sets(account.account_type):
        if person.level in guards and not levels & guards:
            raise LastAdministrator
