"""Attempts to sign in: compared, then counted. Too many wrong ones lock a person out for a while.

Every refusal is the same to who tries. A browser in which the person signed in before is counted by itself:
guesses from elsewhere lock everybody else out, but not the person there.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Select, select, update

from domain.sign_in_locks import BROWSER_KNOWN_FOR, FAILURES_BEFORE_LOCK, is_locked, lock_after
from models import Administrator, SignIn, db
from services import audit, passwords, second_factors, sign_ins


@dataclass(frozen=True)
class Attempt:
    """A name and a password that were compared: whose name it is, and the hash that the password has."""

    administrator_id: int | None
    matched_hash: str | None
    #: What takes the place of a hash that was computed at less cost than new ones are.
    renewed_hash: str | None = None


@dataclass(frozen=True)
class FirstStep:
    """A right password of somebody who has a second factor: nothing is open before the code."""

    administrator_id: int
    #: Ends the step when the password is changed.
    password_stamp: str


@dataclass(frozen=True)
class Admitted:
    """A person whose attempt counts, the row locked, and the session by which the browser is known."""

    person: Administrator
    known: SignIn | None


def compare(*, user_name_or_email: str, password: str) -> Attempt:
    """Compare a name and a password. It reads only: call it outside of a transaction, for the hash takes long.

    An unknown name takes as long as a known one: a hash is computed for each.
    """
    administrator = sign_ins.find_administrator(user_name_or_email)
    stored = administrator.password_hash if administrator else None
    is_right = passwords.matches(stored, password)
    return Attempt(
        administrator_id=administrator.id if administrator else None,
        matched_hash=stored if is_right else None,
        renewed_hash=passwords.renewed_hash(stored, password) if stored and is_right else None,
    )


def conclude(
    *,
    attempt: Attempt,
    browser: str | None,
    now: dt.datetime,
    remote_address: str | None,
    user_agent: str,
) -> str | FirstStep | None:
    """Count an attempt, and begin a session for a right one: return its token; None: refused.

    FirstStep: the code is wanted too (services/second_sign_in_step.py), and no failure is forgiven before it.

    `browser` is what `browser_mark` gave when somebody signed in there before. While a person is locked nothing
    is counted, and a right password opens nothing but in a browser that is known.
    """
    admitted = admit(administrator_id=attempt.administrator_id, browser=browser, now=now)
    if admitted is None:
        return None
    if not take_password(admitted, attempt):
        count_failure(admitted, now=now, remote_address=remote_address)
        return None
    if second_factors.find(admitted.person.id) is not None:
        return FirstStep(admitted.person.id, password_stamp(admitted.person.password_hash))
    forget_failures(admitted, now=now)
    return sign_ins.sign_in(
        administrator_id=admitted.person.id, now=now, remote_address=remote_address, user_agent=user_agent
    )


def admit(*, administrator_id: int | None, browser: str | None, now: dt.datetime) -> Admitted | None:
    """Lock who tries, and say by which browser; None: whatever is tried opens nothing and is not counted."""
    found = sign_ins.lock_administrator(administrator_id or 0)
    if found is None or not sign_ins.may_sign_in(found, found.account):
        return None
    known = _known_browser(browser, found.id, now)
    if known is None and is_locked(found.locked_until, now):
        return None
    return Admitted(person=found, known=known)


def take_password(admitted: Admitted, attempt: Attempt) -> bool:
    """Tell whether a compared password is the person's still, and keep the better hash of it."""
    if attempt.matched_hash is None or attempt.matched_hash != admitted.person.password_hash:
        return False
    if attempt.renewed_hash is not None:
        # Not by the row's object: its version is for what people edit.
        db.session.execute(
            update(Administrator)
            .where(Administrator.id == admitted.person.id)
            .values(password_hash=attempt.renewed_hash)
        )
    return True


def forget_failures(admitted: Admitted, *, now: dt.datetime) -> None:
    """Begin the count anew after a right attempt; a lock that was made elsewhere stays."""
    if not is_locked(admitted.person.locked_until, now):
        _write_failures(admitted.person)


def password_stamp(password_hash: str | None) -> str:
    """Return what tells one password from the next, and nothing about either."""
    return sign_ins.token_hash(password_hash or "")


def browser_mark(token: str) -> str:
    """Return what a browser keeps to be known again: it names its session and opens nothing."""
    return sign_ins.token_hash(token)


def is_known_browser(*, mark: str, user_name_or_email: str, now: dt.datetime) -> bool:
    """Tell whether a mark is of a browser in which the named person signed in before; a made-up one is not."""
    # Before anybody is signed in: it looks beyond what any viewer may see, and says yes or no.
    administrator = sign_ins.find_administrator(user_name_or_email)
    if administrator is None:
        return False
    found = db.session.execute(_sign_ins_of_browser(mark, administrator.id, now))
    return found.first() is not None


def lift_lock(administrator: Administrator, *, now: dt.datetime) -> bool:
    """Lift the lock of an administrator, whose row is locked for it; tell whether there was one."""
    was_locked = is_locked(administrator.locked_until, now)
    _write_failures(administrator)
    return was_locked


def _known_browser(mark: str | None, administrator_id: int, now: dt.datetime) -> SignIn | None:
    if not mark:
        return None
    statement = _sign_ins_of_browser(mark, administrator_id, now).with_for_update(of=SignIn)
    return db.session.execute(statement).scalar_one_or_none()


def _sign_ins_of_browser(mark: str, administrator_id: int, now: dt.datetime) -> Select[SignIn]:
    return select(SignIn).where(
        SignIn.token_hash == mark,
        SignIn.administrator_id == administrator_id,
        SignIn.started_at > now - BROWSER_KNOWN_FOR,
        SignIn.failed_count < FAILURES_BEFORE_LOCK,
    )


def count_failure(admitted: Admitted, *, now: dt.datetime, remote_address: str | None) -> None:
    """Count where a wrong one came from; enough of them lock the person, whichever browser they came from."""
    found, known = admitted.person, admitted.known
    if known is not None:
        known.failed_count += 1
        failed_count = found.failed_sign_in_count
        counted = known.failed_count
    else:
        failed_count = counted = found.failed_sign_in_count + 1
    lock_count = found.consecutive_lock_count
    locked_until = lock_after(counted, now, earlier_lock_count=lock_count)
    if locked_until is None:
        _write_failures(
            found, failed_count=failed_count, locked_until=found.locked_until, lock_count=lock_count
        )
        return
    # The count begins anew: when the lock has passed, there are as many attempts as before it.
    _write_failures(found, locked_until=locked_until, lock_count=lock_count + 1)
    audit.record(
        action="administrator.locked",
        viewer=None,
        account_id=found.account_id,
        now=now,
        user_name=found.user_name,
        locked_until=locked_until.isoformat(),
        from_address=remote_address,
    )


def _write_failures(
    found: Administrator,
    *,
    failed_count: int = 0,
    locked_until: dt.datetime | None = None,
    lock_count: int = 0,
) -> None:
    """Write what was counted, not by the row's object: its version is for what people edit."""
    counted = {
        "failed_sign_in_count": failed_count,
        "locked_until": locked_until,
        "consecutive_lock_count": lock_count,
    }
    if all(getattr(found, name) == value for name, value in counted.items()):
        return
    db.session.execute(update(Administrator).where(Administrator.id == found.id).values(**counted))
