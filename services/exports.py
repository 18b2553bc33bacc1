"""Lists as CSV and Excel files: the rows, the order and the columns of the screen.

Source: 顧客アカウントのエクスポート. The last header cell names the version of the format, so that an import
can tell which one it reads.
"""

from __future__ import annotations

import codecs
import datetime as dt
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Any
from urllib.parse import quote

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from domain.inputs.row_ids import TooManyRows
from domain.inputs.text import is_forbidden
from services.export_cells import Cell, cell_value, fit_cp932, guard_formula
from services.lists import ListArguments, ListColumn, ListSource, iterate_rows

FORMAT_VERSION = "v1"
UTF_8 = "utf-8"
CP932 = "cp932"
#: Encoding of a CSV file → what its answer says of it.
CSV_TYPES = {UTF_8: "text/csv; charset=utf-8", CP932: "text/csv; charset=Shift_JIS"}
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: Rows that an Excel sheet holds below its header.
XLSX_ROWS_MAXIMUM = 1_048_575
XLSX_TEXT_MAXIMUM = 32_767

_SPOOLED_BYTES = 1_000_000
_NUMBER_FORMATS = {"points": "#,##0", "date": "yyyy-mm-dd", "instant": "yyyy-mm-dd hh:mm:ss"}
_WIDTHS = {"text": 24, "number": 14, "points": 14, "date": 12, "instant": 20}


def csv_file(source: ListSource, arguments: ListArguments, encoding: str = UTF_8) -> IO[bytes]:
    """Return a list as a CSV file, open at its beginning; the caller closes it and it is gone."""
    stream: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES)  # noqa: SIM115
    write_csv(stream, source, arguments, encoding=encoding)
    stream.seek(0)
    return stream


def xlsx_file(source: ListSource, arguments: ListArguments) -> IO[bytes]:
    """Return a list as an Excel file, open at its beginning; the caller closes it and it is gone.

    :raises TooManyRows: more than a sheet holds.
    """
    stream: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES)  # noqa: SIM115
    write_xlsx(stream, source, arguments)
    stream.seek(0)
    return stream


def write_csv(
    stream: IO[bytes], source: ListSource, arguments: ListArguments, *, encoding: str = UTF_8
) -> int:
    """Write a list as CSV and return the number of its rows; one batch of them is held at a time.

    UTF-8 comes with a byte order mark; cp932 with another form or 〓 for what it lacks. Lines end in CR LF,
    text and dates are quoted, numbers are not, blanks of numbers and dates are empty.
    """
    columns = source.exported_columns
    quoted = partial(_quoted, fit=fit_cp932 if encoding == CP932 else str)
    if encoding == UTF_8:
        stream.write(codecs.BOM_UTF8)
    stream.write(_encoded([quoted(label) for label in _header(columns)], encoding))
    count = 0
    for row in iterate_rows(source, arguments):
        count += 1
        cells = [_csv_cell(column, cell_value(column, row), quoted) for column in columns]
        stream.write(_encoded([*cells, ""], encoding))
    return count


