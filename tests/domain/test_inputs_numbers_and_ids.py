"""Whole numbers, dates and ids as people and addresses carry them."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inputs.dates import DateRefused, parse_date
from domain.inputs.request_ids import RequestIdRefused, parse_request_id
from domain.inputs.row_ids import LARGEST_ROW_ID, MalformedRowId, TooManyRows, parse_row_id, parse_row_ids
from domain.inputs.whole_number import WholeNumberRefused, parse_whole_number


@pytest.mark.parametrize(
    ("typed", "number"),
    [("5", 5), (" 5 ", 5), ("\u3000１２３\u3000", 123), ("007", 7), ("1000000", 1_000_000), ("\t12\n", 12)],
)
def test_a_whole_number_is_read(typed: str, number: int) -> None:
    assert parse_whole_number(typed, minimum=1, maximum=1_000_000) == number


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "0",
        "-1",
        "−1",
        "－１",
        "1.5",
        "１．５",
        "1e3",
        "1,000",
        "1_000",
        "+5",
        "٣",
        "²",
        "NaN",
        "inf",
        "①",
        "9" * 5000,
        "2147483648",
        "1000001",
        "0x10",
        "1 2",
        "五",
        "5人",
        "1\x00",
        "--1",
    ],
)
def test_what_is_no_number_of_the_range_is_refused_with_the_range(typed: str) -> None:
    with pytest.raises(WholeNumberRefused) as refused:
        parse_whole_number(typed, minimum=1, maximum=1_000_000)
    assert (refused.value.minimum, refused.value.maximum) == (1, 1_000_000)


@pytest.mark.parametrize("typed", ["-12", "−12", "－１２"])
def test_a_minus_sign_is_read_where_the_range_goes_below_zero(typed: str) -> None:
    assert parse_whole_number(typed, minimum=-100, maximum=100) == -12


@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_every_number_survives_being_written_and_read(number: int) -> None:
    full_width = str(number).translate({ord(c): ord(c) + 0xFEE0 for c in "-0123456789"})
    for typed in (str(number), full_width):
        assert parse_whole_number(typed, minimum=-(10**18), maximum=10**18) == number


@given(st.text())
def test_no_text_breaks_the_number_parser(typed: str) -> None:
    with contextlib.suppress(WholeNumberRefused):
        assert 1 <= parse_whole_number(typed, minimum=1, maximum=9) <= 9


@pytest.mark.parametrize(
    "typed", ["2026-11-25", " 2026-11-25\u3000", "２０２６－１１－２５", "2026/11/25", "2026／11／25"]
)
def test_a_date_is_read(typed: str) -> None:
    assert parse_date(typed) == dt.date(2026, 11, 25)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "2026-02-29",
        "2026-13-01",
        "0001-01-01",
        "1-1-1",
        "9999-12-31",
        "1999-12-31",
        "2101-01-01",
        "20261125",
        "2026-11-25T00:00",
        "2026-11-25 10:00",
        "2026-11-25T00:00:00+09:00",
        "2026-1-5",
        "2026-11/25",
        "11/25/2026",
        "明日",
        "2026-W48-1",
        "٢٠٢٦-11-25",
        "2026-11-25\x00",
    ],
)
def test_what_is_no_day_is_refused(typed: str) -> None:
    with pytest.raises(DateRefused) as refused:
        parse_date(typed)
    assert refused.value.data == {"earliest": dt.date(2000, 1, 1), "latest": dt.date(2100, 12, 31)}


@given(st.dates(min_value=dt.date(2000, 1, 1), max_value=dt.date(2100, 12, 31)))
def test_every_day_survives_being_written_and_read(day: dt.date) -> None:
    assert parse_date(day.isoformat()) == parse_date(f"{day:%Y/%m/%d}") == day


@pytest.mark.parametrize(("text", "row_id"), [("1", 1), ("42", 42), (str(LARGEST_ROW_ID), LARGEST_ROW_ID)])
def test_a_row_id_is_read(text: str, row_id: int) -> None:
    assert parse_row_id(text) == row_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-1",
        "+1",
        "abc",
        "1'",
        "1e0",
        "1,2",
        "１",
        "1_0",
        "01",
        " 1",
        "1\n",
        "²",
        str(10**20),
        str(LARGEST_ROW_ID + 1),
        "9" * 5000,
    ],
)
def test_what_is_no_row_id_is_none_and_spoils_a_selection(text: str) -> None:
    assert parse_row_id(text) is None
    with pytest.raises(MalformedRowId) as refused:
        parse_row_ids(["1", text], 10)
    assert refused.value.http_status == 400


def test_a_selection_keeps_its_order_and_names_each_row_once() -> None:
    assert parse_row_ids(["3", "1", "3", "2"], 3) == [3, 1, 2]
    assert parse_row_ids([], 3) == []


def test_a_selection_beyond_the_limit_is_refused() -> None:
    with pytest.raises(TooManyRows) as refused:
        parse_row_ids([str(number) for number in range(1, 100_001)], 1_000)
    assert refused.value.limit == 1_000


def test_a_request_id_is_a_uuid() -> None:
    known = "0b8f7a52-7c1e-4a55-9d0c-2f8f0f3f6b11"
    assert parse_request_id(f" {known.upper()} ") == known
    for text in ("", "1", known[:-1], known.replace("-", ""), known + "'"):
        with pytest.raises(RequestIdRefused):
            parse_request_id(text)
