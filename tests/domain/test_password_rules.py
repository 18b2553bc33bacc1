"""Passwords that others would guess: patterns, words about the holder, and what a list is asked for."""

from __future__ import annotations

import pytest

from domain.password_rules import guesses_of, is_about, is_pattern, normalize, words_about

GOOD = [
    "correct horse battery",
    "Kx9#mQ2v!Lp4",
    "a new password",
    "夏の夜のほたるは水辺に光る",
    "abc-97-def-31",
    "kaki-kue-ba-kane",
]


@pytest.fixture
def words() -> list[str]:
    return words_about(
        user_name="taro.yamada",
        email="t-yamada@aoba.example.jp",
        full_name="山田 太郎",
        company_name="株式会社青葉商事",
        brand_name="SingleID",
    )


@pytest.mark.parametrize(
    "password",
    [
        "aaaaaaaaaaaa",
        "123456789012",
        "210987654321",
        "abcabcabcabc",
        "abcABCabcABCab",
        "abcdefghijkl",
        "lkjihgfedcba",
        "aaaabbbbcccc",
        "abcd1234efgh",
        "98765432109876",
        "90abcdefgh12",
        "890abcdefg12",
        "Aa1!Aa1!Aa1!",
        "correcthor correcthor ",
        "ああああああああああああ",
    ],
)
def test_a_piece_again_and_again_and_a_few_runs_are_patterns(password: str) -> None:
    assert is_pattern(password)


@pytest.mark.parametrize(
    "password",
    [
        *GOOD,
        "aaabbbcccddd",
        "abcd1efgh2ijkl",
        "correct horse correct horse ",
        "kzqxwvmrtbn" + "kzqxwvmrt",
        "xabcd1234efgh",
        "axbcdefg12345",
        "719305826417",
        "acegikmoqsuw",
    ],
)
def test_what_is_longer_or_less_regular_is_no_pattern(password: str) -> None:
    assert not is_pattern(password)


@pytest.mark.parametrize(
    "password",
    [
        "Taro.Yamada2026",
        "taroyamada!!!!",
        "t-yamada@aoba.example.jp",
        "T_Yamada-0401",
        "青葉商事青葉商事1234",
        "株式会社青葉商事2026",
        "SingleID-20261122",
        "singleidsingleid",
        "tyamada singleid",
        "ｓｉｎｇｌｅｉｄ12345",
    ],
)
def test_words_about_the_holder_and_little_else_are_refused(password: str, words: list[str]) -> None:
    assert is_about(password, words)


@pytest.mark.parametrize(
    "password", [*GOOD, "singleid blue lamp", "singleid-123456789", "taroyamadaxkcd", "123456789012"]
)
def test_a_word_about_the_holder_among_others_is_allowed(password: str, words: list[str]) -> None:
    assert not is_about(password, words)


def test_short_words_about_the_holder_count_for_nothing() -> None:
    assert not is_about("bob1234567890", ["bob", ""])
    assert is_about("boba12345678", ["boba"])
    assert not is_about("12345678", ["boba"])


def test_three_letters_beside_a_word_make_it_no_rarer_and_a_fourth_does() -> None:
    assert is_about("singleidxyz", ["singleid"])
    assert not is_about("singleidxyzw", ["singleid"])


def test_a_word_within_a_longer_one_does_not_hide_it() -> None:
    assert is_about("aobashoji1234", ["shoji", "aobashoji"])


def test_the_list_is_asked_without_what_everybody_adds() -> None:
    assert "password" in guesses_of("Password2026!")
    assert "password" in guesses_of("P@ssw0rd1234")
    assert "password" in guesses_of("12345PASSWORD")
    assert "qwertyuiop" in guesses_of("q-w-e-r-t-y-u-i-o-p")
    assert "dragon" in guesses_of("!!dr4g0n!!2026")
    assert "sunshine" in guesses_of("5unshine2026!")
    assert "love" in guesses_of("Love20261129")
    assert guesses_of("123456789012") == ["123456789012", "l2eas6t89ol2", "l2eas6t89ol"]
    assert "horse" not in guesses_of("correct horse battery")


def test_the_same_characters_are_the_same_password_and_nothing_else_is() -> None:
    assert normalize("か\u3099") == normalize("が") == "が"
    for typed in ("Ａ", "A ", "a", "ｶﾞ", "①"):
        assert normalize(typed) == typed
