"""承認待ちアカウント一覧: the applicant changes and deletes, the operator decides and provisions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from domain.lifecycle import AccountStatus
from models import OutgoingMail, db
from services import provisioning
from services.transaction import transaction
from tests.support.databases import START, MovableClock
from tests.web.account_rows import PROFILE, account_values, csv_rows, customers_of, xlsx_rows
from tests.web.browser_session import send

SignIn = Callable[[FlaskClient, str], Any]
PENDING, REJECTED = AccountStatus.PENDING_APPROVAL, AccountStatus.REJECTED
ACTIONS = ("edit", "delete", "approve", "reject", "provision")


class FailingProvisioner:
    """An identity service that does not answer."""

    def provision(self, *, account_number: str, company_name: str, contract_user_count: int) -> None:
        """Refuse."""
        raise provisioning.ProvisioningError("認証サービスに接続できません")


@pytest.fixture
def waiting_id(app: Flask) -> int:
    """Give an application of MSP A that waits for approval."""
    return customers_of(app, "msp-a", PENDING)[0]


@pytest.fixture
def rejected_id(app: Flask) -> int:
    """Give a rejected application of MSP A."""
    return customers_of(app, "msp-a", REJECTED)[0]


def address(account_id: int, action: str = "") -> str:
    return f"/msp/pending/{account_id}/{action}/" if action else f"/msp/pending/{account_id}/"


def version_of(app: Flask, account_id: int) -> int:
    version: int = account_values(app, account_id, "version")[0]
    return version


def approve(app: Flask, client: FlaskClient, account_id: int) -> Any:
    return send(client, address(account_id, "approve"), version=version_of(app, account_id))


def status_of(app: Flask, account_id: int) -> AccountStatus:
    status: AccountStatus = account_values(app, account_id, "status")[0]
    return status


def test_list_of_the_applicant(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "msp-a")
    page = client.get("/msp/pending/").text
    for word in ("アカウント番号", "会社名", "契約ユーザ数", "申請元", "状態", "申請日時", "期限"):
        assert word in page
    assert "ご担当者の連絡先が確認できませんでした。" in page
    for button in ("編集", "削除", "再申請"):
        assert f">{button}<span" in page
    for button in ("承認", "却下", "プロビジョニング"):
        assert f">{button}<span" not in page
    foreign = customers_of(app, "msp-b", PENDING)[0]
    assert f'id="row-{foreign}"' not in page


def test_a_rejected_application_has_no_day_by_which_it_is_decided(
    app: Flask, client: FlaskClient, sign_in: SignIn, waiting_id: int, rejected_id: int
) -> None:
    sign_in(client, "msp-a")
    page = client.get("/msp/pending/").text
    for account_id, is_dated in ((waiting_id, True), (rejected_id, False)):
        row = page.partition(f'id="row-{account_id}"')[2].partition("</tr>")[0]
        due = row.partition('data-label="期限"')[2].partition("</td>")[0]
        assert ("2026/" in due) == is_dated


def test_list_of_the_operator_marks_what_is_late(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "operator")
    page = client.get("/msp/pending/").text
    assert "期限超過 <strong>1</strong>" in page
    for button in ("内容確認", "承認", "却下"):
        assert f">{button}<span" in page
    late = client.get("/msp/pending/?late=1").text
    assert f'id="row-{customers_of(app, "msp-b", PENDING)[0]}"' in late
    assert f'id="row-{customers_of(app, "msp-a", PENDING)[0]}"' not in late


def test_applicant_changes_an_application(
    app: Flask, client: FlaskClient, sign_in: SignIn, waiting_id: int
) -> None:
    sign_in(client, "msp-a")
    page = client.get(address(waiting_id, "edit"))
    assert page.status_code == 200
    for word in ("基本情報更新", "販売店情報", "契約ユーザ数", "更新"):
        assert word in page.text
    answer = send(client, address(waiting_id, "edit"), version=1, **PROFILE, reseller_remark="至急")
    assert answer.status_code == 303
    assert answer.location == f"/msp/pending/#row-{waiting_id}"
    values = account_values(
        app, waiting_id, "company_name", "contract_user_count", "reseller_remark", "status"
    )
    assert values == ("株式会社新しい名前", 25, "至急", PENDING)
    assert "申請を更新しました" in client.get("/msp/pending/").text


def test_rejected_one_is_applied_for_again(
    app: Flask, client: FlaskClient, sign_in: SignIn, rejected_id: int
) -> None:
    sign_in(client, "msp-a")
    page = client.get(address(rejected_id, "edit")).text
    assert "再申請" in page
    assert "却下の理由" in page
    assert send(client, address(rejected_id, "edit"), version=1, **PROFILE).status_code == 303
    values = account_values(app, rejected_id, "status", "applied_at", "rejection_reason")
    assert values == (PENDING, START, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("contract_user_count", ""),
        ("contract_user_count", "0"),
        ("contract_user_count", "-1"),
        ("contract_user_count", "1.5"),
        ("contract_user_count", "1,000"),
        ("contract_user_count", "1000001"),
        ("contract_user_count", "٣"),
        ("contract_user_count", "9" * 5000),
        ("company_name", "　 "),
        ("company_name", "あ" * 121),
        ("company_name", "a\x00b"),
        ("company_name", "a\u202eb"),
        ("prefecture", "東京"),
        ("postal_code", "12-34"),
        ("phone_number", "abc"),
        ("contact_email", "a@b, evil@x"),
        ("contact_email", "a@example.jp\r\nBcc: b@example.jp"),
        ("website_url", "javascript:alert(1)"),
        ("industry", "宇宙"),
        ("version", ""),
        ("version", "abc"),
    ],
)
def test_bad_values_stay_at_their_field(
    app: Flask, client: FlaskClient, sign_in: SignIn, waiting_id: int, field: str, value: str
) -> None:
    sign_in(client, "msp-a")
    before = account_values(app, waiting_id, "company_name", "contract_user_count", "version")
    form: dict[str, Any] = {"version": 1, **PROFILE, "city": "保たれる市", field: value}
    answer = send(client, address(waiting_id, "edit"), headers={"X-Fragment": "1"}, **form)
    assert answer.status_code == 422
    assert 'class="field-error"' in answer.text or 'class="notice danger" role="alert"' in answer.text
    assert "保たれる市" in answer.text
    assert account_values(app, waiting_id, "company_name", "contract_user_count", "version") == before


def test_extra_fields_change_nothing(
    app: Flask, client: FlaskClient, sign_in: SignIn, waiting_id: int
) -> None:
    sign_in(client, "msp-a")
    names = ("id", "parent_id", "status", "account_type", "account_number")
    before = account_values(app, waiting_id, *names)
    extra = {"id": 1, "parent_id": 1, "status": "active", "account_type": "operator", "account_number": "1"}
    assert send(client, address(waiting_id, "edit"), version=1, **PROFILE, **extra).status_code == 303
    assert account_values(app, waiting_id, *names) == before


def test_form_opened_before_someone_elses_change(
    app: Flask, client: FlaskClient, sign_in: SignIn, waiting_id: int
) -> None:
    sign_in(client, "msp-a")
    assert send(client, address(waiting_id, "edit"), version=1, **PROFILE).status_code == 303
    mine = {**PROFILE, "company_name": "私の名前"}
    answer = send(client, address(waiting_id, "edit"), version=1, **mine)
    assert answer.status_code == 409
    assert "私の名前" in answer.text
    assert "株式会社新しい名前" in answer.text
    assert account_values(app, waiting_id, "company_name") == ("株式会社新しい名前",)
    newest = version_of(app, waiting_id)
    assert f'value="{newest}"' in answer.text
    assert send(client, address(waiting_id, "edit"), version=newest, **mine).status_code == 303


def test_deletion_asks_first_and_hides_for_ever(
    app: Flask, client: FlaskClient, sign_in: SignIn, waiting_id: int
) -> None:
    sign_in(client, "msp-a")
    assert "元に戻せません" in client.get(address(waiting_id, "delete")).text
    assert status_of(app, waiting_id) is PENDING
    answer = send(client, address(waiting_id, "delete"))
    assert (answer.status_code, answer.location) == (303, "/msp/pending/")
    assert status_of(app, waiting_id) is AccountStatus.WITHDRAWN
    assert f'id="row-{waiting_id}"' not in client.get("/msp/pending/").text
    for action in ("", "edit", "delete"):
        assert client.get(address(waiting_id, action)).status_code == 404
    assert send(client, address(waiting_id, "delete")).status_code == 404


def test_approval_gives_a_number_and_tells_the_applicant(
    app: Flask, client: FlaskClient, sign_in: SignIn, waiting_id: int
) -> None:
    sign_in(client, "operator")
    page = client.get(address(waiting_id, "approve")).text
    for word in ("契約ユーザ数", "基本情報", "販売店情報", "アカウント番号が付与され"):
        assert word in page
    assert approve(app, client, waiting_id).status_code == 303
    status, account_number = account_values(app, waiting_id, "status", "account_number")
    assert status is AccountStatus.APPROVED
    assert len(account_number) == 8
    assert not account_number.startswith("0")
    assert account_number in client.get("/msp/pending/").text
    with app.app_context():
        mail = db.session.execute(
            select(OutgoingMail).where(OutgoingMail.account_id == waiting_id)
        ).scalar_one()
        assert mail.recipient_email == "msp-a@example.jp"


def test_second_approval_is_refused(
    app: Flask, client: FlaskClient, sign_in: SignIn, waiting_id: int
) -> None:
    sign_in(client, "operator")
    assert send(client, address(waiting_id, "approve"), version=1).status_code == 303
    number = account_values(app, waiting_id, "account_number")
    again = send(client, address(waiting_id, "approve"), version=1, headers={"X-Fragment": "1"})
    assert again.status_code == 409
    assert "状態が変わったため" in again.text
    assert account_values(app, waiting_id, "account_number") == number
    assert client.get(address(waiting_id, "approve")).status_code == 409
    assert send(client, address(waiting_id, "reject"), version=2, rejection_reason="x").status_code == 409


def test_what_changed_after_it_was_shown_is_not_approved(
    app: Flask, client: FlaskClient, sign_in: SignIn, waiting_id: int
) -> None:
    other = app.test_client()
    sign_in(client, "operator")
    sign_in(other, "msp-a")
    assert send(other, address(waiting_id, "edit"), version=1, **PROFILE).status_code == 303
    answer = send(client, address(waiting_id, "approve"), version=1)
    assert answer.status_code == 409
    assert "株式会社新しい名前" in answer.text
    assert status_of(app, waiting_id) is PENDING
    assert approve(app, client, waiting_id).status_code == 303


@pytest.mark.parametrize("reason", ["", " 　", "あ" * 1001, "a\x00"])
def test_rejection_needs_a_reason(
    app: Flask, client: FlaskClient, sign_in: SignIn, waiting_id: int, reason: str
) -> None:
    sign_in(client, "operator")
    answer = send(client, address(waiting_id, "reject"), version=1, rejection_reason=reason)
    assert answer.status_code == 422
    assert 'class="field-error"' in answer.text
    assert status_of(app, waiting_id) is PENDING


def test_rejection_shows_its_reason(
    app: Flask, client: FlaskClient, sign_in: SignIn, waiting_id: int
) -> None:
    sign_in(client, "operator")
    reason = "<script>住所をご確認ください"
    assert send(client, address(waiting_id, "reject"), version=1, rejection_reason=reason).status_code == 303
    assert account_values(app, waiting_id, "status", "rejection_reason") == (REJECTED, reason)
    page = client.get("/msp/pending/").text
    assert "&lt;script&gt;住所をご確認ください" in page
    assert "<script>住所" not in page


def test_provisioning_is_ordered_and_carried_out(
    app: Flask, client: FlaskClient, sign_in: SignIn, waiting_id: int
) -> None:
    sign_in(client, "operator")
    assert client.get(address(waiting_id, "provision")).status_code == 409
    assert send(client, address(waiting_id, "provision")).status_code == 409
    approve(app, client, waiting_id)
    assert "プロビジョニングします" in client.get(address(waiting_id, "provision")).text
    answer = send(client, address(waiting_id, "provision"), headers={"X-Fragment": "1"})
    assert answer.json == {"redirect": f"/msp/pending/#row-{waiting_id}"}
    assert "プロビジョニング中" in client.get("/msp/pending/").text
    with app.app_context():
        assert provisioning.provision_requested(now=START) == 1
    assert status_of(app, waiting_id) is AccountStatus.ACTIVE
    assert f'id="row-{waiting_id}"' not in client.get("/msp/pending/").text
    assert send(client, address(waiting_id, "provision")).status_code == 409


def test_failed_provisioning_says_why_and_when_next(
    app: Flask, client: FlaskClient, clock: MovableClock, sign_in: SignIn, waiting_id: int
) -> None:
    sign_in(client, "operator")
    approve(app, client, waiting_id)
    send(client, address(waiting_id, "provision"))
    with app.app_context(), transaction():
        provisioning.provision(account_id=waiting_id, provisioner=FailingProvisioner(), now=START)
    page = client.get("/msp/pending/").text
    for word in ("プロビジョニング失敗", "認証サービスに接続できません", "次回 2026/11/20 10:01"):
        assert word in page
    clock.instant = START + dt.timedelta(seconds=10)
    assert send(client, address(waiting_id, "provision")).status_code == 303
    assert account_values(app, waiting_id, "provisioning_attempts") == (0,)


@pytest.mark.parametrize("action", ["approve", "reject", "provision"])
def test_only_the_operator_decides(
    app: Flask, client: FlaskClient, sign_in: SignIn, waiting_id: int, action: str
) -> None:
    for user_name in ("msp-a", "distributor", "contract-a"):
        sign_in(client, user_name)
        assert client.get(address(waiting_id, action)).status_code == 403
        form = {"version": 1, "rejection_reason": "理由"}
        assert send(client, address(waiting_id, action), **form).status_code == 403
    assert status_of(app, waiting_id) is PENDING


@pytest.mark.parametrize("user_name", ["support", "system-a", "customer-a"])
def test_others_see_nothing(client: FlaskClient, sign_in: SignIn, waiting_id: int, user_name: str) -> None:
    sign_in(client, user_name)
    assert client.get("/msp/pending/").status_code == 403
    assert client.get("/msp/pending/export/csv").status_code == 403
    for action in ("", *ACTIONS):
        assert client.get(address(waiting_id, action)).status_code == 403
    for action in ACTIONS:
        assert send(client, address(waiting_id, action)).status_code == 403


def test_what_is_not_ones_own_does_not_exist(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    foreign = customers_of(app, "msp-b", PENDING)[0]
    sign_in(client, "msp-a")
    for account_id in (foreign, 10**9):
        for action in ("", "edit", "delete"):
            assert client.get(address(account_id, action)).status_code == 404
        assert send(client, address(account_id, "edit"), version=1, **PROFILE).status_code == 404
        assert send(client, address(account_id, "delete")).status_code == 404
    for row_id in ("abc", "1'", "1e0", "1,2", "１", "+1", "1_0", "-1", "0", "1" + "0" * 20):
        assert client.get(f"/msp/pending/{row_id}/edit/").status_code == 404
    assert status_of(app, foreign) is PENDING


def test_running_account_is_no_application(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    running = customers_of(app, "msp-a", AccountStatus.ACTIVE)[0]
    sign_in(client, "msp-a")
    for action in ("", "edit", "delete"):
        assert client.get(address(running, action)).status_code == 409
    assert send(client, address(running, "delete")).status_code == 409
    assert send(client, address(running, "edit"), version=1, **PROFILE).status_code == 409
    assert status_of(app, running) is AccountStatus.ACTIVE


def test_forms_need_the_token(client: FlaskClient, sign_in: SignIn, waiting_id: int) -> None:
    sign_in(client, "operator")
    for action in ACTIONS:
        assert client.post(address(waiting_id, action), data={"version": "1"}).status_code == 400


@pytest.mark.parametrize(
    "query",
    ["page=-1", "page=0", f"page={10**20}", "page_size=-1", "page_size=1000000", "sort=abc", "sort=999"],
)
def test_bad_page_and_order_fall_back(client: FlaskClient, sign_in: SignIn, query: str) -> None:
    sign_in(client, "msp-a")
    assert client.get(f"/msp/pending/?{query}").status_code == 200


@pytest.mark.parametrize("query", ["state=abc", "state=active", "late=2", "search=" + "a" * 5000])
def test_bad_filter_is_said_at_the_filter(client: FlaskClient, sign_in: SignIn, query: str) -> None:
    sign_in(client, "msp-a")
    answer = client.get(f"/msp/pending/?{query}")
    assert answer.status_code == 400
    assert 'class="field-error"' in answer.text
    assert 'id="row-' not in answer.text


def test_files_hold_what_the_screen_shows(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "operator")
    query = "?sort=company_name&desc=1&state=pending_approval"
    page = client.get(f"/msp/pending/{query}").text
    rows = csv_rows(client, f"/msp/pending/export/csv{query}")
    heads = [
        "アカウント番号",
        "会社名",
        "アカウントタイプ",
        "契約ユーザ数",
        "申請元",
        "状態",
        "申請日時",
        "期限",
    ]
    assert rows[0][:-1] == heads
    assert len(rows) == 1 + page.count('id="row-')
    places = [page.index(row[1]) for row in rows[1:]]
    assert places == sorted(places)
    workbook = xlsx_rows(client, f"/msp/pending/export/xlsx{query}")
    assert [cells[1] for cells in workbook] == [row[1] for row in rows]
