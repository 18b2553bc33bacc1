"""Whether an account requires a second factor of everybody who signs in for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, select, update

from domain.errors import DomainError
from domain.fresh_sign_in import check_fresh
from domain.permissions import Viewer
from domain.second_factor_rules import may_require_second_factor
from models import Account, Administrator, SecondFactor, db
from services import audit, second_factors
from services.access import PermissionRefused


class OwnSecondFactorFirst(DomainError):
    """Whoever requires a second factor of others must have one himself."""

    http_status = 409


@dataclass(frozen=True)
class Requirement:
    """What an account requires, and how many of its people could sign in by it today."""

    is_required: bool
    administrator_count: int
    with_second_factor_count: int


def requirement_of(viewer: Viewer) -> Requirement:
    """Return what the viewer's own account requires."""
    account_id = viewer.account_id
    people = select(func.count(Administrator.id), func.count(SecondFactor.id)).select_from(Administrator)
    people = people.outerjoin(SecondFactor, SecondFactor.administrator_id == Administrator.id).where(
        Administrator.account_id == account_id, Administrator.is_disabled.is_(False)
    )
    count, with_count = db.session.execute(people).one()
    required = select(Account.requires_second_factor).where(Account.id == account_id)
    return Requirement(
        is_required=db.session.execute(required).scalar_one(),
        administrator_count=count,
        with_second_factor_count=with_count,
    )


def set_required(*, viewer: Viewer, is_required: bool, now: dt.datetime) -> None:
    """Require a second factor of everybody of the viewer's own account, or not any more.

    Whoever has none is led to set one up by the next request. The account's version stays: no form about it shows
    this. The same again changes nothing and is not written down.

    :raises PermissionRefused: not the viewer's to decide.
    :raises OwnSecondFactorFirst: the viewer has none.
    :raises FreshSignInNeeded: the password was given too long ago.
    """
    if not may_require_second_factor(viewer):
        raise PermissionRefused(permission="second_factor:require")
    check_fresh(viewer, now)
    if is_required and second_factors.find(viewer.administrator_id) is None:
        raise OwnSecondFactorFirst
    own = Account.id == viewer.account_id
    was_required = db.session.execute(
        select(Account.requires_second_factor).where(own).with_for_update(key_share=True)
    ).scalar_one()
    if was_required == is_required:
        return
    db.session.execute(update(Account).where(own).values(requires_second_factor=is_required))
    audit.record(
        action="second_factor.required" if is_required else "second_factor.not_required",
        viewer=viewer,
        account_id=viewer.account_id,
        now=now,
    )
