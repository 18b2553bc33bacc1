"""Users of the identity service: names, and files of all kinds."""

from __future__ import annotations

import pytest

from domain import service_users
from domain.inputs.text import TextTooLong
from domain.service_users import (
    CellRequired,
    ColumnMissing,
    ColumnRepeated,
    ColumnUnknown,
    FileEmpty,
    FileHasTooManyRows,
    FileMalformed,
    FileNotText,
    FileRefused,
    FileTooLarge,
    RowHasOtherCells,
    ServiceUserNameRefused,
    StateRefused,
    checked_text,
    clean_file_name,
    decode_file,
    parse_user_name,
    read_rows,
    read_values,
    shown_cell,
)

HEADER = "ユーザ名,名前,Eメール,部署,状態\r\n"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Taro.Yamada", "taro.yamada"),
        (" ｔａｒｏ＠Example.JP\u3000", "taro@example.jp"),
        ("-_+@.9", "-_+@.9"),
        ("a" * 100, "a" * 100),
        ("\u212a", "k"),
    ],
)
def test_a_user_name_is_kept_in_one_form(typed: str, kept: str) -> None:
    assert parse_user_name(typed) == kept


@pytest.mark.parametrize(
    "typed", ["", " ", "a" * 101, "太郎", "a b", "a\nb", "a/b", "a'b", "ä", "a\0", "\ud800", "a\u200bb", "İ"]
)
def test_what_is_no_user_name_is_refused(typed: str) -> None:
    with pytest.raises(ServiceUserNameRefused):
        parse_user_name(typed)


def test_the_encoding_of_a_file_is_found() -> None:
    text = HEADER + "taro,髙橋 ①,,,有効\r\n"
    assert decode_file(text.encode()) == text
    assert decode_file(text.encode("utf-8-sig")) == text
    assert decode_file(text.encode("cp932")) == text
    assert decode_file(text.replace("\r\n", "\n").encode()) == text
    assert decode_file(text.replace("\r\n", "\r").encode()) == text
    assert checked_text("\ufeff" + text) == text


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", FileEmpty),
        (b"\xef\xbb\xbf\r\n", FileEmpty),
        (b"PK\x03\x04 a zip", FileNotText),
        (b"\x89PNG\r\n\x1a\n", FileNotText),
        (b"a,b\0\r\n", FileNotText),
        ((HEADER + "taro,太郎\r\n").encode("utf-16"), FileNotText),
        (b"a" * (service_users.LARGEST_FILE + 1), FileTooLarge),
        (("あ" * 200_000).encode("cp932"), FileTooLarge),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, refusal: type[FileRefused]) -> None:
    with pytest.raises(refusal):
        decode_file(data)


def test_a_file_may_be_as_large_as_the_refusal_of_a_larger_one_says() -> None:
    assert len(checked_text("a" * service_users.LARGEST_FILE)) == 400 * 1024
    with pytest.raises(FileTooLarge) as refused:
        checked_text("a" * (service_users.LARGEST_FILE + 1))
    assert str(refused.value) == "maximum=400"


