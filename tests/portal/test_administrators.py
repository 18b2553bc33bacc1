"""管理＞管理者 on the screen: the list, the dialogs, and what is refused by address."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from domain.permissions import AdminLevel
from models import Account, Administrator, OutgoingMail, db
from models.mails import MailKind
from services.transaction import transaction
from tests.portal.portal_visitor import change, customer_of, enter, events, hide, person, suspend
from tests.support.databases import MovableClock
from tests.web.account_rows import account_of, csv_rows, xlsx_rows

SignIn = Callable[[FlaskClient, str], Any]
LIST = "/portal/manage/administrators/"
FRAGMENT = {"X-Fragment": "1"}
PASSWORD = "a long new password"


def found(app: Flask, user_name: str) -> Administrator:
    with app.app_context():
        statement = select(Administrator).where(Administrator.user_name == user_name)
        return db.session.execute(statement).scalar_one()


def set_person(app: Flask, user_name: str, **values: Any) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Administrator).where(Administrator.user_name == user_name).values(**values))


def form_of(user_name: str = "new-1", **changed: Any) -> dict[str, Any]:
    given = {
        "request_id": str(uuid.uuid4()),
        "user_name": user_name,
        "full_name": "新任 一郎",
        "email": f"{user_name}@new.example.jp",
        "level": "system",
        "password_way": "link",
    }
    return {name: value for name, value in {**given, **changed}.items() if value is not None}


def mail_count(app: Flask, kind: MailKind, email: str) -> int:
    with app.app_context():
        statement = select(OutgoingMail.id).where(
            OutgoingMail.kind == kind, OutgoingMail.recipient_email == email
        )
        return len(db.session.execute(statement).all())


@pytest.fixture
def customer_id(app: Flask, client: FlaskClient, sign_in: SignIn) -> int:
    """msp-a, in the portal of a customer that has no administrator yet."""
    sign_in(client, "msp-a")
    customer = customer_of(app)
    enter(client, customer)
    return customer


def row_of(page: str, administrator_id: int) -> str:
    return page.partition(f'<tr id="row-{administrator_id}"')[2].partition("</tr>")[0]


def test_the_first_administrator_of_a_customer_is_registered(
    app: Flask, client: FlaskClient, customer_id: int
) -> None:
    page = client.get(LIST).text
    assert "管理者はまだ登録されていません" in page
    assert 'href="/portal/manage/administrators/new/' in page
    dialog = client.get(f"{LIST}new/").text
    for word in (
        "管理者登録",
        "ユーザ名",
        "名前",
        "Eメール",
        "権限設定",
        "設定URLメール送信",
        "システム管理者",
    ):
        assert word in dialog
    assert "全体管理者" not in dialog
    form = form_of()
    for _time in range(2):
        answer = change(client, f"{LIST}new/", customer_id, headers=FRAGMENT, **form)
        assert answer.json["redirect"].startswith(f"{LIST}#row-")
    new = found(app, "new-1")
    assert (new.account_id, new.full_name, new.level) == (customer_id, "新任 一郎", AdminLevel.SYSTEM)
    assert mail_count(app, MailKind.ADMINISTRATOR_REGISTERED, new.email) == 1
    assert mail_count(app, MailKind.PASSWORD_LINK, new.email) == 1
    page = client.get(LIST).text
    assert "管理者 new-1 を登録しました。" in page
    for word in ("パスワード未設定", "編集", "無効にする", "削除"):
        assert word in row_of(page, new.id)
    assert f'href="{LIST}{new.id}/password/"' in client.get(f"{LIST}{new.id}/edit/").text
    assert "ロック解除" not in row_of(page, new.id)


def test_a_typed_password_signs_in(app: Flask, client: FlaskClient, customer_id: int) -> None:
    typed = form_of(" ｎｅｗ-1 ", email="new-1@new.example.jp", password_way="typed")
    for password, repeated, words in (
        ("", "", "必須項目です。"),
        ("short", "short", "12文字以上"),
        (PASSWORD, "another long one", "パスワードが一致しません"),
        ("x" * 201, "x" * 201, "200文字以内"),
        ("new-1-1234567", "new-1-1234567", "ユーザ名、名前、Eメール、会社名、製品名だけで"),
    ):
        answer = change(client, f"{LIST}new/", customer_id, **typed, password=password, repeated=repeated)
        assert (answer.status_code, words in answer.text) == (422, True), words
        assert PASSWORD not in answer.text
        assert 'value="新任 一郎"' in answer.text
    answer = change(client, f"{LIST}new/", customer_id, **typed, password=PASSWORD, repeated=PASSWORD)
    assert answer.status_code == 303
    assert mail_count(app, MailKind.PASSWORD_LINK, "new-1@new.example.jp") == 0
    new_one = app.test_client()
    sent = change(new_one, "/login", 0, username="new-1", password=PASSWORD)
    assert sent.status_code == 303
    assert new_one.get(LIST).status_code == 200
    assert PASSWORD not in str(events(app, "administrator.created"))


@pytest.mark.parametrize(
    ("wrong", "status", "words"),
    [
        ({"user_name": "msp-a"}, 422, "このユーザ名は使用されています"),
        ({"user_name": "a@b"}, 422, "半角の英数字"),
        ({"user_name": "x\0y"}, 422, "半角の英数字"),
        ({"user_name": None}, 422, "必須項目です。"),
        ({"full_name": "　"}, 422, "必須項目です。"),
        ({"full_name": "x" * 101}, 422, "100文字以内"),
        ({"email": "msp-a@example.jp"}, 422, "このEメールはすでに使われています。"),
        ({"email": "a@b, evil@x"}, 422, "メールアドレスを1つだけ"),
        ({"level": "overall"}, 422, "一覧にある値から選んでください。"),
        ({"level": "root"}, 422, "一覧にある値から選んでください。"),
        ({"password_way": "none"}, 422, "一覧にある値から選んでください。"),
        ({"password_way": None}, 422, "必須項目です。"),
        ({"request_id": "1"}, 422, "この画面を開き直して"),
        ({"request_id": None}, 422, "この画面を開き直して"),
        ({"portal_account": "1"}, 409, ""),
        ({"csrf_token": ""}, 400, ""),
    ],
)
def test_a_registration_is_refused_at_its_field(
    app: Flask, client: FlaskClient, customer_id: int, wrong: dict[str, Any], status: int, words: str
) -> None:
    fields = form_of(**{"portal_account": str(customer_id), **wrong})
    account = fields.pop("portal_account")
    answer = change(client, f"{LIST}new/", account, **fields)
    assert (answer.status_code, words in answer.text) == (status, True)
    with app.app_context():
        assert db.session.scalar(select(Administrator.id).where(Administrator.email.like("%new.ex%"))) is None


def test_a_row_is_edited_and_a_second_form_sees_both_values(
    app: Flask, client: FlaskClient, customer_id: int
) -> None:
    person(app, customer_id, "new-1")
    new = found(app, "new-1")
    address = f"{LIST}{new.id}/edit/"
    assert "ユーザ名は変更できません。" in client.get(address).text
    values = {"full_name": "改名 太郎", "email": "new-1@example.jp", "level": "system"}
    hostile = {"user_name": "evil", "is_disabled": "1", "id": "1", "password_hash": "x"}
    answer = change(client, address, customer_id, version=str(new.version), **values, **hostile)
    assert (answer.status_code, answer.location) == (303, f"{LIST}#row-{new.id}")
    changed = found(app, "new-1")
    assert (changed.full_name, changed.is_disabled, changed.account_id) == ("改名 太郎", False, customer_id)
    late = change(client, address, customer_id, version=str(new.version), **{**values, "full_name": "別名"})
    assert late.status_code == 409
    for word in ("ほかの人がこの管理者を変更しました", "改名 太郎", "別名"):
        assert word in late.text
    answer = change(
        client, address, customer_id, version=str(changed.version), **{**values, "full_name": "別名"}
    )
    assert answer.status_code == 303
    (_first, second) = events(app, "administrator.updated")
    assert second == (
        customer_id,
        "msp-a",
        {"user_name": "new-1", "changes": {"full_name": ["改名 太郎", "別名"]}},
    )


def test_a_locked_administrator_is_unlocked_by_another(
    app: Flask, client: FlaskClient, customer_id: int, clock: MovableClock
) -> None:
    person(app, customer_id, "new-1")
    new = found(app, "new-1")
    set_person(app, "new-1", locked_until=clock.now() + dt.timedelta(minutes=15))
    row = row_of(client.get(LIST).text, new.id)
    assert "ロック中" in row
    assert f'formaction="{LIST}{new.id}/unlock/"' in row
    assert "ロックは解除されません" in client.get(f"{LIST}{new.id}/edit/").text
    values = {"full_name": "改名 太郎", "email": new.email, "level": "system", "version": str(new.version)}
    assert change(client, f"{LIST}{new.id}/edit/", customer_id, **values).status_code == 303
    after = found(app, "new-1")
    assert (after.is_disabled, after.locked_until is None) == (False, False)
    for message in ("のロックを解除しました。", "はロックされていません。"):
        assert change(client, f"{LIST}{new.id}/unlock/", customer_id).status_code == 303
        assert message in client.get(LIST).text
    assert found(app, "new-1").locked_until is None
    assert events(app, "administrator.unlocked") == [(customer_id, "msp-a", {"user_name": "new-1"})]
    assert client.get(f"{LIST}{new.id}/unlock/").status_code == 405


def test_a_row_is_disabled_enabled_and_deleted_after_a_question(
    app: Flask, client: FlaskClient, customer_id: int, sign_in: SignIn
) -> None:
    person(app, customer_id, "new-1")
    new = found(app, "new-1")
    other = app.test_client()
    sign_in(other, "new-1")
    for verb in ("disable", "delete"):
        assert "new-1" in client.get(f"{LIST}{new.id}/{verb}/").text
        refused = change(client, f"{LIST}{new.id}/{verb}/", customer_id, headers=FRAGMENT)
        assert (refused.status_code, "最後の管理者" in refused.text) == (422, True)
    person(app, customer_id, "new-2")
    assert other.get(LIST).status_code == 200
    assert change(client, f"{LIST}{new.id}/disable/", customer_id).status_code == 303
    assert other.get(LIST).status_code == 303
    page = client.get(LIST).text
    assert "無効" in row_of(page, new.id)
    assert "パスワード再設定" not in client.get(f"{LIST}{new.id}/edit/").text
    link = change(client, f"{LIST}{new.id}/password/", customer_id, request_id=str(uuid.uuid4()))
    assert (link.status_code, "先に「有効にする」" in link.text) == (409, True)
    assert change(client, f"{LIST}{new.id}/enable/", customer_id).status_code == 303
    sign_in(other, "new-1")
    assert other.get(LIST).status_code == 200
    assert "元に戻せません" in client.get(f"{LIST}{new.id}/delete/").text
    assert change(client, f"{LIST}{new.id}/delete/", customer_id).status_code == 303
    assert other.get(LIST).status_code == 303
    page = client.get(LIST).text
    assert row_of(page, new.id) == ""
    assert row_of(page, found(app, "new-2").id)
    for verb in ("edit", "delete", "disable", "enable", "password"):
        assert client.get(f"{LIST}{new.id}/{verb}/").status_code == 404
        assert change(client, f"{LIST}{new.id}/{verb}/", customer_id).status_code == 404
    again = form_of("new-1", email="free@new.example.jp")
    assert "使用されています" in change(client, f"{LIST}new/", customer_id, **again).text
    assert change(client, f"{LIST}new/", customer_id, **form_of("new-3", email="new-1@example.jp")).location


def test_a_new_link_is_sent_once_for_a_form(app: Flask, client: FlaskClient, customer_id: int) -> None:
    person(app, customer_id, "new-1")
    new = found(app, "new-1")
    address = f"{LIST}{new.id}/password/"
    assert "new-1@example.jp へパスワード設定の案内を送信します。" in client.get(address).text
    key = str(uuid.uuid4())
    for _time in range(2):
        answer = change(client, address, customer_id, request_id=key)
        assert (answer.status_code, answer.location) == (303, f"{LIST}#row-{new.id}")
    assert mail_count(app, MailKind.PASSWORD_LINK, "new-1@example.jp") == 1
    assert change(client, address, customer_id).status_code == 422
    assert change(client, address, customer_id, request_id="1").status_code == 422


def test_who_deletes_himself_is_warned_and_led_out(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    own = account_of(app, "customer-a")
    sign_in(client, "customer-a")
    me = found(app, "customer-a").id
    assert "ご自身" in row_of(client.get(LIST).text, me)
    assert "ロック解除" not in row_of(client.get(LIST).text, me)
    assert "ログアウトされます" in client.get(f"{LIST}{me}/delete/").text
    assert change(client, f"{LIST}{me}/delete/", own).status_code == 422
    person(app, own, "new-1")
    answer = change(client, f"{LIST}{me}/delete/", own, headers=FRAGMENT)
    assert answer.json == {"redirect": "/"}
    assert client.get("/").location == "/login"


def test_who_lowers_himself_below_the_portal_is_led_to_his_other_one(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    own = account_of(app, "msp-a")
    person(app, own, "boss-2", AdminLevel.OVERALL)
    sign_in(client, "boss-2")
    me = found(app, "boss-2")
    values = {"full_name": "x", "email": me.email, "level": "contract", "version": str(me.version)}
    assert change(client, f"{LIST}{me.id}/edit/", own, **values).location == "/"
    assert client.get("/").location == "/msp/"
    assert client.get(LIST).status_code == 403


def test_nobody_touches_a_level_above_his_own(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    own, boss = account_of(app, "msp-a"), found(app, "msp-a")
    sign_in(client, "system-a")
    page = client.get(LIST).text
    set_person(app, "msp-a", locked_until=app.extensions["clock"].now() + dt.timedelta(minutes=15))
    locked_row = row_of(client.get(LIST).text, boss.id)
    assert "ロック中" in locked_row
    for word in ("編集", "ロック解除", "無効にする", "削除"):
        assert word not in locked_row
    assert "編集" in row_of(page, found(app, "system-a").id)
    for verb in ("edit", "password", "disable", "enable", "delete"):
        assert client.get(f"{LIST}{boss.id}/{verb}/").status_code == 403
        assert change(client, f"{LIST}{boss.id}/{verb}/", own).status_code == 403
    assert change(client, f"{LIST}{boss.id}/unlock/", own).status_code == 403
    assert "全体管理者" not in client.get(f"{LIST}new/").text
    assert change(client, f"{LIST}new/", own, **form_of(level="overall")).status_code == 403
    me = found(app, "system-a")
    values = {"full_name": "x", "email": me.email, "level": "overall", "version": str(me.version)}
    assert change(client, f"{LIST}{me.id}/edit/", own, **values).status_code == 403
    assert found(app, "system-a").level is AdminLevel.SYSTEM


def test_support_people_and_operators_only_read(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    customer = account_of(app, "customer-a")
    with app.app_context(), transaction():
        support = db.session.execute(
            select(Administrator.account_id).where(Administrator.user_name == "support")
        ).scalar_one()
        db.session.get_one(Account, customer).support_account_id = support
    theirs = found(app, "customer-a").id
    for reader in ("support", "operator"):
        visitor = app.test_client()
        sign_in(visitor, reader)
        enter(visitor, customer)
        page = visitor.get(LIST).text
        assert "customer-a" in page
        assert "登録</a>" not in page
        assert "編集" not in row_of(page, theirs)
        assert visitor.get(f"{LIST}new/").status_code == 403
        assert change(visitor, f"{LIST}new/", customer, **form_of()).status_code == 403
        assert change(visitor, f"{LIST}{theirs}/delete/", customer).status_code == 403
    distributor = account_of(app, "distributor")
    sign_in(client, "operator")
    enter(client, distributor)
    answer = change(client, f"{LIST}new/", distributor, **form_of(level="overall"))
    assert answer.status_code == 303
    assert found(app, "new-1").account_id == distributor


def test_a_foreign_row_does_not_exist(app: Flask, client: FlaskClient, customer_id: int) -> None:
    foreign = found(app, "msp-b").id
    for row_id in (foreign, found(app, "customer-a").id, 10**18, 0):
        for verb in ("edit", "password", "disable", "enable", "delete"):
            assert client.get(f"{LIST}{row_id}/{verb}/").status_code == 404
            assert change(client, f"{LIST}{row_id}/{verb}/", customer_id).status_code == 404
        assert change(client, f"{LIST}{row_id}/unlock/", customer_id).status_code == 404
    for malformed in ("abc", "1'", "１", "+1", "1_0", "-1", "1" * 30):
        assert client.get(f"{LIST}{malformed}/edit/").status_code == 404


def test_a_suspended_customer_is_only_read(app: Flask, client: FlaskClient, customer_id: int) -> None:
    person(app, customer_id, "new-1")
    suspend(app, customer_id)
    page = client.get(LIST).text
    assert "new-1" in page
    assert "編集" not in row_of(page, found(app, "new-1").id)
    assert change(client, f"{LIST}new/", customer_id, **form_of()).status_code == 409
    assert change(client, f"{LIST}{found(app, 'new-1').id}/delete/", customer_id).status_code == 409


def test_a_hidden_menu_is_closed_to_the_customer_and_open_to_its_msp(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    customer = account_of(app, "customer-a")
    hide(app, customer, ["manage.administrators"])
    sign_in(client, "customer-a")
    assert client.get(LIST).status_code == 403
    assert change(client, f"{LIST}new/", customer, **form_of()).status_code == 403
    msp = app.test_client()
    sign_in(msp, "msp-a")
    enter(msp, customer)
    assert msp.get(LIST).status_code == 200
    contract = app.test_client()
    sign_in(contract, "contract-a")
    assert contract.get(LIST).status_code == 403
    assert app.test_client().get(LIST).status_code == 303


def test_the_list_is_searched_filtered_sorted_and_exported(
    app: Flask, client: FlaskClient, sign_in: SignIn, clock: MovableClock
) -> None:
    own = account_of(app, "msp-a")
    person(app, own, "zeta-1", AdminLevel.SYSTEM)
    set_person(app, "contract-a", locked_until=clock.now() + dt.timedelta(minutes=1))
    set_person(app, "system-a", is_disabled=True)
    sign_in(client, "msp-a")

    def names(query: str) -> list[str]:
        page = client.get(f"{LIST}?{query}").text
        body = page.partition("<tbody>")[2].partition("</tbody>")[0]
        return re.findall(r'class=" primary" data-label="[^"]*"><span class="clip" title="([^"]*)"', body)

    assert names("") == ["contract-a", "msp-a", "system-a", "zeta-1"]
    assert names("sort=level&desc=1") == ["zeta-1", "system-a", "msp-a", "contract-a"]
    assert names("sort=last_signed_in_at")[0] == "msp-a"
    assert names("state=locked") == ["contract-a"]
    assert names("state=disabled") == ["system-a"]
    assert names("state=no_password") == ["zeta-1"]
    assert names("level=overall") == ["msp-a"]
    assert names("search=さくら") == ["contract-a"]
    assert names("search=ＭＳＰ-Ａ") == ["msp-a"]
    assert client.get(f"{LIST}?state=gone").status_code == 400
    clock.instant = clock.now() + dt.timedelta(minutes=1)
    assert names("state=locked") == []
    header, *rows = csv_rows(client, f"{LIST}export/csv")
    assert header[:7] == ["ユーザ名", "名前", "Eメール", "権限設定", "状態", "最終ログイン", "登録日時"]
    assert [row[:5] for row in rows][:2] == [
        ["contract-a", "契約 さくら", "contract-a@example.jp", "契約管理者", "有効"],
        ["msp-a", "青木 一", "msp-a@example.jp", "全体管理者", "有効"],
    ]
    assert len(xlsx_rows(client, f"{LIST}export/xlsx")) == 5
