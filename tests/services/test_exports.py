"""Files: the rows, columns and order of the screen, right types, harmless cells."""

from __future__ import annotations

import datetime as dt
import io
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.export_cells import fit_cp932, guard_formula
from services.exports import content_disposition, csv_file, export_file_name, write_csv, write_xlsx, xlsx_file
from services.lists import parse_arguments
from tests.support.postgres_server import PostgresServer, running_postgres
from tests.support.sample_list import add_company, companies_source, sample_app

HEADER = '"アカウント番号","会社名","契約ユーザ数","現在のポイント","契約日","更新日時","状態","v1"\r\n'


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def companies(request: pytest.FixtureRequest) -> Iterator[None]:
    url = "sqlite://"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").url("postgres", role="postgres")
    with sample_app(url):
        yield


def csv_bytes(parameters: Mapping[str, str] | None = None, encoding: str = "utf-8") -> bytes:
    source = companies_source()
    stream = io.BytesIO()
    write_csv(stream, source, parse_arguments(source, parameters or {}), encoding=encoding)
    return stream.getvalue()


def sheet_of(parameters: Mapping[str, str] | None = None) -> Any:
    source = companies_source()
    with xlsx_file(source, parse_arguments(source, parameters or {})) as file:
        return openpyxl.load_workbook(io.BytesIO(file.read())).active


@pytest.mark.usefixtures("companies")
def test_the_csv_is_what_the_contract_says() -> None:
    changed_at = dt.datetime(2026, 11, 24, 15, 30, 5, 999, tzinfo=dt.UTC)
    add_company(
        '㈱"山田", 商店', users=12, points=-1234, contract_date=dt.date(2026, 11, 1), changed_at=changed_at
    )
    add_company("=1+1", points=None, state="canceled")
    assert (
        csv_bytes()
        == (
            "\ufeff"
            + HEADER
            + (
                '"10000001","㈱""山田"", 商店",12,-1234,"2026-11-01","2026-11-25 00:30:05","利用中",\r\n'
                '"10000002","\'=1+1",10,,,,"解約済",\r\n'
            )
        ).encode()
    )


@pytest.mark.usefixtures("companies")
def test_the_csv_of_an_empty_list_is_its_header() -> None:
    assert csv_bytes().decode("utf-8-sig") == HEADER


@pytest.mark.usefixtures("companies")
def test_the_files_follow_filters_search_and_order_and_ignore_the_page() -> None:
    for index in range(30):
        add_company(f"会社{index:02}", users=index + 1)
    parameters = {"search": "会社", "users_min": "5", "sort": "contract_user_count", "desc": "1", "page": "2"}
    lines = csv_bytes(parameters).decode("utf-8-sig").splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == [f'"会社{index:02}"' for index in range(29, 3, -1)]
    cells = list(sheet_of(parameters).iter_rows(min_row=2, min_col=2, max_col=2, values_only=True))
    assert cells == [(f"会社{index:02}",) for index in range(29, 3, -1)]


@pytest.mark.usefixtures("companies")
def test_shift_jis_has_every_character_in_some_form() -> None:
    for name in ("髙橋㈱", "𠮷野家🍣", "東京〜大阪−1", "¥100—", "é", "葛\U000e0100城", "ｶﾞ", "a\u0301"):
        add_company(name)
    lines = csv_bytes(encoding="cp932").decode("cp932").splitlines()
    assert lines[0] == HEADER.strip()
    assert [line.split(",")[1] for line in lines[1:]] == [
        '"髙橋㈱"',
        '"〓野家〓"',
        '"東京～大阪－1"',
        '"￥100―"',
        '"〓"',
        '"葛城"',
        '"ｶﾞ"',
        '"a"',
    ]


