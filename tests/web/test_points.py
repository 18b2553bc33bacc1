"""ポイント履歴: whose lines, which filters, and its files."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from domain.lifecycle import AccountStatus
from models import Account, PointLine, db
from tests.web.account_rows import account_of, account_values, csv_rows, customers_of, line_count, xlsx_rows

SignIn = Callable[[FlaskClient, str], Any]
COLUMNS = ["日時", "会社名", "ステータス", "ポイント", "残ポイント", "実行者", "備考"]


def total_of(page: str) -> int:
    """Return the count above the table."""
    found = re.search(r'class="count"><strong>([\d,]+)</strong>', page)
    assert found is not None
    return int(found[1].replace(",", ""))


def test_lines_of_the_own_tree_only(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "msp-a")
    page = client.get("/msp/points/").text
    for word in COLUMNS:
        assert word in page
    own = account_of(app, "msp-a")
    with app.app_context():
        statement = (
            select(func.count())
            .select_from(PointLine)
            .join(Account, Account.id == PointLine.account_id)
            .where((Account.id == own) | (Account.parent_id == own))
        )
        assert total_of(page) == db.session.execute(statement).scalar_one()
    foreign = account_values(app, customers_of(app, "msp-b", AccountStatus.ACTIVE)[0], "company_name")[0]
    assert total_of(client.get("/msp/points/", query_string={"company": foreign}).text) == 0


def test_operator_sees_every_line(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "operator")
    assert total_of(client.get("/msp/points/").text) == line_count(app)


def test_support_sees_the_assigned_customers_and_itself(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "support")
    assert 0 < total_of(client.get("/msp/points/").text) < line_count(app)


@pytest.mark.parametrize("user_name", ["system-a", "customer-a"])
def test_others_may_not_come_in(client: FlaskClient, sign_in: SignIn, user_name: str) -> None:
    sign_in(client, user_name)
    assert client.get("/msp/points/").status_code == 403
    assert client.get("/msp/points/export/csv").status_code == 403


def test_movements_have_a_sign(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "msp-a")
    page = client.get("/msp/points/?page_size=100").text
    assert re.search(r'class="points gained">\+[\d,]+<', page)
    assert re.search(r'class="points spent">−[\d,]+<', page)
    assert not re.search(r'class="points gained">[^+]', page)


def test_filters(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "msp-a")
    fees = client.get("/msp/points/?kind=monthly_fee&page_size=100").text
    rows = fees.split("<tbody>")[1]
    assert "月額利用料" in rows
    assert "ポイント追加" not in rows
    company = account_values(app, customers_of(app, "msp-a", AccountStatus.ACTIVE)[0], "company_name")[0]
    page = client.get("/msp/points/", query_string={"company": company, "page_size": "100"}).text
    assert (
        0
        < total_of(page)
        == page.count('data-label="会社名"')
        == page.split("<tbody>")[1].count(f">{company}<")
    )
    day = client.get("/msp/points/?period_from=2026-10-25&period_to=2026-10-25&page_size=100").text
    assert total_of(day) == day.count("2026/10/25 ")


def test_shortcuts_keep_what_is_filtered_for(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "msp-a")
    page = client.get("/msp/points/?kind=monthly_fee&sort=points").text
    found = re.findall(r'<a class="button" href="([^"]+)"[^>]*>(今月|先月)<', page)
    links = {words: html.unescape(address) for address, words in found}
    assert parse_qs(urlsplit(links["今月"]).query) == {
        "kind": ["monthly_fee"],
        "sort": ["points"],
        "period_from": ["2026-11-01"],
        "period_to": ["2026-11-30"],
    }
    last_month = client.get(links["先月"]).text
    assert total_of(last_month) > 0
    assert 'aria-current="true">先月<' in last_month


@pytest.mark.parametrize(
    "query",
    [
        "period_from=2026-02-29",
        "period_from=2026-13-01",
        "period_to=0001-01-01T00:00",
        "period_from=2026-11-02&period_to=2026-11-01",
        "kind=abc",
        "company=" + "a" * 5000,
        "search=" + "a" * 5000,
    ],
)
def test_bad_filter_is_said_and_gives_no_file(client: FlaskClient, sign_in: SignIn, query: str) -> None:
    sign_in(client, "msp-a")
    answer = client.get(f"/msp/points/?{query}")
    assert answer.status_code == 400
    assert 'class="field-error"' in answer.text
    assert 'id="row-' not in answer.text
    assert client.get(f"/msp/points/export/csv?{query}").status_code == 400


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", "\x00", "<script>", "{{7*7}}"])
def test_searched_characters_are_only_characters(client: FlaskClient, sign_in: SignIn, text: str) -> None:
    sign_in(client, "msp-a")
    answer = client.get("/msp/points/", query_string={"company": text})
    assert answer.status_code in (200, 400)
    assert 'id="row-' not in answer.text
    assert "<script>{{" not in answer.text


def test_files_hold_what_the_screen_shows(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "msp-a")
    query = "?kind=addition&period_from=2026-09-01&sort=points&desc=1&page_size=100"
    page = client.get(f"/msp/points/{query}").text
    rows = csv_rows(client, f"/msp/points/export/csv{query}")
    assert rows[0][:-1] == COLUMNS
    assert len(rows) == 1 + total_of(page)
    shown = re.findall(r'class="points (?:gained|spent)">([^<]+)<', page)
    plain = [int(text.replace(",", "").replace("−", "-")) for text in shown]
    assert [int(row[3]) for row in rows[1:]][: len(plain)] == plain
    workbook = xlsx_rows(client, f"/msp/points/export/xlsx{query}")
    assert [cells[3] for cells in workbook[1:]] == [int(row[3]) for row in rows[1:]]
