"""MSPアカウント一覧 with ポイント追加, ポイント返却 and ポイント発行."""

from __future__ import annotations

import datetime as dt
import html
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from domain.lifecycle import AccountStatus
from domain.permissions import AccountType
from models import Account, Administrator, Cancellation, db
from services import provisioning
from services.cancellations import CONSENT_TEXT
from services.transaction import transaction
from tests.builders import tick
from tests.support.databases import START, MovableClock
from tests.web.account_rows import (
    PROFILE,
    account_of,
    balance_of,
    csv_rows,
    customers_of,
    line_count,
    xlsx_rows,
)
from tests.web.browser_session import send
from tests.web.customer_screens import field_value, hidden_fields, text_of

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


NEW_ACCOUNT = {name: value for name, value in PROFILE.items() if name != "contract_user_count"}


def by_name(app: Flask, company_name: str) -> list[Account]:
    """Return the accounts of a name, detached."""
    with app.app_context():
        statement = select(Account).where(Account.company_name == company_name).order_by(Account.id)
        found = list(db.session.execute(statement).scalars())
        db.session.expunge_all()
        return found


def cancel(client: FlaskClient, address: str, **fields: Any) -> Any:
    """Open the dialog and send it with what it named."""
    return send(client, address, **hidden_fields(client.get(address).text), consent="y", **fields)


@pytest.fixture
def msp_b_id(app: Flask) -> int:
    """Give the account of MSP B."""
    return account_of(app, "msp-b")


@pytest.fixture
def support_id(app: Flask) -> int:
    """Give the support account."""
    return account_of(app, "support")


def test_an_msp_is_registered_approved_and_put_into_service(
    app: Flask, client: FlaskClient, sign_in: SignIn, distributor_id: int
) -> None:
    sign_in(client, "distributor")
    page = client.get("/msp/accounts/new/").text
    for word in ("基本情報登録", "アカウントタイプ", "販売店情報", "最低契約期間", "登録"):
        assert word in page
    assert 'name="contract_user_count"' not in page
    assert 'name="parent_id"' not in page
    assert 'value="privileged_msp"' not in page
    form = {**NEW_ACCOUNT, "account_type": "msp", "request_id": str(uuid.uuid4())}
    # What the form does not offer changes nothing.
    smuggled = {"contract_user_count": "500", "parent_id": "1", "status": "active", "level": "overall"}
    for _turn in range(2):
        assert send(client, "/msp/accounts/new/", **form, **smuggled).status_code == 303
    [found] = by_name(app, NEW_ACCOUNT["company_name"])
    assert (found.account_type, found.status, found.contract_user_count, found.parent_id) == (
        AccountType.MSP,
        AccountStatus.PENDING_APPROVAL,
        10,
        distributor_id,
    )
    pending = client.get("/msp/pending/?type=msp").text
    assert f'id="row-{found.id}"' in pending
    assert "MSPアカウント</td>" in pending
    edit = client.get(f"/msp/pending/{found.id}/edit/").text
    assert 'name="contract_user_count"' not in edit
    assert "MSPアカウント" in edit
    changed = send(
        client, f"/msp/pending/{found.id}/edit/", **{**NEW_ACCOUNT, "city": "港区"}, version=found.version
    )
    assert changed.status_code == 303
    sign_in(client, "msp-a")
    assert f'id="row-{found.id}"' not in client.get("/msp/pending/").text
    assert client.get(f"/msp/pending/{found.id}/").status_code == 404
    sign_in(client, "operator")
    version = hidden_fields(client.get(f"/msp/pending/{found.id}/approve/").text)["version"]
    assert send(client, f"/msp/pending/{found.id}/approve/", version=version).status_code == 303
    assert "MSPアカウント一覧に利用中" in client.get(f"/msp/pending/{found.id}/provision/").text
    assert send(client, f"/msp/pending/{found.id}/provision/").status_code == 303
    with app.app_context():
        assert provisioning.provision_requested(now=START) == 1
    sign_in(client, "distributor")
    assert f'id="row-{found.id}"' in client.get("/msp/accounts/").text
    assert move(client, found.id, "add", 30).status_code == 303
    assert send(client, "/portal/enter/", account_id=found.id).status_code == 303


