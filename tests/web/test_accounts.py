"""MSPアカウント一覧 with ポイント追加, ポイント返却 and ポイント発行."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from domain.lifecycle import AccountStatus
from tests.web.account_rows import account_of, balance_of, csv_rows, customers_of, line_count, xlsx_rows
from tests.web.browser_session import send

SignIn = Callable[[FlaskClient, str], Any]
FRAGMENT = {"X-Fragment": "1"}


def move(client: FlaskClient, account_id: int, direction: str, points: Any, **fields: Any) -> Any:
    """Send the dialog of points, with a fresh request id unless one is given."""
    form = {"request_id": str(uuid.uuid4()), "direction": direction, "points": points, **fields}
    return send(client, f"/msp/accounts/{account_id}/points/", **form)


@pytest.fixture
def msp_id(app: Flask) -> int:
    """Give the account of MSP A."""
    return account_of(app, "msp-a")


@pytest.fixture
def distributor_id(app: Flask) -> int:
    """Give the account of the 特権MSP."""
    return account_of(app, "distributor")


def test_list_of_the_distributor(app: Flask, client: FlaskClient, sign_in: SignIn, msp_id: int) -> None:
    sign_in(client, "distributor")
    page = client.get("/msp/accounts/").text
    for word in (
        "アカウントタイプ",
        "現在のポイント",
        "今月25日の推定残ポイント数",
        "契約日",
        "サポートアカウント",
    ):
        assert word in page
    assert f'href="/msp/accounts/{msp_id}/points/' in page
    assert page.count('id="row-') == 3
    assert f'id="row-{account_of(app, "distributor")}"' not in page


def test_list_of_the_operator_has_the_distributor_too(
    client: FlaskClient, sign_in: SignIn, distributor_id: int
) -> None:
    sign_in(client, "operator")
    page = client.get("/msp/accounts/").text
    assert page.count('id="row-') == 4
    assert f'href="/msp/accounts/{distributor_id}/points/' in page


def test_msp_buys_points(
    app: Flask, client: FlaskClient, sign_in: SignIn, msp_id: int, distributor_id: int
) -> None:
    sign_in(client, "distributor")
    held, stock = balance_of(app, msp_id), balance_of(app, distributor_id)
    page = client.get(f"/msp/accounts/{msp_id}/points/").text
    for word in (
        "ポイント数更新",
        "追加",
        "削除",
        "変更ポイント",
        "備考",
        "自社の保有ポイント",
        f"{stock:,}",
    ):
        assert word in page
    answer = move(client, msp_id, "add", " ５００ ", headers=FRAGMENT)
    assert answer.json == {"redirect": f"/msp/accounts/#row-{msp_id}"}
    assert balance_of(app, msp_id) == held + 500
    assert balance_of(app, distributor_id) == stock - 500
    assert "500ポイントを追加しました" in client.get("/msp/accounts/").text


def test_points_are_taken_back(
    app: Flask, client: FlaskClient, sign_in: SignIn, msp_id: int, distributor_id: int
) -> None:
    sign_in(client, "distributor")
    held, stock = balance_of(app, msp_id), balance_of(app, distributor_id)
    assert move(client, msp_id, "take_back", held + 30).status_code == 422
    assert balance_of(app, msp_id) == held
    assert move(client, msp_id, "take_back", held + 30, remark="精算のため").status_code == 303
    assert balance_of(app, msp_id) == -30
    assert balance_of(app, distributor_id) == stock + held


def test_operator_issues_and_takes_back(
    app: Flask, client: FlaskClient, sign_in: SignIn, distributor_id: int
) -> None:
    sign_in(client, "operator")
    held = balance_of(app, distributor_id)
    page = client.get(f"/msp/accounts/{distributor_id}/points/").text
    assert "ポイント発行" in page
    assert "の保有ポイント" not in page
    assert move(client, distributor_id, "add", 1000).status_code == 303
    assert balance_of(app, distributor_id) == held + 1000
    assert "1,000ポイントを発行しました" in client.get("/msp/accounts/").text
    assert move(client, distributor_id, "take_back", held + 1000).status_code == 303
    assert balance_of(app, distributor_id) == 0
    assert move(client, distributor_id, "take_back", 1, remark="理由").status_code == 422


def test_operator_moves_between_distributor_and_msp(
    app: Flask, client: FlaskClient, sign_in: SignIn, msp_id: int, distributor_id: int
) -> None:
    sign_in(client, "operator")
    stock = balance_of(app, distributor_id)
    assert "株式会社ディストリビュート の保有ポイント" in client.get(f"/msp/accounts/{msp_id}/points/").text
    assert move(client, msp_id, "add", 10).status_code == 303
    assert balance_of(app, distributor_id) == stock - 10


def test_more_than_the_payer_has_is_refused(
    app: Flask, client: FlaskClient, sign_in: SignIn, msp_id: int, distributor_id: int
) -> None:
    sign_in(client, "distributor")
    stock = balance_of(app, distributor_id)
    answer = move(client, msp_id, "add", stock + 7, remark="保たれる備考", headers=FRAGMENT)
    assert answer.status_code == 422
    for word in ("7ポイント不足しています", "保たれる備考", f'value="{stock + 7}"'):
        assert word in answer.text
    assert balance_of(app, distributor_id) == stock


@pytest.mark.parametrize(
    "points",
    ["", "0", "-1", "1.5", "1e3", "1,000", "1_000", "+5", "٣", "²", "NaN", "9" * 5000, "1000000001", "abc"],
)
def test_bad_points_are_refused_at_their_field(
    app: Flask, client: FlaskClient, sign_in: SignIn, msp_id: int, points: str
) -> None:
    sign_in(client, "distributor")
    lines = line_count(app)
    answer = move(client, msp_id, "add", points, headers=FRAGMENT)
    assert answer.status_code == 422
    assert 'class="field-error" id="points-error1"' in answer.text
    assert points == "" or "1,000,000,000まで" in answer.text
    assert line_count(app) == lines


@pytest.mark.parametrize("directions", [[], ["add", "take_back"], ["both"], [""]])
def test_neither_or_both_directions_are_refused(
    app: Flask, client: FlaskClient, sign_in: SignIn, msp_id: int, directions: list[str]
) -> None:
    sign_in(client, "distributor")
    lines = line_count(app)
    answer = move(client, msp_id, directions, 5)  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert 'id="direction-error1"' in answer.text
    assert line_count(app) == lines


@pytest.mark.parametrize("request_id", ["", "abc", "0" * 5000])
def test_request_id_must_be_one(
    app: Flask, client: FlaskClient, sign_in: SignIn, msp_id: int, request_id: str
) -> None:
    sign_in(client, "distributor")
    lines = line_count(app)
    assert move(client, msp_id, "add", 5, request_id=request_id).status_code == 422
    assert line_count(app) == lines


def test_remark_that_cannot_be_kept_is_refused(
    app: Flask, client: FlaskClient, sign_in: SignIn, msp_id: int
) -> None:
    sign_in(client, "distributor")
    lines = line_count(app)
    for remark in ("あ" * 501, "a\x00", "a\u202eb"):
        answer = move(client, msp_id, "add", 5, remark=remark)
        assert answer.status_code == 422
        assert 'id="remark-error1"' in answer.text
    assert line_count(app) == lines


def test_sent_twice_it_counts_once(app: Flask, client: FlaskClient, sign_in: SignIn, msp_id: int) -> None:
    sign_in(client, "distributor")
    held, request_id = balance_of(app, msp_id), str(uuid.uuid4())
    for _turn in range(2):
        assert move(client, msp_id, "add", 40, request_id=request_id).status_code == 303
    assert balance_of(app, msp_id) == held + 40
    assert move(client, msp_id, "add", 41, request_id=request_id).status_code == 409
    sign_in(client, "operator")
    assert move(client, msp_id, "add", 40, request_id=request_id).status_code == 409
    assert balance_of(app, msp_id) == held + 40


def test_msp_may_not_come_in(app: Flask, client: FlaskClient, sign_in: SignIn, msp_id: int) -> None:
    for user_name in ("msp-a", "contract-a", "support", "system-a", "customer-a"):
        sign_in(client, user_name)
        assert client.get("/msp/accounts/").status_code == 403
        assert client.get("/msp/accounts/export/xlsx").status_code == 403
        assert client.get(f"/msp/accounts/{msp_id}/points/").status_code == 403
        assert move(client, msp_id, "add", 5).status_code == 403
    sign_in(client, "msp-a")
    assert "MSPアカウント一覧" not in client.get("/msp/points/").text


def test_nobody_moves_the_points_of_the_own_account(
    app: Flask, client: FlaskClient, sign_in: SignIn, distributor_id: int
) -> None:
    sign_in(client, "distributor")
    held = balance_of(app, distributor_id)
    assert client.get(f"/msp/accounts/{distributor_id}/points/").status_code == 404
    assert move(client, distributor_id, "add", 5).status_code == 404
    assert balance_of(app, distributor_id) == held


def test_customers_and_unknown_ids_are_not_here(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "operator")
    customer = customers_of(app, "msp-a", AccountStatus.ACTIVE)[0]
    for account_id in (customer, account_of(app, "operator"), 10**12):
        assert client.get(f"/msp/accounts/{account_id}/points/").status_code == 404
        assert move(client, account_id, "add", 5).status_code == 404
    for row_id in ("abc", "1'", "+1", "１", "1" + "0" * 20):
        assert client.get(f"/msp/accounts/{row_id}/points/").status_code == 404


def test_form_needs_the_token(client: FlaskClient, sign_in: SignIn, msp_id: int) -> None:
    sign_in(client, "distributor")
    form = {"request_id": str(uuid.uuid4()), "direction": "add", "points": "5"}
    assert client.post(f"/msp/accounts/{msp_id}/points/", data=form).status_code == 400
    assert client.post(f"/msp/accounts/{msp_id}/points/", json=form).status_code == 400


def test_shortage_is_red_and_counted(app: Flask, client: FlaskClient, sign_in: SignIn, msp_id: int) -> None:
    sign_in(client, "distributor")
    assert "25日に不足するアカウントはありません" in client.get("/msp/accounts/").text
    move(client, msp_id, "take_back", balance_of(app, msp_id) - 3)
    page = client.get("/msp/accounts/?short=1").text
    assert "25日に不足 <strong>1</strong>" in page
    assert '<span class="points negative">' in page
    assert "−7" in page
    assert page.count('id="row-') == 1


def test_files_hold_what_the_screen_shows(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "operator")
    query = "?sort=point_balance&desc=1&type=msp"
    page = client.get(f"/msp/accounts/{query}").text
    rows = csv_rows(client, f"/msp/accounts/export/csv{query}")
    assert rows[0][:2] == ["アカウント番号", "会社名"]
    assert len(rows) == 1 + page.count('id="row-')
    places = [page.index(row[1]) for row in rows[1:]]
    assert places == sorted(places)
    assert [cells[0] for cells in xlsx_rows(client, f"/msp/accounts/export/xlsx{query}")] == [
        row[0] for row in rows
    ]
