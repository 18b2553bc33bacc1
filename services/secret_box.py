"""What only this portal can read: sealed with a key from SECRET_KEY, for one purpose, for a time.

A seal made for one purpose opens nothing of another: each has a key of its own. When SECRET_KEY changes, nothing
that was sealed before can be opened any more (docs/operations.md).
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from config import Settings

_KEY_BYTES = 32
#: Longer ones were never made here.
_LONGEST_SEAL = 2_000


class Purpose(StrEnum):
    """What something is sealed for."""

    #: The secret of an authenticator, as the row keeps it.
    SECOND_FACTOR = "second factor"
    #: A secret that was shown and waits for its first code.
    SET_UP = "set-up of a second factor"
    #: A right password that waits for the code.
    FIRST_STEP = "first step of a sign-in"


@dataclass(frozen=True)
class SecretBox:
    """Seals and opens facts."""

    secret_key: str = field(repr=False)

    def seal(self, purpose: Purpose, facts: Mapping[str, Any], *, until: dt.datetime | None = None) -> str:
        """Return facts (JSON values) as a text that nobody else can read or make; `until`: its last instant."""
        ends_at = until.timestamp() if until else None
        text = json.dumps({"facts": dict(facts), "until": ends_at})
        return _cipher(self.secret_key, purpose).encrypt(text.encode()).decode()

    def open(self, purpose: Purpose, sealed: str, *, now: dt.datetime) -> dict[str, Any] | None:
        """Return sealed facts; None: not ours, of another purpose or key, altered, or too old."""
        if len(sealed) > _LONGEST_SEAL:
            return None
        try:
            text = _cipher(self.secret_key, purpose).decrypt(sealed.encode("utf-8", "replace"))
        except InvalidToken:
            return None
        found = json.loads(text)
        if found["until"] is not None and now.timestamp() > found["until"]:
            return None
        facts: dict[str, Any] = found["facts"]
        return facts


def secret_box_from(settings: Settings) -> SecretBox:
    """Return the box of this portal."""
    return SecretBox(settings.secret_key)


@lru_cache(maxsize=32)
def _cipher(secret_key: str, purpose: Purpose) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose.value.encode())
    return Fernet(base64.urlsafe_b64encode(derived.derive(secret_key.encode())))
