"""ユーザ一覧: the list, one user's dialogs, 選択実行, who may, the cap."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from domain.lifecycle import AccountStatus
from tests.portal.portal_visitor import customer_of, enter, send, suspend
from tests.portal.user_screens import LIST, UserScreens, row_ids, screens_of_customer, set_contract
from tests.web.account_rows import csv_rows, customers_of, xlsx_rows
from tests.web.browser_session import csrf_token_of
from tests.web.customer_screens import chosen, field_value, hidden_fields, text_of

SignIn = Callable[[FlaskClient, str], None]
ADDRESSES = ("new/", "{id}/edit/", "{id}/disable/", "{id}/enable/", "{id}/delete/", "import/")
POSTS = (*ADDRESSES, "action/", "bulk/disable/", "bulk/enable/", "import/run/")
NEW = {"user_name": "new", "full_name": "新人"}


@pytest.fixture
def screens(app: Flask, client: FlaskClient, sign_in: SignIn) -> UserScreens:
    sign_in(client, "customer-a")
    return screens_of_customer(app, client)


def test_the_list_counts_searches_filters_sorts_and_exports(screens: UserScreens) -> None:
    words = screens.words()
    assert "登録ユーザ数 8 / 契約ユーザ数 30 (残り 22)" in words
    assert row_ids(screens.get().text) == screens.ids()
    # Another shape of the same kanji, half-width kana, the department and the e-mail find as well.
    for typed in ("高橋", "TAKAHASHI", "takahashi.makoto@"):
        assert len(row_ids(screens.get(f"?search={typed}").text)) == 1
    assert row_ids(screens.get("?search=nobody%25").text) == []
    disabled = [user.id for user in screens.users().values() if user.is_disabled]
    assert row_ids(screens.get("?state=disabled").text) == disabled
    assert len(row_ids(screens.get("?state=enabled").text)) == 8 - len(disabled)
    for name in ("user_name", "full_name", "email", "department", "state", "created_at", "updated_at"):
        descending = row_ids(screens.get(f"?sort={name}&desc=1").text)
        assert sorted(descending) == sorted(screens.ids())
    assert screens.get("?state=x&page=-1&page_size=7&sort=password").status_code == 400
    rows = csv_rows(screens.client, f"{LIST}export/csv?state=enabled")
    header = ["ユーザ名", "名前", "Eメール", "部署", "状態", "登録日時", "更新日時", "v1"]
    assert rows[0] == header
    assert [row[4] for row in rows[1:]] == ["有効"] * (8 - len(disabled))
    assert xlsx_rows(screens.client, f"{LIST}export/xlsx")[0] == tuple(header)


def test_a_user_is_registered_changed_disabled_and_deleted(screens: UserScreens) -> None:
    assert "ユーザ登録" in screens.words("new/")
    answer = screens.post("new/", user_name=" Ｎｅｗ+1@X ", full_name="髙橋 ㈱", email="", department="総務")
    user = screens.users()["new+1@x"]
    assert (answer.status_code, answer.location) == (303, f"{LIST}#row-{user.id}")
    assert (user.full_name, user.email, user.department, user.is_disabled) == ("髙橋 ㈱", None, "総務", False)
    assert "登録ユーザ数 9" in screens.words()

    edit = f"{user.id}/edit/"
    page = screens.get(edit).text
    assert field_value(page, "full_name") == "髙橋 ㈱"
    fields = {"version": "1", "full_name": "高橋", "email": "a@example.jp", "user_name": "other"}
    assert screens.post(edit, **fields).status_code == 303
    stale = screens.post(edit, **{**fields, "full_name": "別人"})
    assert stale.status_code == 409
    assert "ほかの人がこのユーザを変更しました" in text_of(stale.text)
    assert hidden_fields(stale.text)["version"] == "2"
    after = screens.users()["new+1@x"]
    assert (after.full_name, after.email, after.version) == ("高橋", "a@example.jp", 2)
    # A field that was not sent keeps its value.
    assert after.department == "総務"

    for action, is_disabled in (("disable", True), ("disable", True), ("enable", False)):
        assert "このユーザを" in screens.words(f"{user.id}/{action}/")
        assert screens.post(f"{user.id}/{action}/").status_code == 303
        assert screens.users()["new+1@x"].is_disabled is is_disabled
    assert "元に戻せません" in screens.words(f"{user.id}/delete/")
    assert screens.post(f"{user.id}/delete/").status_code == 303
    assert screens.post(f"{user.id}/delete/").status_code == 404
    assert "new+1@x" not in screens.users()
    told = [
        len(screens.events(f"service_user.{verb}"))
        for verb in ("registered", "updated", "disabled", "enabled", "deleted")
    ]
    assert told == [1] * 5
    assert screens.events("service_user.registered")[0][:2] == (screens.account_id, "customer-a")


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("user_name", "太郎", "半角の英数字と . _ - @ +"),
        ("user_name", "a" * 101, "半角の英数字と . _ - @ +"),
        ("user_name", "a\0", "半角の英数字と . _ - @ +"),
        ("user_name", "sato.kenichi", "すでに登録されています"),
        ("user_name", "SATO.KENICHI", "すでに登録されています"),
        ("user_name", "", "必須項目です"),
        ("full_name", "\u3000", "必須項目です"),
        ("full_name", "a\u202eb", "使用できない文字"),
        ("full_name", "あ" * 101, "100文字以内"),
        ("department", "あ" * 101, "100文字以内"),
        ("email", "a@b, evil@x", "メールアドレスを1つだけ"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(screens: UserScreens, name: str, typed: str, words: str) -> None:
    answer = screens.post("new/", **{**NEW, name: typed})
    assert answer.status_code == 422
    assert words in text_of(answer.text)
    assert f'id="{name}-error1"' in answer.text
    assert len(screens.users()) == 8


def test_the_cap_is_said_and_held(screens: UserScreens) -> None:
    set_contract(screens, 8)
    assert "(残り 0)" in screens.words()
    page = screens.words("new/")
    assert "契約ユーザ数 8 に対して、8人のユーザが登録されています" in page
    assert "ご契約のMSPにご依頼ください" in page
    answer = screens.post("new/", **NEW)
    assert answer.status_code == 422
    assert "契約ユーザ数 8 に対して、8人のユーザが登録されている" in text_of(answer.text)


def test_the_contract_does_not_fall_below_the_registered(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "msp-a")
    screens = screens_of_customer(app, client)
    address = f"/msp/customers/{screens.account_id}/users/"
    refused = send(client, address, contract_user_count="7")
    assert refused.status_code == 422
    assert "8人のユーザが登録されているため" in text_of(refused.text)
    assert 'id="contract_user_count-error1"' in refused.text
    assert send(client, address, contract_user_count="8").status_code == 303


def test_chosen_users_are_disabled_and_enabled_after_a_preview(screens: UserScreens) -> None:
    ids, disabled = screens.ids(), [user.id for user in screens.users().values() if user.is_disabled]
    page = screens.post("action/", action="disable", rowid=[str(key) for key in ids])
    assert page.status_code == 200
    assert f"選択した8人のうち{8 - len(disabled)}人のユーザを無効にします" in text_of(page.text)
    assert f"{len(disabled)}人のユーザは、すでに無効です" in text_of(page.text)
    assert chosen(page.text) == [str(key) for key in ids]
    assert screens.post("bulk/disable/", rowid=chosen(page.text)).status_code == 303
    assert all(user.is_disabled for user in screens.users().values())
    assert f"{8 - len(disabled)}人のユーザを無効にしました" in screens.words()
    # All that match a search, not one more.
    page = screens.post("action/", action="enable", select_all="1", list_args="search=営業部")
    sales = [user.id for user in screens.users().values() if user.department == "営業部"]
    assert sorted(chosen(page.text)) == sorted(map(str, sales))
    assert screens.post("bulk/enable/", rowid=chosen(page.text)).status_code == 303
    assert {user.id for user in screens.users().values() if not user.is_disabled} == set(sales)


def test_a_choice_with_a_wrong_row_is_refused_whole(screens: UserScreens) -> None:
    with screens.app.app_context():
        foreign = next(iter(screens.users(customer_of(screens.app)).values())).id
    before = {name: user.version for name, user in screens.users().items()}
    own = str(screens.ids()[0])
    for wrong, status in ((str(foreign), 404), ("999999", 404), ("9" * 30, 400), ("１", 400), ("1'", 400)):
        for address in ("action/", "bulk/disable/"):
            answer = screens.post(address, action="disable", rowid=[own, wrong])
            assert answer.status_code == status, (wrong, address)
    assert screens.post("action/", action="disable").status_code == 422
    assert screens.post("bulk/disable/").status_code == 422
    assert screens.post("action/", action="drop", rowid=[own]).status_code == 400
    assert screens.post("action/", action="disable", select_all="1", list_args="id=1").status_code == 400
    for address in ("edit", "disable", "enable", "delete"):
        for key in (foreign, 999_999, "9" * 30, "0", "abc"):
            assert screens.get(f"{key}/{address}/").status_code == 404
            assert screens.post(f"{key}/{address}/", version="1", full_name="x").status_code == 404
    assert {name: user.version for name, user in screens.users().items()} == before


@pytest.mark.parametrize("user_name", ["msp-a", "distributor", "system-a", "support"])
def test_who_may_enter_with_the_right_works_for_the_customer(
    app: Flask, client: FlaskClient, sign_in: SignIn, user_name: str
) -> None:
    sign_in(client, user_name)
    screens = screens_of_customer(app, client)
    enter(client, screens.account_id)
    assert ">登録<" in screens.get().text.replace("</svg>", ">")
    assert screens.post("new/", **NEW).status_code == 303
    assert screens.events("service_user.registered")[0][:2] == (screens.account_id, user_name)


def test_who_only_reads_finds_no_button_and_no_address(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "operator")
    screens = screens_of_customer(app, client)
    enter(client, screens.account_id)
    assert_read_only(screens, 403)
    suspended = customers_of(app, "msp-a", AccountStatus.SUSPENDED)[0]
    sign_in(client, "msp-a")
    enter(client, suspended)
    assert_read_only(UserScreens(app, client, suspended), 409)
    canceled = customers_of(app, "msp-b", AccountStatus.CANCELED)[0]
    sign_in(client, "distributor")
    enter(client, canceled)
    assert_read_only(UserScreens(app, client, canceled), 409)


def assert_read_only(screens: UserScreens, status: int) -> None:
    """The list is there without a way to change it."""
    page = screens.get()
    assert page.status_code == 200
    for word in ("選択実行", "CSVインポート", "編集", "/new/"):
        assert word not in page.text
    key = next(iter(screens.ids()), 1)
    before = screens.users().keys()
    for address in ADDRESSES:
        assert screens.get(address.format(id=key)).status_code == status, address
    for address in POSTS:
        fields = {**NEW, "version": "1", "rowid": str(key), "action": "disable"}
        assert screens.post(address.format(id=key), **fields).status_code == status, address
    assert screens.users().keys() == before


def test_a_form_opened_before_a_suspension_is_refused_with_words(screens: UserScreens) -> None:
    suspend(screens.app, screens.account_id)
    assert screens.post("new/", **NEW).status_code == 409
    assert "new" not in screens.users()


def test_only_people_of_the_portal_come_in_and_only_with_its_forms(
    app: Flask, client: FlaskClient, sign_in: SignIn, screens: UserScreens
) -> None:
    token = csrf_token_of(client)
    assert client.post(f"{LIST}new/", data={**NEW, "csrf_token": token}).status_code == 409
    portal = {"portal_account": str(screens.account_id)}
    assert client.post(f"{LIST}new/", data={**NEW, **portal}).status_code == 400
    foreign = customer_of(app)
    assert send(client, f"{LIST}new/", **NEW, portal_account=str(foreign)).status_code == 409
    sign_in(client, "contract-a")
    assert client.get(LIST).status_code == 403
    client.get("/logout")
    assert app.test_client().get(LIST).status_code in (302, 303)
    assert len(screens.users()) == 8