@pytest.mark.parametrize(
    ("text", "refusal", "data"),
    [
        (HEADER, FileEmpty, {}),
        (",,\r\n", ColumnMissing, {}),
        ("ユーザ名,Eメール\r\ntaro,\r\n", ColumnMissing, {}),
        ("taro,山田\r\n", ColumnUnknown, {"name": "taro"}),
        ("ユーザ名,名前,v2\r\ntaro,山田,\r\n", ColumnUnknown, {"name": "v2"}),
        ("ユーザ名,User name,名前\r\ntaro,taro,山田\r\n", ColumnRepeated, {"name": "User name"}),
        (HEADER + 'taro,"山田\r\n', FileMalformed, {"line": 2}),
        (HEADER + "taro," + "a" * 200_000 + "\r\n", FileMalformed, {"line": 2}),
        (HEADER + "taro,a,,,\r\n" * 10_001, FileHasTooManyRows, {"maximum": 10_000}),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole(
    text: str, refusal: type[FileRefused], data: dict[str, object]
) -> None:
    with pytest.raises(refusal) as refused:
        read_rows(text)
    assert refused.value.data == data


def test_rows_keep_their_line_and_headers_may_be_in_either_language() -> None:
    for header in ("ユーザ名,名前,v1", '"User name","Name",""', "ﾕｰｻﾞ名,名前,登録日時"):
        assert read_rows(f"{header}\r\ntaro,山田,\r\n")[0].cells == {"user_name": "taro", "full_name": "山田"}
    rows = read_rows(
        'ユーザ名,名前,部署,v1\r\n\r\ntaro,"山田\r\n太郎","a,""b""",\r\n\r\njiro,次郎\r\nsabu,三郎,,,x\r\n'
    )
    assert [row.line for row in rows] == [3, 6, 7]
    assert rows[0].cells == {"user_name": "taro", "full_name": "山田\r\n太郎", "department": 'a,"b"'}
    assert rows[0].error is None
    assert [row.cells for row in rows[1:]] == [
        {"user_name": "jiro", "full_name": "次郎"},
        {"user_name": "sabu", "full_name": "三郎", "department": ""},
    ]
    for row, found in zip(rows[1:], (2, 5), strict=True):
        assert isinstance(row.error, RowHasOtherCells)
        assert row.error.data == {"expected": 3, "found": found}
    assert read_rows("ユーザ名,名前\r\ntaro,山田\r\n")[0].error is None


def test_what_a_row_says() -> None:
    said = read_values({"user_name": "Taro", "full_name": " 山田 ", "email": "", "state": "無効"})
    assert said.user_name == "taro"
    assert said.values == {"full_name": "山田", "email": None}
    assert said.is_disabled is True
    assert said.errors == ()
    assert read_values({"user_name": "a", "full_name": "b", "state": "Enabled"}).is_disabled is False
    short = read_values({"user_name": "a", "full_name": "b"})
    assert (short.is_disabled, short.errors) == (None, ())
    assert read_values({"user_name": "a", "department": " 営業 "}).values == {"department": "営業"}
    wrong = read_values(
        {"user_name": "太郎", "full_name": "\u3000", "email": "a;b", "department": "\ud800", "state": "?"}
    )
    assert [column for column, _error in wrong.errors] == [
        "user_name",
        "full_name",
        "email",
        "department",
        "state",
    ]
    assert isinstance(wrong.errors[1][1], CellRequired)
    assert isinstance(wrong.errors[-1][1], StateRefused)
    assert wrong.user_name == ""
    assert read_values({"user_name": "a", "full_name": "x\ny"}).errors[0][0] == "full_name"
    nameless = read_values({"full_name": "b"})
    assert [(column, type(error)) for column, error in nameless.errors] == [("user_name", CellRequired)]


def test_a_cell_has_room_for_a_hundred_characters_and_is_shown_to_the_sixtieth() -> None:
    assert read_values({"user_name": "a", "full_name": "b" * 100, "department": "c" * 100}).errors == ()
    long = read_values({"user_name": "a", "full_name": "b" * 101, "department": "c" * 101})
    assert [column for column, _error in long.errors] == ["full_name", "department"]
    for _column, error in long.errors:
        assert isinstance(error, TextTooLong)
        assert error.data == {"maximum": 100, "length": 101}
    assert shown_cell("a" * 60) == "a" * 60
    assert shown_cell("a" * 61) == "a" * 60 + "…"


def test_a_file_name_is_kept_without_its_folder_and_what_may_be_stored_nowhere() -> None:
    assert clean_file_name("C:\\temp\\ユーザ.csv") == "ユーザ.csv"
    assert clean_file_name("../a\x00b\u202e.csv") == "a\ufffdb\ufffd.csv"
    assert len(clean_file_name("a" * 500)) <= 61
