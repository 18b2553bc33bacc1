"""New passwords: by length and by how many would guess them, never by kinds of characters."""

from __future__ import annotations

import pytest

from domain.password_rules import SHORTEST_PASSWORD
from services import common_passwords, passwords
from services.passwords import (
    PasswordIsCommon,
    PasswordIsPattern,
    PasswordIsPersonal,
    PasswordNotRepeated,
    PasswordTooLong,
    PasswordTooShort,
)

ABOUT = ["msp-a", "msp-a@example.jp", "株式会社青葉商事", "SingleID"]


def check(password: str) -> None:
    passwords.check_new_password(password, about=ABOUT)


@pytest.mark.parametrize(
    ("password", "refusal"),
    [
        ("", PasswordTooShort),
        ("Kx9#mQ2v!Lp", PasswordTooShort),
        ("か\u3099" * 6, PasswordTooShort),
        ("x" * 201, PasswordTooLong),
        ("aaaaaaaaaaaa", PasswordIsPattern),
        ("123456789012", PasswordIsPattern),
        ("msp-a@example.jp", PasswordIsPersonal),
        ("SingleID2026", PasswordIsPersonal),
        ("1qaz2wsx3edc", PasswordIsCommon),
        ("Qwerty123456", PasswordIsCommon),
        ("unbelievable", PasswordIsCommon),
        ("P@ssw0rd2026", PasswordIsCommon),
        ("password1234!", PasswordIsCommon),
        ("iloveyou12345", PasswordIsCommon),
        ("ｐａｓｓｗｏｒｄ1234", PasswordIsCommon),
    ],
)
def test_what_is_too_short_too_long_or_guessed_is_refused(password: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        check(password)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "only lower case letters",
        "4815162342-108",
        "夏の夜のほたるは水辺に光る",
        "🐟🍣🥢🍵🌊⛩️🗻🎏🎐🎍🌸🍁",
        "a new password",
        "\t;--<script> 'x'",
        "".join(chr(0x3400 + 37 * place) for place in range(200)),
    ],
)
def test_any_character_and_up_to_200_of_them_are_taken(password: str) -> None:
    check(password)


def test_the_list_has_thousands_that_only_it_refuses() -> None:
    assert sum(len(password) >= SHORTEST_PASSWORD for password in common_passwords.known()) >= 9_900
    lines = common_passwords.FILE.read_text(encoding="utf-8").splitlines()
    assert "License" in " ".join(lines[:10])
    assert not any(line.startswith("#") for line in lines[10:20])
    refused = [found for found in common_passwords.known() if len(found) >= 12]
    assert all(common_passwords.is_common(found.upper()) for found in refused)


def test_a_hash_is_of_the_whole_password_as_it_was_typed() -> None:
    typed = "が" + "x9#mQ2v!Lp4-" * 2
    hashed = passwords.new_password_hash(password=typed, repeated=typed, about=[])
    assert passwords.matches(hashed, typed)
    assert passwords.matches(hashed, "か\u3099" + typed[1:])
    for other in (typed.upper(), typed + " "):
        assert not passwords.matches(hashed, other)
    with pytest.raises(PasswordNotRepeated):
        passwords.new_password_hash(password=typed, repeated=typed + "x", about=[])


def test_no_hash_at_all_is_compared_like_one_and_never_right() -> None:
    assert not passwords.matches(None, "correct horse battery")
    assert not passwords.matches("no hash", "x")
