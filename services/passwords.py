"""Passwords: which are taken, and their argon2 hashes. Computing one takes long: never inside a transaction."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain import password_rules
from domain.errors import DomainError
from domain.password_rules import LONGEST_PASSWORD, SHORTEST_PASSWORD
from models import Administrator
from services import common_passwords

#: Characters may come in pieces; nobody sends more of them for one password.
_LONGEST_SENT = 4 * LONGEST_PASSWORD


class PasswordTooShort(DomainError):
    """A new password has fewer than `minimum` characters."""

    field = "password"


class PasswordTooLong(DomainError):
    """A new password has more than `maximum` characters."""

    field = "password"


class PasswordIsPattern(DomainError):
    """A new password is a short piece again and again, or a sequence."""

    field = "password"


class PasswordIsPersonal(DomainError):
    """A new password is little else than its holder's user name, e-mail address, company or the product's name."""

    field = "password"


class PasswordIsCommon(DomainError):
    """A new password is one of those that everybody tries first."""

    field = "password"


class PasswordNotRepeated(DomainError):
    """The two entries of a new password differ."""

    field = "repeated"


def new_password_hash(*, password: str, repeated: str, about: Sequence[str]) -> str:
    """Return the hash of a new password, which was typed twice.

    `about`: what the holder is called, by `domain.password_rules.words_about`.

    :raises DomainError: PasswordTooShort, PasswordTooLong, PasswordIsPattern, PasswordIsPersonal,
        PasswordIsCommon, PasswordNotRepeated.
    """
    check_new_password(password, about=about)
    if password != repeated:
        raise PasswordNotRepeated
    return hash_password(password)


def check_new_password(password: str, *, about: Sequence[str]) -> None:
    """Refuse a password that is too short or that others would guess. :raises DomainError: as new_password_hash."""
    normalized = password_rules.normalize(password)
    if len(normalized) < SHORTEST_PASSWORD:
        raise PasswordTooShort(minimum=SHORTEST_PASSWORD)
    if len(normalized) > LONGEST_PASSWORD:
        raise PasswordTooLong(maximum=LONGEST_PASSWORD)
    if password_rules.is_pattern(normalized):
        raise PasswordIsPattern
    if password_rules.is_about(normalized, about):
        raise PasswordIsPersonal
    if common_passwords.is_common(normalized):
        raise PasswordIsCommon


def words_about(administrator: Administrator, *, brand_name: str) -> list[str]:
    """Return what an administrator's password must not consist of."""
    return password_rules.words_about(
        user_name=administrator.user_name,
        email=administrator.email,
        full_name=administrator.full_name,
        company_name=administrator.account.company_name,
        brand_name=brand_name,
    )


def hash_password(password: str) -> str:
    """Return the argon2 hash that the row keeps."""
    return _hasher().hash(_sent(password))


def matches(stored: str | None, password: str) -> bool:
    """Tell whether a password has a hash; without a hash it takes as long, and none has."""
    try:
        return _hasher().verify(stored or _decoy_hash(), _sent(password)) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def renewed_hash(stored: str, password: str) -> str | None:
    """Return the hash that takes the place of a right password's older one; None: it is as new ones are."""
    return hash_password(password) if _hasher().check_needs_rehash(stored) else None


def _sent(password: str) -> bytes:
    normalized = password_rules.normalize(password[:_LONGEST_SENT])
    return normalized[: LONGEST_PASSWORD + 1].encode("utf-8", "replace")


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@lru_cache(maxsize=1)
def _decoy_hash() -> str:
    """Return a hash that no password has: comparing with it costs what comparing with a real one does.

    Put together, not computed: the first unknown name after a start would cost twice as much.
    """
    cost = _hasher()
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (cost.salt_len, cost.hash_len)
    )
    return f"$argon2id$v=19$m={cost.memory_cost},t={cost.time_cost},p={cost.parallelism}${salt}${digest}"
