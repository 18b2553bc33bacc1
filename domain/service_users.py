"""Users of the identity service: what they may be called, and how a file of them is read.

Source: ユーザ一覧. A file is CSV as the list's export writes it, in either language; columns that only the export
knows are passed over.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.errors import DomainError
from domain.inputs.emails import parse_email
from domain.inputs.text import clean_line, is_forbidden

USER_NAME_MAXIMUM = 100
FULL_NAME_MAXIMUM = 100
DEPARTMENT_MAXIMUM = 100
#: What fits into a request together with the rest of the form, once the text travels back for the second step.
LARGEST_FILE = 400 * 1024
LARGEST_ROW_COUNT = 10_000
FORMAT_VERSION = "v1"
USER_NAME, FULL_NAME, EMAIL, DEPARTMENT, STATE = "user_name", "full_name", "email", "department", "state"
REQUIRED_COLUMNS = (USER_NAME, FULL_NAME)

_USER_NAME = re.compile(rf"[a-z0-9._@+-]{{1,{USER_NAME_MAXIMUM}}}")
#: Header cell, lower-case → column; "" is read by nobody.
_COLUMNS = {
    "ユーザ名": USER_NAME,
    "user name": USER_NAME,
    "名前": FULL_NAME,
    "name": FULL_NAME,
    "eメール": EMAIL,
    "e-mail": EMAIL,
    "email": EMAIL,
    "部署": DEPARTMENT,
    "department": DEPARTMENT,
    "状態": STATE,
    "status": STATE,
    "登録日時": "",
    "registered at": "",
    "更新日時": "",
    "updated at": "",
}
#: Cell of 状態, lower-case → whether the user is disabled; None: nothing is said.
_STATES = {"": None, "有効": False, "enabled": False, "無効": True, "disabled": True}
_MAXIMUMS = {FULL_NAME: FULL_NAME_MAXIMUM, DEPARTMENT: DEPARTMENT_MAXIMUM}
_SHOWN_LENGTH = 60


class ServiceUserNameRefused(DomainError):
    """A user name is not 1 to 100 letters, digits and . _ - @ +."""

    field = "user_name"


class CellRequired(DomainError):
    """A cell that must not be blank is."""


class StateRefused(DomainError):
    """状態 is neither of its two words."""


class RowHasOtherCells(DomainError):
    """A row has not as many cells as the header; carries expected and found."""


class FileRefused(DomainError):
    """A file cannot be read as a whole."""

    field = "file"


class FileEmpty(FileRefused):
    """A file holds nothing, or a header alone."""


class FileTooLarge(FileRefused):
    """A file's text is larger than `maximum` KB."""


class FileNotText(FileRefused):
    """A file is not text in UTF-8 or Shift_JIS."""


class FileMalformed(FileRefused):
    """Quotation marks do not match; carries the `line` where the reader gave up."""


class FileHasTooManyRows(FileRefused):
    """A file has more than `maximum` rows."""


class ColumnUnknown(FileRefused):
    """A header cell names no column; carries it as `name`."""


class ColumnRepeated(FileRefused):
    """Two header cells name the same column; carries the second as `name`."""


class ColumnMissing(FileRefused):
    """The header lacks ユーザ名 or 名前."""


@dataclass(frozen=True)
class UserValues:
    """What is kept of a user beside the name."""

    full_name: str
    email: str | None = None
    department: str | None = None


@dataclass(frozen=True)
class FileRow:
    """A row of a file: the number of its first line, its cells by column, and what is wrong as a whole."""

    line: int
    cells: Mapping[str, str]
    error: DomainError | None = None


@dataclass(frozen=True)
class RowValues:
    """What a row says of a user; a column that the file lacks is not in `values`. Errors by column."""

    user_name: str
    values: Mapping[str, str | None]
    is_disabled: bool | None
    errors: tuple[tuple[str, DomainError], ...]


def parse_user_name(text: str) -> str:
    """Return a user name as it is kept: NFKC, without surrounding blanks, lower-case.

    :raises ServiceUserNameRefused: anything but 1 to 100 ASCII letters, digits and . _ - @ + in it.
    """
    name = unicodedata.normalize("NFKC", text).strip().lower()
    if not _USER_NAME.fullmatch(name):
        raise ServiceUserNameRefused
    return name


