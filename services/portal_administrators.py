"""管理＞管理者: what people do to the administrators of the account whose customer portal they are in.

Every change first locks the account (`account_to_change`), so that of two changes at once the second sees the
first: no two people can remove each other as the last but one. Nobody grants or touches a level above his own.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from domain.errors import DomainError
from domain.fresh_sign_in import check_fresh
from domain.inputs.emails import email_key, parse_email
from domain.permissions import LEVELS, AdminLevel, Viewer
from domain.portal_permissions import PortalPermission
from models import Administrator, db
from services import audit, requests, second_factors, sign_in_attempts, sign_ins
from services.access import PermissionRefused
from services.administrator_access import administered_account, check_guarded, check_level, person_to_change
from services.administrator_mails import queue_registered_mail, send_password_link
from services.administrators import (
    LONGEST_FULL_NAME,
    LevelNotOffered,
    add_administrator,
    check_email_free,
    clean_name,
    flush_unique,
)
from services.mail_texts import MailBrand
from services.one_time_links import end_links


class AdministratorChanged(DomainError):
    """Somebody else has changed the administrator since the form was opened."""

    http_status = 409


class AdministratorDisabled(DomainError):
    """A disabled administrator gets no link: it would open nothing."""

    http_status = 409


@dataclass(frozen=True)
class PersonValues:
    """What can be changed of an administrator, and is given to a new one."""

    full_name: str
    email: str
    level: AdminLevel


def register(
    *,
    viewer: Viewer,
    account_id: int,
    user_name: str,
    values: PersonValues,
    password_hash: str | None,
    request_id: str,
    brand: MailBrand,
    now: dt.datetime,
) -> Administrator:
    """Register an administrator and tell him by mail. The same `request_id` again returns the first one.

    Without a `password_hash` he also gets a link to set the password: 設定URLメール送信.

    :raises DomainError: as account_to_change and add_administrator; PermissionRefused, RequestIdReused.
    """
    account = administered_account(viewer, account_id, now)
    has_link = password_hash is None
    body = {"do": "administrator", "account_id": account_id, "user_name": user_name, "by_link": has_link}
    body |= {"full_name": values.full_name, "email": values.email, "level": values.level}
    first = requests.begin_request(request_id=request_id, viewer=viewer, body=body, now=now)
    if first is not None:
        return db.session.get_one(Administrator, first["administrator_id"])
    if values.level in LEVELS[account.account_type]:
        check_level(viewer, values.level)
    administrator = add_administrator(
        account=account,
        user_name=user_name,
        email=values.email,
        full_name=values.full_name,
        level=values.level,
        password_hash=password_hash,
        viewer=viewer,
        now=now,
    )
    _tell(administrator, has_link, brand, now)
    requests.finish_request(request_id=request_id, result={"administrator_id": administrator.id})
    return administrator


def update(
    *,
    viewer: Viewer,
    account_id: int,
    administrator_id: int,
    version: int,
    values: PersonValues,
    now: dt.datetime,
) -> Administrator:
    """Change name, e-mail and level; never the user name, nor whether the person is locked or disabled.

    A new address ends the links that went to the old one.

    :raises AdministratorChanged: somebody else changed it since `version`.
    :raises DomainError: as account_to_change; AdministratorNotVisible, PermissionRefused, LevelNotOffered,
        EmailTaken, EmailAddressRefused, NameRequired, LastAdministrator; FreshSignInNeeded for a new address.
    """
    account = administered_account(viewer, account_id, now)
    person = person_to_change(viewer, account, administrator_id)
    if person.version != version:
        raise AdministratorChanged
    if values.level not in LEVELS[account.account_type]:
        raise LevelNotOffered(level=values.level, account_type=account.account_type)
    check_level(viewer, values.level)
    changes = _changes(person, values)
    if "email" in changes:
        check_fresh(viewer, now)
        check_email_free(changes["email"][1], administrator_id=person.id)
        end_links(administrator_id=person.id, now=now)
    check_guarded(account, person, values.level)
    for name, (_old, new) in changes.items():
        setattr(person, name, new)
    flush_unique()
    if changes:
        _record("administrator.updated", viewer, person, now, changes=changes)
    return person


def set_disabled(
    *, viewer: Viewer, account_id: int, administrator_id: int, is_disabled: bool, now: dt.datetime
) -> Administrator:
    """Disable a person, who is then signed out everywhere, or let one sign in again; a lock is left as it is.

    One who is so already is left alone.

    :raises DomainError: as account_to_change; AdministratorNotVisible, PermissionRefused, LastAdministrator.
    """
    account = administered_account(viewer, account_id, now)
    person = person_to_change(viewer, account, administrator_id)
    if person.is_disabled == is_disabled:
        return person
    if is_disabled:
        check_guarded(account, person, None)
        end_links(administrator_id=person.id, now=now)
        sign_ins.end_all_sessions(administrator_id=person.id, now=now)
    person.is_disabled = is_disabled
    db.session.flush()
    _record("administrator.disabled" if is_disabled else "administrator.enabled", viewer, person, now)
    return person


def send_link(
    *,
    viewer: Viewer,
    account_id: int,
    administrator_id: int,
    request_id: str,
    brand: MailBrand,
    now: dt.datetime,
) -> Administrator:
    """Mail a new link to set the password; the password holds until it is used. The same request sends one.

    :raises AdministratorDisabled: the link would open nothing.
    :raises DomainError: as account_to_change; AdministratorNotVisible, PermissionRefused, RequestIdReused.
    """
    account = administered_account(viewer, account_id, now)
    person = person_to_change(viewer, account, administrator_id)
    if person.is_disabled:
        raise AdministratorDisabled
    body = {"do": "password_link", "administrator_id": administrator_id}
    if requests.begin_request(request_id=request_id, viewer=viewer, body=body, now=now) is not None:
        return person
    send_password_link(administrator=person, brand=brand, now=now)
    _record("administrator.password_link_sent", viewer, person, now, email=person.email)
    return person


def unlock(
    *, viewer: Viewer, account_id: int, administrator_id: int, now: dt.datetime
) -> tuple[Administrator, bool]:
    """Lift another's lock; tell whether there was one. Locked and disabled are two things: disabled stays.

    :raises PermissionRefused: one's own lock, or a level above one's own.
    :raises DomainError: as account_to_change; AdministratorNotVisible.
    """
    account = administered_account(viewer, account_id, now)
    person = person_to_change(viewer, account, administrator_id)
    if person.id == viewer.administrator_id:
        raise PermissionRefused(permission=PortalPermission.ADMINISTRATORS_CHANGE)
    was_locked = sign_in_attempts.lift_lock(person, now=now)
    if was_locked:
        _record("administrator.unlocked", viewer, person, now)
    return person, was_locked


def take_second_factor(
    *, viewer: Viewer, account_id: int, administrator_id: int, brand: MailBrand, now: dt.datetime
) -> Administrator:
    """Take away another's second factor, who is signed out everywhere and told by mail.

    :raises PermissionRefused: one's own, or of a level above one's own.
    :raises DomainError: as account_to_change; AdministratorNotVisible, FreshSignInNeeded, SecondFactorNotOn.
    """
    account = administered_account(viewer, account_id, now)
    person = person_to_change(viewer, account, administrator_id)
    if person.id == viewer.administrator_id:
        raise PermissionRefused(permission=PortalPermission.ADMINISTRATORS_CHANGE)
    check_fresh(viewer, now)
    second_factors.take_away(person=person, viewer=viewer, brand=brand, now=now)
    return person


def delete(*, viewer: Viewer, account_id: int, administrator_id: int, now: dt.datetime) -> Administrator:
    """Delete an administrator: signed out everywhere, never signed in again; the user name stays taken.

    One may delete oneself, unless one is the last: another then signs in and can register one anew.

    :raises DomainError: as account_to_change; AdministratorNotVisible, PermissionRefused, LastAdministrator.
    """
    account = administered_account(viewer, account_id, now)
    person = person_to_change(viewer, account, administrator_id)
    check_guarded(account, person, None)
    person.is_disabled = True
    person.deleted_at = now
    second_factors.forget(person.id)
    end_links(administrator_id=person.id, now=now)
    sign_ins.end_all_sessions(administrator_id=person.id, now=now)
    db.session.flush()
    _record("administrator.deleted", viewer, person, now, full_name=person.full_name, email=person.email)
    return person


def _tell(administrator: Administrator, has_link: bool, brand: MailBrand, now: dt.datetime) -> None:
    queue_registered_mail(administrator=administrator, has_link=has_link, brand=brand, now=now)
    if has_link:
        send_password_link(administrator=administrator, brand=brand, now=now)


def _changes(person: Administrator, values: PersonValues) -> dict[str, list[Any]]:
    """Return what would change, name → [old, new]."""
    wanted: dict[str, Any] = {
        "full_name": clean_name(values.full_name, maximum=LONGEST_FULL_NAME),
        "email": email_key(parse_email(values.email)),
        "level": values.level,
    }
    return {
        name: [getattr(person, name), value]
        for name, value in wanted.items()
        if getattr(person, name) != value
    }


def _record(action: str, viewer: Viewer, person: Administrator, now: dt.datetime, **details: Any) -> None:
    audit.record(
        action=action,
        viewer=viewer,
        account_id=person.account_id,
        now=now,
        user_name=person.user_name,
        **details,
    )