def test_the_operator_chooses_the_distributor_and_registers_distributors(
    app: Flask, client: FlaskClient, sign_in: SignIn, distributor_id: int
) -> None:
    sign_in(client, "operator")
    page = client.get("/msp/accounts/new/").text
    assert 'value="privileged_msp"' in page
    assert 'name="parent_id"' in page
    form = {**NEW_ACCOUNT, "account_type": "support"}
    for parent_id in ("", "x", account_of(app, "msp-a"), 10**20):
        answer = send(client, "/msp/accounts/new/", **form, parent_id=parent_id)
        assert (answer.status_code, parent_id) == (422, parent_id)
        assert 'id="parent_id-error1"' in answer.text
    assert send(client, "/msp/accounts/new/", **form, parent_id=distributor_id).status_code == 303
    assert (
        send(client, "/msp/accounts/new/", **(form | {"account_type": "privileged_msp"})).status_code == 303
    )
    below, top = by_name(app, NEW_ACCOUNT["company_name"])
    assert (below.parent_id, below.privileged_msp_id) == (distributor_id, distributor_id)
    assert (top.parent_id, top.privileged_msp_id) == (account_of(app, "operator"), None)
    pending = client.get("/msp/pending/?type=privileged_msp").text
    assert f'href="/msp/pending/{top.id}/edit/' in pending
    assert f'href="/msp/pending/{below.id}/edit/' not in client.get("/msp/pending/?type=support").text


@pytest.mark.parametrize("account_type", ["", "operator", "customer", "privileged_msp", "x"])
def test_other_types_are_not_registered_here(
    app: Flask, client: FlaskClient, sign_in: SignIn, account_type: str
) -> None:
    sign_in(client, "distributor")
    answer = send(client, "/msp/accounts/new/", **NEW_ACCOUNT, account_type=account_type, headers=FRAGMENT)
    assert answer.status_code == 422
    assert 'id="account_type-error1"' in answer.text
    assert NEW_ACCOUNT["company_name"] in answer.text
    assert by_name(app, NEW_ACCOUNT["company_name"]) == []


def test_the_profile_is_changed_and_a_stale_form_is_told(
    app: Flask, client: FlaskClient, sign_in: SignIn, msp_b_id: int
) -> None:
    sign_in(client, "distributor")
    address = f"/msp/accounts/{msp_b_id}/edit/"
    page = client.get(address).text
    for word in ("基本情報更新", "基本情報", "販売店情報", "更新", "アカウントタイプ"):
        assert word in page
    for word in ("画面のカスタマイズ", "サポートタブ", 'name="contract_user_count"'):
        assert word not in page
    version = hidden_fields(page)["version"]
    assert send(client, address, **NEW_ACCOUNT, version=version).status_code == 303
    assert "株式会社新しい名前 の基本情報を更新しました" in client.get("/msp/accounts/").text
    stale = send(client, address, **(NEW_ACCOUNT | {"city": "港区"}), version=version)
    assert stale.status_code == 409
    for word in ("千代田区", "港区", "ほかの人がこのアカウントを変更しました"):
        assert word in stale.text
    bad = send(client, address, **(NEW_ACCOUNT | {"phone_number": "x"}), version=version)
    assert bad.status_code == 422
    for fields in ({}, {"version": "x"}):
        assert send(client, address, **NEW_ACCOUNT, **fields).status_code == 422


