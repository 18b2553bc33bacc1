"""E-mail addresses: exactly one, and nothing that could become a second one or a header."""

from __future__ import annotations

import re

from domain.errors import DomainError
from domain.inputs.text import fold_width

MAXIMUM_LENGTH = 254
# Dots anywhere in the local part: mobile carriers gave out addresses such as abc..d.@docomo.ne.jp.
_LOCAL_PART = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"
_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_ADDRESS = re.compile(rf"{_LOCAL_PART}@(?:{_LABEL}\.)+(?![0-9]+$){_LABEL}")


class EmailAddressRefused(DomainError):
    """Say that a text is not exactly one e-mail address."""


def parse_email(text: str) -> str:
    """Read one address of at most 254 characters; full-width letters and outer blanks are normalized.

    :raises EmailAddressRefused: none, several, one with a display name, or one that no server takes.
    """
    address = fold_width(text).strip()
    if len(address) > MAXIMUM_LENGTH or not _ADDRESS.fullmatch(address):
        raise EmailAddressRefused()
    return address


def email_key(address: str) -> str:
    """Return the form in which addresses are compared for uniqueness and at sign-in: lower case."""
    return fold_width(address).strip().lower()