@pytest.mark.usefixtures("companies")
def test_the_workbook_has_typed_cells_a_frozen_header_and_a_filter() -> None:
    changed_at = dt.datetime(2026, 11, 24, 15, 30, 5, tzinfo=dt.UTC)
    add_company("山田", users=12, points=-1234, contract_date=dt.date(2026, 11, 1), changed_at=changed_at)
    add_company("空", points=None)
    sheet = sheet_of()
    rows = list(sheet.iter_rows(values_only=True))
    assert ",".join(f'"{label}"' for label in rows[0]) == HEADER.strip()
    assert rows[1][:4] == ("10000001", "山田", 12, -1234)
    assert [str(value) for value in rows[1][4:7]] == ["2026-11-01 00:00:00", "2026-11-25 00:30:05", "利用中"]
    assert rows[2][:7] == ("10000002", "空", 10, None, None, None, "利用中")
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:G3"
    assert [sheet.cell(2, column).number_format for column in (4, 5, 6)] == [
        "#,##0",
        "yyyy-mm-dd",
        "yyyy-mm-dd hh:mm:ss",
    ]
    assert sheet.cell(1, 1).font.bold
    assert sheet.column_dimensions["B"].width == 24


EVIL = [
    '=HYPERLINK("http://evil")',
    "+1",
    "-1",
    "@SUM(A1)",
    "|calc",
    "%0",
    "＝1",
    "＋1",
    "－1",
    "＠a",
    "−1",
    "\t=1",
    "#N/A",
    " =1",
    "\u3000=1",
    "\u200b=1",
    "⁼1",
    "<script>",
    "2026-11-25",
    "TRUE",
]


@pytest.mark.usefixtures("companies")
def test_evil_text_stays_text_in_the_workbook() -> None:
    for name in [*EVIL, "a\x07b\x1fc", "\ufffe!", "あ" * 200]:
        add_company(name)
    cells = [row[0] for row in sheet_of().iter_rows(min_row=2, min_col=2, max_col=2)]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [cell.value for cell in cells] == [*EVIL, "abc", "!", "あ" * 200]


@pytest.mark.usefixtures("companies")
def test_the_number_of_written_rows_is_told() -> None:
    for index in range(3):
        add_company(f"会社{index}")
    source = companies_source()
    arguments = parse_arguments(source, {})
    assert write_csv(io.BytesIO(), source, arguments) == 3
    assert write_xlsx(io.BytesIO(), source, arguments) == 3
    with csv_file(source, arguments) as file:
        assert file.read().decode("utf-8-sig").startswith(HEADER)


@pytest.mark.parametrize(
    "text",
    [
        "=1",
        "+1",
        "-1",
        "@a",
        "|a",
        "%a",
        "＝1",
        "＋1",
        "－1",
        "＠a",
        "｜a",
        "％a",
        "−1",
        "﹢1",
        "⁻1",
        " =1",
        "\u3000=1",
        "\u200b=1",
        "\ufeff=1",
        "\n=1",
        "\ttext",
        "\rtext",
        "\ntext",
    ],
)
def test_what_might_be_a_formula_gets_an_apostrophe(text: str) -> None:
    assert guard_formula(text) == "'" + text


@pytest.mark.parametrize("text", ["", " ", "山田", "A=1", "1-2", "'=1", "#N/A", "(株)山田", "「=」"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert guard_formula(text) == text


@given(st.text())
def test_every_text_fits_into_shift_jis_without_question_marks(text: str) -> None:
    fitted = fit_cp932(text)
    assert fitted.encode("cp932").decode("cp932") == fitted
    assert fitted.count("?") <= unicodedata.normalize("NFKC", text).count("?")


def test_file_names_are_of_the_contract() -> None:
    day = dt.date(2026, 11, 22)
    name = export_file_name("顧客アカウント一覧", day, "csv")
    assert name == "顧客アカウント一覧_20261122.csv"
    assert export_file_name('a/b\\c:"\r\n', day, "xlsx") == "a_b_c_____20261122.xlsx"
    assert content_disposition(name) == (
        'attachment; filename="export_20261122.csv"; '
        "filename*=UTF-8''%E9%A1%A7%E5%AE%A2%E3%82%A2%E3%82%AB%E3%82%A6%E3%83%B3%E3%83%88%E4%B8%80%E8%A6%A7_20261122.csv"
    )
    assert content_disposition("Customers_20261122.csv").startswith(
        'attachment; filename="Customers_20261122.csv";'
    )
