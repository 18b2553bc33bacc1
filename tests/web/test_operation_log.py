"""操作ログ of the MSP portal: whose events, in whose words, which filters, its files; nobody erases any."""

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
from models import Account, AuditEvent, db
from services import accounts, points, sign_ins
from services.transaction import transaction
from tests.builders import request_id
from tests.support.databases import START
from tests.web.account_rows import account_of, account_values, csv_rows, customers_of, xlsx_rows
from tests.web.browser_session import csrf_token_of
from tests.web.customer_screens import PROFILE, hidden_fields
from tests.web.test_points import total_of

SignIn = Callable[[FlaskClient, str], Any]
COLUMNS = ["日時", "会社名", "アカウント番号", "操作", "内容", "実行者", "接続元"]


def change_users(app: Flask, user_name: str, account_id: int, count: int) -> None:
    """Change 契約ユーザ数 as somebody, from an address."""
    with app.app_context():
        viewer = sign_ins.viewer_named(user_name)
        assert viewer is not None
        with transaction():
            accounts.change_contract_users(
                viewer=viewer, account_id=account_id, contract_user_count=count, now=START
            )


def add_points(app: Flask, user_name: str, account_id: int, count: int) -> None:
    """Hand points down as somebody."""
    with app.app_context():
        viewer = sign_ins.viewer_named(user_name)
        assert viewer is not None
        with transaction():
            points.add(
                viewer=viewer,
                account_id=account_id,
                points=count,
                remark="年間契約",
                request_id=request_id(),
                now=START,
            )


def rows_of(page: str) -> list[str]:
    """Return the text of each row."""
    body = page.split("<tbody>")[1].split("</tbody>")[0] if "<tbody>" in page else ""
    return [
        html.unescape(" ".join(re.sub(r"<[^>]+>", " ", row).split()))
        for row in re.findall(r"<tr.*?</tr>", body, re.S)
    ]


