"""ログ＞操作ログ of the customer portal: the events of the account whose portal it is, never hidden."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from domain.portal_menus import HIDEABLE_KEYS
from models import Account, db
from services.transaction import transaction
from tests.web.account_rows import account_of, account_values, csv_rows, xlsx_rows
from tests.web.test_operation_log import add_points, change_users, rows_of

SignIn = Callable[[FlaskClient, str], Any]
ADDRESS = "/portal/log/operations/"
COLUMNS = ["日時", "操作", "内容", "実行者", "接続元"]


def test_a_customer_reads_what_happened_to_its_account(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    own = account_of(app, "customer-a")
    msp = account_values(app, account_of(app, "msp-a"), "company_name")[0]
    above = account_values(app, account_of(app, "distributor"), "company_name")[0]
    change_users(app, "msp-a", own, 77)
    add_points(app, "distributor", own, 120)
    with app.app_context(), transaction():
        db.session.get_one(Account, own).hidden_menu_keys = list(HIDEABLE_KEYS)
    sign_in(client, "customer-a")
    answer = client.get(ADDRESS + "?page_size=100")
    assert answer.status_code == 200
    rows = rows_of(answer.text)
    changed = next(row for row in rows if "→ 77" in row)
    added = next(row for row in rows if "ポイント: +120" in row)
    assert msp in changed
    assert "msp-a" not in changed
    assert above in added
    assert "払出" not in answer.text.split("<tbody>")[1]
    assert any("ログイン" in row and "customer-a 127.0.0.1" in row for row in rows)
    assert not any("127.0.0.1" in row for row in (changed, added))


def test_files_filters_and_no_way_to_erase(
    app: Flask, client: FlaskClient, sign_in: SignIn, csrf: Callable[[FlaskClient], str]
) -> None:
    own = account_of(app, "customer-a")
    change_users(app, "msp-a", own, 77)
    sign_in(client, "customer-a")
    query = "?action=contract_users.changed"
    rows = csv_rows(client, f"{ADDRESS}export/csv{query}")
    assert rows[0][:-1] == COLUMNS
    assert [row[1] for row in rows[1:]] == ["契約ユーザ数の変更"]
    assert xlsx_rows(client, f"{ADDRESS}export/xlsx{query}")[1][2] == rows[1][2]
    assert len(rows_of(client.get(f"{ADDRESS}?action=list.exported").text)) == 2
    assert client.get(f"{ADDRESS}?period_from=2026-02-29").status_code == 400
    assert rows_of(client.get(f"{ADDRESS}?period_to=2026-10-31").text) == []
    for path in ("", "delete/", "action/"):
        data = {"csrf_token": csrf(client), "portal_account": str(own), "id": "1"}
        assert client.post(ADDRESS + path, data=data).status_code in (404, 405)


def test_a_visitor_reads_the_account_that_was_entered(
    app: Flask, client: FlaskClient, sign_in: SignIn, csrf: Callable[[FlaskClient], str]
) -> None:
    own = account_of(app, "customer-a")
    sign_in(client, "msp-a")
    assert (
        client.post("/portal/enter/", data={"csrf_token": csrf(client), "account_id": own}).status_code == 303
    )
    rows = rows_of(client.get(ADDRESS).text)
    entered = next(row for row in rows if "顧客画面への入室" in row)
    assert "msp-a 127.0.0.1" in entered
    with client.get(f"{ADDRESS}export/csv") as answer:
        assert answer.status_code == 200
    sign_in(client, "customer-a")
    downloaded = rows_of(client.get(f"{ADDRESS}?action=list.exported").text)
    assert len(downloaded) == 1
    assert "msp-a" not in downloaded[0]
    sign_in(client, "contract-a")
    assert client.get(ADDRESS).status_code == 403
