"""The second factor: an authenticator's one-time codes, and recovery codes for when it is lost.

A set-up that nobody has confirmed by a code is no row at all: its secret travels sealed in the form that shows it.
Whoever takes a code has locked the administrator (`sign_ins.lock_administrator`), so that of two requests with the
same code the second sees it used.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass

import pyotp
from sqlalchemy import select

from domain import one_time_codes
from domain.errors import DomainError
from domain.fresh_sign_in import check_fresh
from domain.permissions import Viewer
from models import Account, Administrator, SecondFactor, db
from services import audit, recovery_codes, sign_ins
from services.mail_texts import MailBrand
from services.second_factor_mails import SecondFactorChange, queue_changed_mail
from services.secret_box import Purpose, SecretBox
from services.sign_ins import token_hash

SET_UP_LIFETIME = dt.timedelta(minutes=30)
#: What a change is called in the operation log.
CHANGE_ACTIONS = {
    SecondFactorChange.ON: "second_factor.switched_on",
    SecondFactorChange.REPLACED: "second_factor.replaced",
    SecondFactorChange.OFF: "second_factor.switched_off",
    SecondFactorChange.CODES: "second_factor.codes_renewed",
    SecondFactorChange.TAKEN_AWAY: "second_factor.taken_away",
}
log = logging.getLogger(__name__)


class OneTimeCodeWrong(DomainError):
    """A code is not the one that the authenticator shows now, or was used already."""

    field = "code"


class SetUpExpired(DomainError):
    """A set-up was begun too long ago, or by somebody else."""

    http_status = 409


class SecondFactorChanged(DomainError):
    """The second factor was switched on, replaced or taken away since the set-up was begun."""

    http_status = 409


class SecondFactorNotOn(DomainError):
    """The person has no second factor."""

    http_status = 409


class SecondFactorRequired(DomainError):
    """The account requires a second factor of everybody: nobody switches his own off."""

    http_status = 409


@dataclass(frozen=True)
class SetUp:
    """A secret that waits for its first code, and the seal by which the form brings it back.

    `replaces` is the stamp of the second factor in whose place it comes; "": there is none yet.
    """

    secret: str
    token: str
    replaces: str


@dataclass(frozen=True)
class State:
    """What the page of the second factor shows of its owner."""

    confirmed_at: dt.datetime | None
    unused_code_count: int


def state_of(viewer: Viewer) -> State:
    """Return since when the viewer has a second factor, and how many recovery codes are left."""
    factor = find(viewer.administrator_id)
    return State(
        confirmed_at=factor.confirmed_at if factor else None,
        unused_code_count=recovery_codes.unused_count(viewer.administrator_id),
    )


def find(administrator_id: int) -> SecondFactor | None:
    """Return a person's second factor, as the database has it now."""
    statement = (
        select(SecondFactor)
        .where(SecondFactor.administrator_id == administrator_id)
        .execution_options(populate_existing=True)
    )
    return db.session.execute(statement).scalar_one_or_none()


def begin_set_up(*, viewer: Viewer, box: SecretBox, now: dt.datetime) -> SetUp:
    """Make a secret for the viewer, the first or one for a new telephone; nothing is written.

    Only a fresh sign-in gets one, and only who got one can confirm it.

    :raises FreshSignInNeeded: the password was given too long ago.
    """
    check_fresh(viewer, now)
    secret, replaces = pyotp.random_base32(), _stamp(find(viewer.administrator_id))
    facts = {"administrator_id": viewer.administrator_id, "secret": secret, "replaces": replaces}
    token = box.seal(Purpose.SET_UP, facts, until=now + SET_UP_LIFETIME)
    return SetUp(secret=secret, token=token, replaces=replaces)


def open_set_up(*, viewer: Viewer, token: str, box: SecretBox, now: dt.datetime) -> SetUp:
    """Return a set-up that the viewer has begun. :raises SetUpExpired: too old, or not the viewer's."""
    facts = box.open(Purpose.SET_UP, token, now=now)
    if facts is None or facts["administrator_id"] != viewer.administrator_id:
        raise SetUpExpired
    return SetUp(secret=facts["secret"], token=token, replaces=facts["replaces"])


