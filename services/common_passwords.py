"""The passwords that everybody tries first. The file says where it is from and how it was made."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from domain.password_rules import guesses_of

FILE = Path(__file__).with_name("common_passwords.txt")


def is_common(password: str) -> bool:
    """Tell whether a password is on the list, or a shorter one of it with digits and signs around it."""
    return not known().isdisjoint(guesses_of(password))


@lru_cache(maxsize=1)
def known() -> frozenset[str]:
    """Return every password of the list; read at the first question."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("# "))