def test_a_movement_from_above_is_in_the_log_of_the_one_who_pays(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    customer = customers_of(app, "msp-a", AccountStatus.ACTIVE)[0]
    name, number = account_values(app, customer, "company_name", "account_number")
    payer = account_values(app, account_of(app, "msp-a"), "company_name")[0]
    above = account_values(app, account_of(app, "distributor"), "company_name")[0]
    add_points(app, "distributor", customer, 120)
    sign_in(client, "msp-a")
    page = client.get("/msp/log/?page_size=100").text
    for word in COLUMNS:
        assert word in page
    rows = rows_of(page)
    paid = next(row for row in rows if "ポイント追加（払出）" in row)
    assert f"会社名: {name}" in paid
    assert f"アカウント番号: {number}" in paid
    assert "ポイント: −120" in paid
    got = next(row for row in rows if "ポイント: +120" in row)
    assert payer in paid
    assert name in got
    assert "備考: 年間契約" in got
    # Of the level above only the company is named, and nothing of where it came from.
    for row in (paid, got):
        assert above in row
        assert "distributor" not in row
        assert "127.0.0.1" not in row


def test_what_others_do_is_not_there(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    own, foreign = (customers_of(app, name, AccountStatus.ACTIVE)[0] for name in ("msp-a", "msp-b"))
    change_users(app, "msp-a", own, 77)
    change_users(app, "msp-b", foreign, 88)
    sign_in(client, "msp-a")
    rows = rows_of(client.get("/msp/log/?page_size=100").text)
    assert any("→ 77" in row and "msp-a" in row for row in rows)
    assert not any("→ 88" in row for row in rows)
    assert any("ログイン" in row and "127.0.0.1" in row for row in rows)
    sign_in(client, "operator")
    page = client.get("/msp/log/?page_size=100").text
    with app.app_context():
        assert total_of(page) == db.session.execute(select(func.count(AuditEvent.id))).scalar_one()
    sign_in(client, "support")
    shown = rows_of(client.get("/msp/log/?page_size=100").text)
    assigned = select(Account.id).where(Account.support_account_id == account_of(app, "support"))
    with app.app_context():
        is_assigned = own in db.session.execute(assigned).scalars().all()
    assert any("→ 77" in row for row in shown) is is_assigned
    assert not any("msp-a" in row for row in shown)
    for user_name in ("system-a", "customer-a"):
        sign_in(client, user_name)
        assert client.get("/msp/log/").status_code == 403
        assert client.get("/msp/log/export/csv").status_code == 403


def test_a_support_account_is_named_to_who_assigned_it(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    """MSP A does not see the account itself; it has chosen it by its name."""
    active = customers_of(app, "msp-a", AccountStatus.ACTIVE)
    customer = next(key for key in active if account_values(app, key, "support_account_id") == (None,))
    support_id = account_of(app, "support")
    name = account_values(app, support_id, "company_name")[0]
    sign_in(client, "msp-a")
    address = f"/msp/customers/{customer}/edit/"
    form = {**hidden_fields(client.get(address).text), **PROFILE, "support_account_id": str(support_id)}
    answer = client.post(address, data={**form, "csrf_token": csrf_token_of(client)})
    assert answer.status_code == 303
    rows = rows_of(client.get("/msp/log/?action=account.updated").text)
    assert any(f"→ {name}" in row for row in rows), (name, rows)


def test_filters_and_periods(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    customer = customers_of(app, "msp-a", AccountStatus.ACTIVE)[0]
    name = account_values(app, customer, "company_name")[0]
    change_users(app, "msp-a", customer, 77)
    sign_in(client, "msp-a")
    only = client.get("/msp/log/?action=contract_users.changed").text
    assert len(rows_of(only)) == total_of(only) == 1
    assert total_of(client.get("/msp/log/", query_string={"company": name, "actor": "msp-a"}).text) == 1
    assert total_of(client.get("/msp/log/", query_string={"actor": "MSP-A"}).text) >= 2
    assert total_of(client.get("/msp/log/", query_string={"actor": "msp-b"}).text) == 0
    assert total_of(client.get("/msp/log/", query_string={"search": f"{name} msp-a"}).text) == 1
    page = client.get("/msp/log/?action=contract_users.changed&sort=recorded_at").text
    found = re.findall(r'<a class="button" href="([^"]+)"[^>]*>(今日|昨日|過去7日間|今月|先月)<', page)
    links = {words: html.unescape(address) for address, words in found}
    assert {words: parse_qs(urlsplit(link).query)["period_from"][0] for words, link in links.items()} == {
        "今日": "2026-11-20",
        "昨日": "2026-11-19",
        "過去7日間": "2026-11-14",
        "今月": "2026-11-01",
        "先月": "2026-10-01",
    }
    today = client.get(links["今日"]).text
    assert total_of(today) == 1
    assert 'aria-current="true">今日<' in today
    assert total_of(client.get(links["昨日"]).text) == 0


@pytest.mark.parametrize(
    "query",
    ["period_from=2026-02-29", "period_from=2026-11-02&period_to=2026-11-01", "action=abc", "actor=%00"],
)
def test_bad_filter_is_said_and_gives_no_file(client: FlaskClient, sign_in: SignIn, query: str) -> None:
    sign_in(client, "msp-a")
    answer = client.get(f"/msp/log/?{query}")
    assert answer.status_code == 400
    assert 'class="field-error"' in answer.text
    assert client.get(f"/msp/log/export/csv?{query}").status_code == 400


def test_files_hold_the_words_of_the_screen_and_are_an_event_themselves(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    customer = customers_of(app, "msp-a", AccountStatus.ACTIVE)[0]
    old = account_values(app, customer, "contract_user_count")[0]
    change_users(app, "msp-a", customer, 77)
    sign_in(client, "msp-a")
    query = "?action=contract_users.changed"
    rows = csv_rows(client, f"/msp/log/export/csv{query}")
    assert rows[0][:-1] == COLUMNS
    assert rows[1][3:6] == ["契約ユーザ数の変更", f"契約ユーザ数: {old} → 77", "msp-a"]
    assert [cells[4] for cells in xlsx_rows(client, f"/msp/log/export/xlsx{query}")[1:]] == [rows[1][4]]
    csv_rows(client, "/msp/customers/export/csv?short=1")
    downloads = rows_of(client.get("/msp/log/?action=list.exported").text)
    assert len(downloads) == 3
    assert "一覧: 顧客アカウント一覧" in downloads[0]
    assert "絞り込み: 25日に不足" in downloads[0]
    assert "一覧: 操作ログ 形式: Excel 件数: 1 絞り込み: 操作: 契約ユーザ数の変更" in downloads[1]


def test_there_is_no_way_to_erase(app: Flask, client: FlaskClient, sign_in: SignIn, csrf: Any) -> None:
    sign_in(client, "operator")
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/msp/log"):
            assert rule.methods is not None
            assert rule.methods <= {"GET", "HEAD", "OPTIONS"}
    for address in ("/msp/log/", "/msp/log/delete/", "/msp/log/action/"):
        answer = client.post(address, data={"csrf_token": csrf(client), "id": "1"})
        assert answer.status_code in (404, 405)


def test_signing_out_is_an_event(app: Flask, client: FlaskClient, sign_in: SignIn, csrf: Any) -> None:
    sign_in(client, "msp-a")
    client.post("/logout", data={"csrf_token": csrf(client)})
    sign_in(client, "msp-a")
    rows = rows_of(client.get("/msp/log/?action=administrator.signed_out").text)
    assert len(rows) == 1
    assert "msp-a 127.0.0.1" in rows[0]
