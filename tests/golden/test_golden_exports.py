"""The files of every list over the demo data, to the byte (CSV) and to the cell (XLSX). `make golden` writes anew."""

from __future__ import annotations

import io
import os
from pathlib import Path

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from models import Account, db
from tests.builders import tick, tokyo
from tests.conftest import SignIn
from tests.support.databases import MovableClock
from tests.web.browser_session import send
from tests.web.customer_screens import hidden_fields

FOLDER = Path(__file__).parent / "exports"
#: File name, who exports, address before /export/, list arguments.
EXPORTS = {
    "customers": ("msp-a", "/msp/customers/", ""),
    "customers_filtered": ("distributor", "/msp/customers/", "?state=active&sort=point_balance&desc=1"),
    "accounts": ("distributor", "/msp/accounts/", ""),
    "pending": ("msp-a", "/msp/pending/", ""),
    "points": ("msp-b", "/msp/points/", ""),
    "rehearsal": ("msp-a", "/msp/runs/2026-12-25/rehearsal/", "?sort=balance_after"),
}


def described(workbook_bytes: bytes) -> str:
    """Return a workbook as text: what is frozen and filtered, widths, then each cell's type, format and value."""
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes))
    lines = [f"sheets {book.sheetnames}"]
    for sheet in book.worksheets:
        widths = {
            letter: round(column.width, 1) for letter, column in sorted(sheet.column_dimensions.items())
        }
        lines.append(f"frozen {sheet.freeze_panes} filter {sheet.auto_filter.ref} widths {widths}")
        for row in sheet.iter_rows():
            for cell in row:
                bold = " bold" if cell.font.b else ""
                lines.append(
                    f"{cell.coordinate} {cell.data_type} [{cell.number_format}]{bold} {cell.value!r}"
                    if cell.value is not None
                    else f"{cell.coordinate} empty"
                )
    return "\n".join(lines) + "\n"


def kept_content(name: str, content: bytes) -> bytes:
    """Return what the golden file holds; written from the content first when that is asked for."""
    path = FOLDER / name
    if os.environ.get("UPDATE_GOLDEN"):
        FOLDER.mkdir(exist_ok=True)
        path.write_bytes(content)
    return path.read_bytes()


def downloaded(client: FlaskClient, address: str) -> bytes:
    """Return the file behind an address."""
    with client.get(address) as response:
        assert response.status_code == 200
        return response.data


@pytest.mark.parametrize("name", EXPORTS)
def test_the_files_of_a_list_are_what_they_were(client: FlaskClient, sign_in: SignIn, name: str) -> None:
    user_name, address, arguments = EXPORTS[name]
    sign_in(client, user_name)
    csv = downloaded(client, f"{address}export/csv{arguments}")
    assert csv == kept_content(f"{name}.csv", csv)
    xlsx = described(downloaded(client, f"{address}export/xlsx{arguments}")).encode()
    assert xlsx == kept_content(f"{name}.xlsx.txt", xlsx)


def test_the_english_file_has_english_words(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "msp-a")
    client.get("/lang/en")
    csv = downloaded(client, "/msp/customers/export/csv")
    assert csv == kept_content("customers.en.csv", csv)


def test_the_old_windows_file_has_the_same_cells(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "msp-a")
    csv = downloaded(client, "/msp/customers/export/csv?encoding=cp932")
    assert csv == kept_content("customers.cp932.csv", csv)


def test_the_files_of_a_run_are_what_they_were(
    app: Flask, client: FlaskClient, clock: MovableClock, sign_in: SignIn
) -> None:
    sign_in(client, "msp-a")
    send(client, "/msp/runs/2026-11-25/rehearsal/save/")
    with app.app_context():
        numbers = select(Account.id).where(Account.account_number.in_(("30000001", "30000003")))
        changed, left = db.session.execute(numbers.order_by(Account.account_number)).scalars()
    clock.instant = tokyo("2026-11-22T10:00:00")
    sign_in(client, "msp-a")
    opened = hidden_fields(client.get(f"/msp/customers/{changed}/users/").text)
    opened.pop("csrf_token")
    send(client, f"/msp/customers/{changed}/users/", **opened, contract_user_count="77")
    shown = hidden_fields(client.get(f"/msp/customers/{left}/cancel/").text)
    shown.pop("csrf_token")
    send(client, f"/msp/customers/{left}/cancel/", **shown, consent="y")
    clock.instant = tokyo("2026-11-25T09:00:00")
    with app.app_context():
        tick(clock.instant)
    sign_in(client, "msp-a")
    run = "/msp/runs/2026-11-25"
    csv = downloaded(client, f"{run}/comparison/export/csv")
    assert csv == kept_content("run_comparison.csv", csv)
    for name, address in (("run_comparison", f"{run}/comparison/"), ("run_report", f"{run}/report/")):
        xlsx = described(downloaded(client, f"{address}export/xlsx")).encode()
        assert xlsx == kept_content(f"{name}.xlsx.txt", xlsx)
