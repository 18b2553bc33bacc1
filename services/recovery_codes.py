"""Recovery codes: each takes the place of the authenticator once. Who uses one has locked the administrator."""

from __future__ import annotations

import datetime as dt
import secrets

from sqlalchemy import delete, func, select

from domain import one_time_codes
from models import Administrator, RecoveryCode, db
from services import audit, sign_ins
from services.sign_ins import token_hash


def make_anew(person: Administrator, *, now: dt.datetime) -> list[str]:
    """Give a person ten codes and return them as they are shown; the earlier ones end."""
    delete_all(person.id)
    letters, length = one_time_codes.RECOVERY_ALPHABET, one_time_codes.RECOVERY_CODE_LENGTH
    codes = [
        "".join(secrets.choice(letters) for _position in range(length))
        for _number in range(one_time_codes.RECOVERY_CODE_COUNT)
    ]
    db.session.add_all(
        RecoveryCode(
            administrator_id=person.id,
            account_id=person.account_id,
            code_hash=token_hash(code),
            created_at=now,
        )
        for code in codes
    )
    db.session.flush()
    return [one_time_codes.shown_recovery_code(code) for code in codes]


def use(person: Administrator, code: str, *, now: dt.datetime) -> bool:
    """Tell whether a code is one of a person's that was not used yet, and use it up."""
    statement = select(RecoveryCode).where(
        RecoveryCode.administrator_id == person.id,
        RecoveryCode.code_hash == token_hash(code),
        RecoveryCode.used_at.is_(None),
    )
    found = db.session.execute(statement.with_for_update()).scalar_one_or_none()
    if found is None:
        return False
    found.used_at = now
    db.session.flush()
    audit.record(
        action="second_factor.recovery_code_used",
        viewer=sign_ins.viewer_of(person),
        account_id=person.account_id,
        now=now,
        user_name=person.user_name,
    )
    return True


def unused_count(administrator_id: int) -> int:
    """Return how many codes a person has left."""
    unused = select(func.count()).where(
        RecoveryCode.administrator_id == administrator_id, RecoveryCode.used_at.is_(None)
    )
    return db.session.execute(unused).scalar_one()


def delete_all(administrator_id: int) -> None:
    """Delete a person's codes."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.administrator_id == administrator_id))