def test_an_early_cancellation_names_the_year_and_offers_the_return(
    app: Flask, client: FlaskClient, sign_in: SignIn, support_id: int, distributor_id: int
) -> None:
    """The demo's accounts have no year left; a support account that is new has."""
    with app.app_context(), transaction():
        account = db.session.get_one(Account, support_id)
        account.contract_date = START.date()
    sign_in(client, "distributor")
    assert move(client, support_id, "add", 280).status_code == 303
    held, stock = balance_of(app, support_id), balance_of(app, distributor_id)
    page = client.get(f"/msp/accounts/{support_id}/cancel/").text
    words = text_of(page)
    for word in (
        "解約処理が完了する際に、現在のポイントの不足分のポイントは補充され、残存分のポイントは消費されます。",
        "残り12か月分の月額利用料 120 ポイント",
        "2027/11/20 の前日まで",
        f"うち失われる保有ポイント {held - 120:,} ポイント",
        f"先に{held - 120:,}ポイントを 株式会社ディストリビュート に返却する",
        "サポートの割当は終わります",
    ):
        assert word in words
    link = re.search(r'href="(/msp/accounts/\d+/points/\?[^"]+)"', page)
    assert link
    points_page = client.get(html.unescape(link[1])).text
    assert field_value(points_page, "points") == str(held - 120)
    returned = send(
        client,
        f"/msp/accounts/{support_id}/points/",
        **hidden_fields(points_page),
        direction="take_back",
        points=str(held - 120),
    )
    assert returned.location == f"/msp/accounts/{support_id}/cancel/#row-{support_id}"
    assert balance_of(app, distributor_id) == stock + held - 120
    # What was shown before is not what would happen now.
    stale = send(client, f"/msp/accounts/{support_id}/cancel/", **hidden_fields(page), consent="y")
    assert stale.status_code == 409
    for consent in ("0", "false", ""):
        fields = hidden_fields(stale.text)
        answer = send(client, f"/msp/accounts/{support_id}/cancel/", **fields, consent=consent)
        assert answer.status_code == 422
    assert "失われる" not in stale.text
    assert cancel(client, f"/msp/accounts/{support_id}/cancel/").status_code == 303
    assert balance_of(app, support_id) == 0
    after = client.get("/msp/accounts/").text
    row = after[after.index(f'id="row-{support_id}"') :].split("</tr>")[0]
    assert "gone" in after[: after.index(f'id="row-{support_id}"') + 60].rpartition("<tr")[2]
    assert "解約済" in row
    assert "data-dialog" not in row
    with app.app_context():
        assigned = select(Account.id).where(
            Account.support_account_id == support_id, Account.status == AccountStatus.ACTIVE
        )
        assert db.session.execute(assigned).first() is None
    for address in ("cancel", "edit", "schedule", "points"):
        assert client.get(f"/msp/accounts/{support_id}/{address}/").status_code == 409
    sign_in(client, "support")
    assert client.get("/msp/customers/").status_code in (302, 303)


def test_what_runs_below_is_named_and_linked(
    app: Flask, client: FlaskClient, sign_in: SignIn, msp_b_id: int, distributor_id: int
) -> None:
    sign_in(client, "distributor")
    for address in (f"/msp/accounts/{msp_b_id}/cancel/", f"/msp/accounts/{msp_b_id}/schedule/"):
        date = {"cancellation_date": "2027-01-15"} if "schedule" in address else {}
        page = client.get(address, query_string=date).text
        assert "解約できません" in page
        assert 'href="/msp/customers/?search=' in page
        refused = send(client, address, **hidden_fields(page), consent="y", **date)
        assert refused.status_code == 409
        assert "先に解約、移動または申請の削除をしてください" in refused.text
    assert ">解約</button>" not in client.get(f"/msp/accounts/{msp_b_id}/cancel/").text
    sign_in(client, "operator")
    page = client.get(f"/msp/accounts/{distributor_id}/cancel/").text
    assert 'href="/msp/accounts/?search=' in page
    assert "特権MSPアカウントには、残りの契約期間の月額利用料はありません" in page


