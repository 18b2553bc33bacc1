"""One-time codes and recovery codes: the published examples, what people type, and that a step counts once."""

from __future__ import annotations

import datetime as dt

import pytest

from domain import one_time_codes
from domain.one_time_codes import (
    app_address,
    matching_step,
    one_time_code,
    read_code,
    shown_recovery_code,
    step_at,
)

#: The secret of the examples in RFC 6238, appendix B.
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
NOW = dt.datetime(2026, 11, 20, 1, 0, 10, tzinfo=dt.UTC)
STEP = step_at(NOW)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard_s_examples(seconds: int, code: str) -> None:
    instant = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
    assert one_time_code(SECRET, step_at(instant)) == code


def test_a_step_lasts_thirty_seconds() -> None:
    assert step_at(NOW + dt.timedelta(seconds=19)) == STEP
    assert step_at(NOW + dt.timedelta(seconds=20)) == STEP + 1


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("123456", "123456"),
        (" 123 456 ", "123456"),
        ("123-456", "123456"),
        ("１２３　４５６", "123456"),
        ("abcd-efgh-jkmn-pqrs", "abcdefghjkmnpqrs"),
        ("ABCD EFGH JKMN PQ29", "abcdefghjkmnpq29"),
        ("ａｂｃｄ－ｅｆｇｈ－ｊｋｍｎ－ｐｑｒｓ", "abcdefghjkmnpqrs"),
        ("\u20102345\u22126789\u2011abcd\u2013efgh", "23456789abcdefgh"),
        ("1 2 3 4 5 6" + " " * 89, "123456"),
    ],
)
def test_a_code_is_read_however_it_is_typed(typed: str, code: str) -> None:
    assert read_code(typed) == code


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "12345",
        "1234567",
        "12345a",
        "+12345",
        "1234.5",
        "12345\0",
        "٣٣٣٣٣٣",
        "²²²²²²",
        "abcd-efgh-jkmn-pqr",
        "abcd-efgh-jkmn-pqrst",
        "abcd-efgh-jkmn-pqr0",
        "abcd-efgh-jkmn-pqrl",
        "abcd-efgh-jkmn-pqr\0",
        "x" * 5000,
        "1" * 5000,
        "123456" + " " * 95,
    ],
)
def test_anything_else_is_no_code(typed: str) -> None:
    assert read_code(typed) is None


@pytest.mark.parametrize(("away", "is_good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_away(away: int, is_good: bool) -> None:
    code = one_time_code(SECRET, STEP + away)
    found = matching_step(secret=SECRET, code=code, now=NOW, last_used_step=0)
    assert found == (STEP + away if is_good else None)


def test_a_step_counts_once_and_with_it_all_before_it() -> None:
    codes = {step: one_time_code(SECRET, step) for step in (STEP - 1, STEP, STEP + 1)}
    good = {
        last: [
            step
            for step, code in codes.items()
            if matching_step(secret=SECRET, code=code, now=NOW, last_used_step=last) is not None
        ]
        for last in (STEP - 2, STEP - 1, STEP, STEP + 1)
    }
    assert good == {
        STEP - 2: [STEP - 1, STEP, STEP + 1],
        STEP - 1: [STEP, STEP + 1],
        STEP: [STEP + 1],
        STEP + 1: [],
    }


@pytest.mark.parametrize("code", ["", "28708", "2870820", "パスワード"])
def test_what_is_no_code_matches_no_step(code: str) -> None:
    assert matching_step(secret=SECRET, code=code, now=NOW, last_used_step=0) is None


def test_a_recovery_code_is_shown_in_groups_and_read_again() -> None:
    shown = shown_recovery_code("abcdefghjkmnpqrs")
    assert shown == "abcd-efgh-jkmn-pqrs"
    assert read_code(shown) == "abcdefghjkmnpqrs"


def test_letters_that_look_like_another_are_in_no_recovery_code() -> None:
    assert not set("01ilo") & set(one_time_codes.RECOVERY_ALPHABET)
    assert len(set(one_time_codes.RECOVERY_ALPHABET)) == 31
    assert (one_time_codes.RECOVERY_CODE_COUNT, one_time_codes.RECOVERY_CODE_LENGTH) == (10, 16)


def test_the_app_is_told_the_secret_the_name_and_the_brand() -> None:
    address = app_address(secret=SECRET, user_name="msp-a", brand_name="例 ID")
    assert address == f"otpauth://totp/%E4%BE%8B%20ID:msp-a?secret={SECRET}&issuer=%E4%BE%8B%20ID"
