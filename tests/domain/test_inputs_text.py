"""Free text: what is stored and how it is found."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inputs.text import (
    ForbiddenCharacter,
    TextTooLong,
    clean_line,
    clean_note,
    is_blank,
    is_forbidden,
    search_key,
)

FAMILY = "👨\u200d👩\u200d👧"


@pytest.mark.parametrize(
    "typed",
    [
        "㈱山田",
        "髙橋",
        "𠮷野家",
        "🍣",
        "👍🏽",
        FAMILY,
        "❤\ufe0f\u200d🔥",
        "👩🏽\u200d💻",
        "❤\ufe0f",
        "ﾔﾏﾀﾞ",
        "\ufa19田",
        "<script>alert(1)</script>",
        "{{7*7}}",
        "%s",
        "=1+1",
        "+1",
        "-1",
        "−1",
        "@a",
        "' OR 1=1 --",
        "Ａ社",
        "葛\U000e0100城",
    ],
)
def test_text_is_stored_as_typed(typed: str) -> None:
    assert clean_line(typed, maximum=100) == typed
    assert clean_note(typed, maximum=100) == typed


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("か\u3099", "が"),
        (" A社 ", "A社"),
        ("\u3000A\u3000社\u3000", "A\u3000社"),
        ("A\u200b社", "A社"),
        ("\ufeffA社", "A社"),
        ("\tA社\n", "A社"),
        ("", ""),
        ("   ", ""),
        ("\u3000", ""),
        ("\u200b\u3000\u200b", ""),
        ("\u3164", ""),
        ("A\u200dB", "AB"),
        ("A\u200d👩", "A👩"),
        ("👩\u200dA", "👩A"),
        ("\u200d👩", "👩"),
        ("👩\u200d", "👩"),
        ("👩\u200b👩", "👩👩"),
        ("神\ufa19か\u3099\ufa19か\u3099", "神\ufa19が\ufa19が"),
        ("\u3000\ufe0f", ""),
    ],
)
def test_text_is_normalized(typed: str, stored: str) -> None:
    assert clean_line(typed, maximum=100) == stored


@pytest.mark.parametrize(
    "character", ["\0", "\x07", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\ud800", "\uffff"]
)
def test_controls_and_direction_overrides_are_refused_everywhere(character: str) -> None:
    for clean in (clean_line, clean_note):
        with pytest.raises(ForbiddenCharacter) as refused:
            clean(f"A{character}B", maximum=100)
        assert refused.value.code_point == f"U+{ord(character):04X}"


@pytest.mark.parametrize(
    ("character", "forbidden"),
    [
        ("\u2028", True),
        ("\u2029", True),
        ("\ufdcf", False),
        ("\ufdd0", True),
        ("\ufdef", True),
        ("\ufdf0", False),
        ("\ufffd", False),
        ("\ufffe", True),
        ("\U0001ffff", True),
        ("X", False),
    ],
)
def test_what_may_be_stored_nowhere_is_told_to_the_character(character: str, forbidden: bool) -> None:
    assert is_forbidden(character) is forbidden


def test_a_line_has_no_breaks_and_a_note_has_them_in_one_form() -> None:
    for typed in ("A\nB", "A\r\nB", "A\tB", "A\u2028B"):
        with pytest.raises(ForbiddenCharacter):
            clean_line(typed, maximum=100)
    assert clean_note("A\r\nB\rC\u2028D\n\n", maximum=100) == "A\nB\nC\nD"
    assert clean_note("\t=A\tB", maximum=100) == "\t=A\tB"
    assert clean_note(" \n\u3000X社\n", maximum=100) == "X社"


def test_length_counts_characters_after_normalizing() -> None:
    assert clean_line("𠮷" * 5 + "  ", maximum=5) == "𠮷" * 5
    assert clean_line("か\u3099" * 5, maximum=5) == "が" * 5
    with pytest.raises(TextTooLong) as refused:
        clean_line("A" * 6, maximum=5)
    assert (refused.value.maximum, refused.value.length) == (5, 6)


@pytest.mark.parametrize(
    ("stored", "sought"),
    [
        ("㈱山田", "(株)山田"),
        ("ﾔﾏﾀﾞ", "ヤマダ"),
        ("が", "か\u3099"),
        ("ＡＢＣ", "abc"),
        ("髙橋", "高橋"),
        ("𠮷野", "吉野"),
        ("神", "\ufa19"),
        ("Straße", "STRASSE"),
        ("A\u3000B", "a b"),
        ("葛\U000e0100", "葛"),
        ("❤\ufe0f", "❤"),
        (FAMILY, "👨👩👧"),
    ],
)
def test_text_is_found_both_ways(stored: str, sought: str) -> None:
    assert search_key(stored) == search_key(sought)


@given(st.text())
def test_cleaning_twice_changes_nothing_more(typed: str) -> None:
    try:
        stored = clean_line(typed, maximum=1000)
    except ForbiddenCharacter:
        return
    assert clean_line(stored, maximum=1000) == stored
    assert is_blank(stored) == (stored == "")


@given(st.text())
def test_the_search_key_is_the_same_for_every_form_of_a_text(typed: str) -> None:
    key = search_key(typed)
    assert search_key(key) == key
    for form in ("NFC", "NFD", "NFKC"):
        assert search_key(unicodedata.normalize(form, typed)) == key
