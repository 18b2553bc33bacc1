"""The second step of a sign-in, and the fresh sign-in within a session: the code beside the password.

Wrong codes are counted like wrong passwords, by the same rules (services/sign_in_attempts.py), and a right
password alone forgives none of them: whoever knows it has no more tries at the code than anybody else.
"""

from __future__ import annotations

import datetime as dt

from domain.one_time_codes import read_code
from models import SignIn, db
from services import audit, second_factors, sign_in_attempts, sign_ins
from services.secret_box import Purpose, SecretBox
from services.sign_in_attempts import Admitted, Attempt, FirstStep, password_stamp

#: For so long a right password waits for the code.
FIRST_STEP_LIFETIME = dt.timedelta(minutes=5)


def seal_first_step(step: FirstStep, *, box: SecretBox, now: dt.datetime) -> str:
    """Return a first step as the browser keeps it: it opens nothing but the page that asks for the code."""
    facts = {"administrator_id": step.administrator_id, "password_stamp": step.password_stamp}
    return box.seal(Purpose.FIRST_STEP, facts, until=now + FIRST_STEP_LIFETIME)


def open_first_step(sealed: str, *, box: SecretBox, now: dt.datetime) -> FirstStep | None:
    """Return a first step that was sealed here and is not too old, else None."""
    facts = box.open(Purpose.FIRST_STEP, sealed, now=now)
    return FirstStep(**facts) if facts else None


def conclude(
    *,
    step: FirstStep,
    code: str,
    box: SecretBox,
    browser: str | None,
    now: dt.datetime,
    remote_address: str | None,
    user_agent: str,
) -> str | None:
    """Count a code that was typed after a right password, and begin a session: its token; None: refused.

    Refused as well: the password was changed in between, and the second factor was taken away.
    """
    admitted = sign_in_attempts.admit(administrator_id=step.administrator_id, browser=browser, now=now)
    if admitted is None or password_stamp(admitted.person.password_hash) != step.password_stamp:
        return None
    if not second_factors.take_code(person=admitted.person, code=read_code(code), box=box, now=now):
        sign_in_attempts.count_failure(admitted, now=now, remote_address=remote_address)
        return None
    sign_in_attempts.forget_failures(admitted, now=now)
    return sign_ins.sign_in(
        administrator_id=admitted.person.id, now=now, remote_address=remote_address, user_agent=user_agent
    )


def confirm(
    *,
    token: str,
    attempt: Attempt,
    code: str,
    box: SecretBox,
    now: dt.datetime,
    remote_address: str | None,
) -> bool:
    """Count a password (and a code) that was asked for within a session, and note the session as fresh.

    The session's own browser is known, so that a lock that was made elsewhere does not keep its owner out.
    """
    admitted = sign_in_attempts.admit(
        administrator_id=attempt.administrator_id, browser=sign_in_attempts.browser_mark(token), now=now
    )
    if admitted is None:
        return False
    if not (sign_in_attempts.take_password(admitted, attempt) and _has_code(admitted, code, box, now)):
        sign_in_attempts.count_failure(admitted, now=now, remote_address=remote_address)
        return False
    session = sign_ins.lock_session(token)
    if session is None or session.administrator_id != admitted.person.id:
        return False
    _note_fresh(session, now)
    sign_in_attempts.forget_failures(admitted, now=now)
    audit.record(
        action="administrator.confirmed",
        viewer=sign_ins.viewer_of(admitted.person, remote_address),
        account_id=admitted.person.account_id,
        now=now,
    )
    return True


def _has_code(admitted: Admitted, code: str, box: SecretBox, now: dt.datetime) -> bool:
    if second_factors.find(admitted.person.id) is None:
        return True
    return second_factors.take_code(person=admitted.person, code=read_code(code), box=box, now=now)


def _note_fresh(session: SignIn, now: dt.datetime) -> None:
    session.authenticated_at = now
    session.failed_count = 0
    db.session.flush()