def decode_file(data: bytes) -> str:
    r"""Return a file's text: UTF-8 with or without byte order mark, else Shift_JIS (cp932); lines end in \r\n.

    :raises FileRefused: FileEmpty, FileTooLarge, FileNotText.
    """
    if not data.strip():
        raise FileEmpty
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp932")
        except UnicodeDecodeError:
            raise FileNotText from None
    return checked_text(text)


def checked_text(text: str) -> str:
    r"""Return the text of a file in the one form in which it travels: lines end in \r\n, as browsers send them.

    :raises FileRefused: FileEmpty, FileTooLarge, FileNotText (control characters, as in a binary file).
    """
    text = re.sub(r"\r\n?|\n", "\r\n", text.removeprefix("\ufeff"))
    if any(unicodedata.category(character) == "Cc" for character in set(text) - set("\t\r\n")):
        raise FileNotText
    if not text.strip():
        raise FileEmpty
    if len(text.encode("utf-8", "replace")) > LARGEST_FILE:
        raise FileTooLarge(maximum=LARGEST_FILE // 1024)
    return text


def read_rows(text: str) -> list[FileRow]:
    """Return the rows below the header of a checked text; blank ones are passed over.

    :raises FileRefused: FileMalformed, FileEmpty, FileHasTooManyRows, ColumnUnknown, ColumnRepeated, ColumnMissing.
    """
    records = _records(text)
    _line, header = next(records, (0, []))
    columns = _read_header(header)
    rows: list[FileRow] = []
    for line, cells in records:
        if len(rows) == LARGEST_ROW_COUNT:
            raise FileHasTooManyRows(maximum=LARGEST_ROW_COUNT)
        rows.append(_file_row(line, cells, columns))
    if not rows:
        raise FileEmpty
    return rows


def read_values(cells: Mapping[str, str]) -> RowValues:
    """Return what a row's cells say, and what is wrong with each; `user_name` "" when that is refused."""
    errors: list[tuple[str, DomainError]] = []
    values: dict[str, str | None] = {}
    user_name = ""
    typed = cells.get(USER_NAME, "")
    try:
        if not typed.strip():
            raise CellRequired
        user_name = parse_user_name(typed)
    except DomainError as error:
        errors.append((USER_NAME, error))
    for column in (FULL_NAME, EMAIL, DEPARTMENT):
        if column not in cells:
            continue
        try:
            values[column] = _cell_value(column, cells[column])
        except DomainError as error:
            errors.append((column, error))
    state = unicodedata.normalize("NFKC", cells.get(STATE, "")).strip().lower()
    if state not in _STATES:
        errors.append((STATE, StateRefused()))
    return RowValues(user_name, values, _STATES.get(state), tuple(errors))


def shown_cell(text: str) -> str:
    """Return a cell for the screen, where it may be anything: cut, and without what may be stored nowhere."""
    visible = "".join("\N{REPLACEMENT CHARACTER}" if is_forbidden(found) else found for found in text)
    return visible if len(visible) <= _SHOWN_LENGTH else f"{visible[:_SHOWN_LENGTH]}…"


def clean_file_name(text: str) -> str:
    """Return a file's name as the operation log keeps it: without its folder, cut, only what may be stored."""
    return shown_cell(re.split(r"[/\\]", text)[-1].strip())


def _cell_value(column: str, typed: str) -> str | None:
    if column == EMAIL:
        return parse_email(typed) if typed.strip() else None
    value = clean_line(typed, maximum=_MAXIMUMS[column]) or None
    if value is None and column == FULL_NAME:
        raise CellRequired
    return value


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each record's first line and its cells; blank records are passed over."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            raise FileMalformed(line=line) from None
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def _read_header(header: list[str]) -> list[str]:
    """Return the column of each header cell, "" for what is passed over."""
    names = [unicodedata.normalize("NFKC", cell).strip() for cell in header]
    while names and names[-1].lower() in ("", FORMAT_VERSION):
        names.pop()
    columns: list[str] = []
    for name in names:
        column = _COLUMNS.get(name.lower())
        if column is None:
            raise ColumnUnknown(name=shown_cell(name))
        if column and column in columns:
            raise ColumnRepeated(name=shown_cell(name))
        columns.append(column)
    if not set(REQUIRED_COLUMNS) <= set(columns):
        raise ColumnMissing
    return columns


def _file_row(line: int, cells: list[str], columns: list[str]) -> FileRow:
    found = dict(zip(columns, cells, strict=False))
    found.pop("", None)
    if len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
        return FileRow(line, found, RowHasOtherCells(expected=len(columns), found=len(cells)))
    return FileRow(line, found)