def write_xlsx(stream: IO[bytes], source: ListSource, arguments: ListArguments) -> int:
    """Write a list as an Excel workbook and return the number of its rows.

    Numbers and dates are typed, instants are Tokyo wall time, text is never a formula; the header is frozen
    and has a filter. Rows go through a temporary file.

    :raises TooManyRows: more than a sheet holds.
    """
    columns = source.exported_columns
    workbook = _new_workbook()
    widths = [*map(_width, columns), 6]
    sheet = _new_sheet(workbook, source.name, list(zip(_header(columns), widths, strict=True)))
    count = 0
    for count, row in enumerate(iterate_rows(source, arguments), start=1):
        if count > XLSX_ROWS_MAXIMUM:
            raise TooManyRows(limit=XLSX_ROWS_MAXIMUM)
        sheet.append([_xlsx_cell(sheet, cell_value(column, row), column.kind) for column in columns])
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{count + 1}"
    workbook.save(stream)
    return count


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook: labels with their kinds (of ListColumn), and rows of as many cells."""

    title: str
    columns: Sequence[tuple[str, str]]
    rows: Iterable[Sequence[Cell]]


def sheets_file(sheets: Iterable[Sheet]) -> IO[bytes]:
    """Return an Excel workbook of several sheets, open at its beginning, its cells typed as in `write_xlsx`.

    The caller closes it and it is gone. Instants are Tokyo wall time without a zone.
    """
    workbook = _new_workbook()
    for content in sheets:
        heads = [(label, _WIDTHS[kind]) for label, kind in content.columns]
        sheet = _new_sheet(workbook, content.title, heads)
        kinds = [kind for _label, kind in content.columns]
        for row in content.rows:
            sheet.append([_xlsx_cell(sheet, value, kind) for value, kind in zip(row, kinds, strict=True)])
    stream: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES)  # noqa: SIM115
    workbook.save(stream)
    stream.seek(0)
    return stream


def export_file_name(base: str, day: dt.date, extension: str) -> str:
    """Return a file's name such as 顧客アカウント一覧_20261122.csv; what no file system takes becomes _."""
    safe = "".join(
        "_" if character in '\\/:*?"<>|' or is_forbidden(character) else character for character in base
    )
    return f"{safe}_{day:%Y%m%d}.{extension}"


def content_disposition(file_name: str) -> str:
    """Return the header value that makes a browser keep a file under a name of any script (RFC 5987)."""
    plain = "".join(character for character in file_name if character.isascii() and character not in '\\"%')
    fallback = "export" + plain if plain.startswith(("_", ".")) else plain
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(file_name, safe='')}"


def _new_workbook() -> Workbook:
    workbook = Workbook(write_only=True)
    workbook.properties.creator = ""
    return workbook


def _new_sheet(workbook: Workbook, title: str, heads: Sequence[tuple[str, int]]) -> Any:
    """Return a sheet with its header (labels with their least widths), frozen."""
    sheet = workbook.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    for index, (label, width) in enumerate(heads, start=1):
        # A Japanese character takes the room of two.
        sheet.column_dimensions[get_column_letter(index)].width = max(width, 2 * len(label) + 2)
    sheet.append([_xlsx_cell(sheet, label, "text", font=Font(bold=True)) for label, _width in heads])
    return sheet


def _header(columns: Sequence[ListColumn]) -> list[str]:
    return [*(str(column.label) for column in columns), FORMAT_VERSION]


def _csv_cell(column: ListColumn, value: Cell, quoted: Callable[[str], str]) -> str:
    if value is None:
        return quoted("") if column.kind == "text" else ""
    if isinstance(value, int):
        return str(value)
    return quoted(value) if isinstance(value, str) else f'"{value}"'


def _quoted(text: str, *, fit: Callable[[str], str]) -> str:
    # Fitted first: another form of a character may be the one that begins a formula, or a quotation mark.
    return '"' + guard_formula(fit(text.replace("\0", ""))).replace('"', '""') + '"'


def _encoded(cells: list[str], encoding: str) -> bytes:
    return (",".join(cells) + "\r\n").encode(encoding, errors="replace")


def _width(column: ListColumn) -> int:
    return _WIDTHS[column.kind]


def _xlsx_cell(sheet: Any, value: Cell, kind: str, *, font: Font | None = None) -> WriteOnlyCell | Cell:
    if value is None:
        return None
    if isinstance(value, str):
        cell = WriteOnlyCell(sheet, value=_xlsx_text(value))
        # openpyxl makes a formula of text that begins with "=" and an error of "#N/A".
        cell.data_type = "s"
    elif kind in _NUMBER_FORMATS:
        cell = WriteOnlyCell(sheet, value=value)
        cell.number_format = _NUMBER_FORMATS[kind]
    else:
        return value
    if font is not None:
        cell.font = font
    return cell


def _xlsx_text(text: str) -> str:
    without_controls = ILLEGAL_CHARACTERS_RE.sub("", text)
    if any(map(is_forbidden, without_controls)):
        without_controls = "".join(
            character for character in without_controls if character in "\t\n" or not is_forbidden(character)
        )
    return without_controls[:XLSX_TEXT_MAXIMUM]
