"""Passwords: which are taken, and their argon2 hashes. Computing one takes long: never inside a transaction."""

from __future__ import annotations

import secrets
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain.errors import DomainError

SHORTEST_PASSWORD = 12
#: Longer ones would only cost time; 200 characters are more than any password manager makes.
LONGEST_PASSWORD = 200


class PasswordTooShort(DomainError):
    """A new password has fewer than `minimum` characters."""

    field = "password"


class PasswordTooLong(DomainError):
    """A new password has more than `maximum` characters."""

    field = "password"


class PasswordNotRepeated(DomainError):
    """The two entries of a new password differ."""

    field = "repeated"


def new_password_hash(*, password: str, repeated: str) -> str:
    """Return the hash of a new password, which was typed twice.

    :raises PasswordTooShort, PasswordTooLong, PasswordNotRepeated: when it is refused.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise PasswordTooShort(minimum=SHORTEST_PASSWORD)
    if len(password) > LONGEST_PASSWORD:
        raise PasswordTooLong(maximum=LONGEST_PASSWORD)
    if password != repeated:
        raise PasswordNotRepeated
    return hash_password(password)


def hash_password(password: str) -> str:
    """Return the argon2 hash that the row keeps."""
    return _hasher().hash(password.encode("utf-8", "replace"))


def matches(stored: str | None, password: str) -> bool:
    """Tell whether a password has a hash; without a hash it takes as long, and none has."""
    text = password[: LONGEST_PASSWORD + 1].encode("utf-8", "replace")
    try:
        return _hasher().verify(stored or _decoy_hash(), text) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def renewed_hash(stored: str, password: str) -> str | None:
    """Return the hash that takes the place of a right password's older one; None: it is as new ones are."""
    return hash_password(password) if _hasher().check_needs_rehash(stored) else None


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@lru_cache(maxsize=1)
def _decoy_hash() -> str:
    """Return the hash of a password that nobody has, so that an unknown name costs as much as a known one."""
    return _hasher().hash(secrets.token_urlsafe(32))