def confirm_set_up(
    *,
    viewer: Viewer,
    token: str,
    code: str | None,
    kept_session: str | None,
    box: SecretBox,
    brand: MailBrand,
    now: dt.datetime,
) -> list[str]:
    """Switch the second factor on, or replace it, by the first code of its secret; return the recovery codes.

    `code` as domain.one_time_codes.read_code gives it. Whoever else is signed in as the viewer is signed out.

    :raises SetUpExpired, SecondFactorChanged, OneTimeCodeWrong: nothing was switched on.
    """
    begun = open_set_up(viewer=viewer, token=token, box=box, now=now)
    secret, person = begun.secret, _own_row(viewer)
    if _stamp(find(person.id)) != begun.replaces:
        raise SecondFactorChanged
    step = one_time_codes.matching_step(secret=secret, code=code or "", now=now, last_used_step=0)
    if step is None:
        raise OneTimeCodeWrong
    is_replaced = forget(person.id)
    db.session.add(
        SecondFactor(
            administrator_id=person.id,
            account_id=person.account_id,
            sealed_secret=box.seal(Purpose.SECOND_FACTOR, {"secret": secret}),
            last_used_step=step,
            confirmed_at=now,
        )
    )
    codes = recovery_codes.make_anew(person, now=now)
    sign_ins.end_all_sessions(administrator_id=person.id, now=now, kept_token=kept_session)
    _tell(SecondFactorChange.REPLACED if is_replaced else SecondFactorChange.ON, person, viewer, brand, now)
    return codes


def renew_codes(*, viewer: Viewer, brand: MailBrand, now: dt.datetime) -> list[str]:
    """Make the recovery codes anew and return them; the earlier ones end.

    :raises SecondFactorNotOn, FreshSignInNeeded:
    """
    check_fresh(viewer, now)
    person = _own_row(viewer)
    if find(person.id) is None:
        raise SecondFactorNotOn
    codes = recovery_codes.make_anew(person, now=now)
    _tell(SecondFactorChange.CODES, person, viewer, brand, now)
    return codes


def switch_off(*, viewer: Viewer, brand: MailBrand, now: dt.datetime) -> None:
    """Switch the viewer's own second factor off.

    :raises SecondFactorNotOn, SecondFactorRequired, FreshSignInNeeded:
    """
    check_fresh(viewer, now)
    person = _own_row(viewer)
    if db.session.get_one(Account, person.account_id, populate_existing=True).requires_second_factor:
        raise SecondFactorRequired
    if not forget(person.id):
        raise SecondFactorNotOn
    _tell(SecondFactorChange.OFF, person, viewer, brand, now)


def take_away(*, person: Administrator, viewer: Viewer | None, brand: MailBrand, now: dt.datetime) -> None:
    """Take the second factor of a person, whose row is locked, and sign him out everywhere.

    Who may do so is the caller's question; `viewer` None: the command line.

    :raises SecondFactorNotOn: there is none.
    """
    if not forget(person.id):
        raise SecondFactorNotOn
    sign_ins.end_all_sessions(administrator_id=person.id, now=now)
    _tell(SecondFactorChange.TAKEN_AWAY, person, viewer, brand, now)


def forget(administrator_id: int) -> bool:
    """Delete a person's second factor and recovery codes; tell whether there was one."""
    recovery_codes.delete_all(administrator_id)
    factor = find(administrator_id)
    if factor is None:
        return False
    db.session.delete(factor)
    db.session.flush()
    return True


def take_code(*, person: Administrator, code: str | None, box: SecretBox, now: dt.datetime) -> bool:
    """Tell whether a code is good for a person, whose row is locked, and use it up.

    `code` as domain.one_time_codes.read_code gives it. Someone without a second factor has no good code.
    """
    factor = find(person.id)
    if factor is None or code is None:
        return False
    if one_time_codes.is_recovery_code(code):
        return recovery_codes.use(person, code, now=now)
    opened = box.open(Purpose.SECOND_FACTOR, factor.sealed_secret, now=now)
    if opened is None:
        log.error("a second factor cannot be read: SECRET_KEY is not the one that it was sealed with")
        return False
    step = one_time_codes.matching_step(
        secret=opened["secret"], code=code, now=now, last_used_step=factor.last_used_step
    )
    if step is None:
        return False
    factor.last_used_step = step
    db.session.flush()
    return True


def _stamp(factor: SecondFactor | None) -> str:
    """Return what tells one second factor of a person from the next: no two are sealed alike."""
    return token_hash(factor.sealed_secret) if factor else ""


def _own_row(viewer: Viewer) -> Administrator:
    person = sign_ins.lock_administrator(viewer.administrator_id)
    if person is None:
        # Deleted since the request began: there is nothing left to change.
        raise SecondFactorNotOn
    return person


def _tell(
    change: SecondFactorChange,
    person: Administrator,
    viewer: Viewer | None,
    brand: MailBrand,
    now: dt.datetime,
) -> None:
    """Write a change down, and mail its owner."""
    audit.record(
        action=CHANGE_ACTIONS[change],
        viewer=viewer,
        account_id=person.account_id,
        now=now,
        user_name=person.user_name,
    )
    queue_changed_mail(administrator=person, change=change, brand=brand, now=now)