def test_a_date_is_set_changed_and_lifted(
    app: Flask, client: FlaskClient, sign_in: SignIn, support_id: int
) -> None:
    sign_in(client, "distributor")
    address = f"/msp/accounts/{support_id}/schedule/"
    assert "解約予定日設定" in client.get(address).text
    for bad in ("", "2026-11-20", "2026-02-29", "2037-01-01", "x"):
        assert send(client, address, cancellation_date=bad, consent="y").status_code == 422
    checked = send(client, address, cancellation_date="2027-01-15", check="1")
    assert checked.status_code == 200
    assert "解約までの月額利用料" in checked.text
    assert "30日前（2026/12/16）" in checked.text
    assert "60日前には送信されません" in checked.text
    done = send(client, address, cancellation_date="2027-01-15", consent="y", **hidden_fields(checked.text))
    assert done.status_code == 303
    page = client.get("/msp/accounts/?scheduled=1").text
    assert "2027/01/15" in page
    assert "あと56日" in page
    shown = {"current_cancellation_date": "2027-01-15"}
    lifted = send(client, f"/msp/accounts/{support_id}/lift/", **shown)
    assert lifted.status_code == 303
    assert f'id="row-{support_id}"' not in client.get("/msp/accounts/?scheduled=1").text
    assert send(client, f"/msp/accounts/{support_id}/lift/", **shown).status_code == 409


def test_a_cancellation_that_is_blocked_at_its_date_is_shown(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock, msp_b_id: int
) -> None:
    with app.app_context():
        found = select(Administrator.id).where(Administrator.user_name == "distributor")
        administrator_id = db.session.execute(found).scalar_one()
        with transaction():
            db.session.add(
                Cancellation(
                    account_id=msp_b_id,
                    scheduled_on=dt.date(2026, 11, 21),
                    consent_text=CONSENT_TEXT,
                    shown_top_up_points=0,
                    shown_write_off_points=0,
                    consented_at=START,
                    administrator_id=administrator_id,
                )
            )
            db.session.get_one(Account, msp_b_id).cancellation_date = dt.date(2026, 11, 21)
        clock.instant = START + dt.timedelta(days=1)
        assert tick(clock.instant).blocked == [msp_b_id]
    sign_in(client, "distributor")
    page = client.get("/msp/accounts/").text
    row = page[page.index(f'id="row-{msp_b_id}"') :].split("</tr>")[0]
    for word in ("解約処理中", "解約できていません"):
        assert word in row
    assert "data-dialog" not in row
    assert client.get(f"/msp/accounts/{msp_b_id}/cancel/").status_code == 409
    shown = {"current_cancellation_date": "2026-11-21"}
    assert send(client, f"/msp/accounts/{msp_b_id}/lift/", **shown).status_code == 409


def test_who_may_change_accounts(
    app: Flask, client: FlaskClient, sign_in: SignIn, msp_b_id: int, distributor_id: int
) -> None:
    actions = ("edit", "cancel", "schedule")
    for user_name in ("msp-a", "msp-b", "contract-a", "support", "system-a", "customer-a"):
        sign_in(client, user_name)
        assert client.get("/msp/accounts/new/").status_code == 403
        assert send(client, "/msp/accounts/new/", **NEW_ACCOUNT, account_type="msp").status_code == 403
        for action in actions:
            assert client.get(f"/msp/accounts/{msp_b_id}/{action}/").status_code == 403
        for action in (*actions, "lift"):
            assert send(client, f"/msp/accounts/{msp_b_id}/{action}/", consent="y").status_code == 403
    sign_in(client, "distributor")
    customer = customers_of(app, "msp-a", AccountStatus.ACTIVE)[0]
    for account_id in (customer, distributor_id, account_of(app, "operator"), 10**12):
        for action in actions:
            assert client.get(f"/msp/accounts/{account_id}/{action}/").status_code == 404
        for action in (*actions, "lift"):
            assert send(client, f"/msp/accounts/{account_id}/{action}/", consent="y").status_code == 404
    for action in ("cancel", "schedule"):
        assert client.get(f"/msp/customers/{msp_b_id}/{action}/").status_code == 404
        assert send(client, f"/msp/customers/{msp_b_id}/{action}/", consent="y").status_code == 404
