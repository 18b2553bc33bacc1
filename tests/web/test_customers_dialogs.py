"""The dialogs of 顧客アカウント一覧 that register and change: done, refused with the words at the field, kept."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from domain.lifecycle import AccountStatus
from models import Account, PointBalance, db
from tests.support.databases import MovableClock
from tests.web.browser_session import csrf_token_of
from tests.web.customer_screens import LIST, PROFILE, Screens, field_value, hidden_fields, text_of

DIALOGS = ("edit", "users", "points", "contract-date", "schedule", "cancel")
TITLES = {
    "edit": "基本情報更新",
    "users": "契約ユーザ数更新",
    "points": "ポイント数更新",
    "contract-date": "契約日更新",
    "schedule": "解約予定日設定",
    "cancel": "解約",
}


@pytest.mark.parametrize("dialog", DIALOGS)
def test_each_dialog_is_a_page_and_a_fragment(screens: Screens, dialog: str) -> None:
    address = f"{screens.plain_id()}/{dialog}/"
    page = screens.get(address)
    assert page.status_code == 200
    assert f'id="dialog-title">{TITLES[dialog]}</h1>' in page.text
    fragment = screens.get(address, headers={"X-Fragment": "1"})
    assert f'id="dialog-title">{TITLES[dialog]}</h2>' in fragment.text
    assert "<html" not in fragment.text


@pytest.mark.parametrize("dialog", DIALOGS)
def test_rows_of_others_are_not_there(screens: Screens, dialog: str) -> None:
    for account_id in (screens.foreign_id(), 2**62):
        assert screens.get(f"{account_id}/{dialog}/").status_code == 404
        assert screens.post(f"{account_id}/{dialog}/").status_code == 404
    for odd in ("abc", "1'", "1e0", "1,2", "１", "+1", "1_0", "0", "-1", "1" * 30):
        assert screens.get(f"{odd}/{dialog}/").status_code == 404


@pytest.mark.parametrize("dialog", DIALOGS)
def test_canceled_account_takes_no_change(screens: Screens, dialog: str) -> None:
    answer = screens.get(f"{screens.canceled_id()}/{dialog}/")
    assert answer.status_code == 409
    assert "変更できません" in answer.text


@pytest.mark.parametrize("dialog", [*(f"{{id}}/{name}/" for name in DIALOGS), "{id}/lift/", "new/"])
def test_support_may_change_nothing(
    app: Flask, client: FlaskClient, sign_in: Callable[..., object], dialog: str
) -> None:
    sign_in(client, "support")
    with app.app_context():
        support = db.session.query(Account).filter_by(account_type="support").order_by(Account.id).first()
        assert support is not None
        row = db.session.query(Account).filter_by(support_account_id=support.id, status="active").first()
        assert row is not None
        address = LIST + dialog.format(id=row.id)
    assert client.post(address, data={"csrf_token": csrf_token_of(client)}).status_code == 403
    assert client.get(address).status_code in (403, 405)


def test_registered_account_waits_for_approval(screens: Screens) -> None:
    answer = screens.sent(
        "new/", **PROFILE, contract_user_count="２０", parent_id="1", status="active", id="9"
    )
    assert answer.status_code == 303
    [account_id] = screens.ids(Account.company_name == PROFILE["company_name"])
    account = screens.account(account_id)
    assert account.status is AccountStatus.PENDING_APPROVAL
    assert (account.phone_number, account.postal_code) == ("03-1234-5678", "100-0001")
    assert account.contract_user_count == 20
    assert "承認待ちアカウント一覧" in screens.get("").text


def test_distributor_chooses_the_msp(app: Flask, client: FlaskClient, sign_in: Callable[..., object]) -> None:
    sign_in(client, "distributor")
    screens = Screens(app, client, csrf_token_of(client))
    page = screens.get("new/").text
    assert "申請元 (MSP)" in page
    choices = dict(re.findall(r'<option[^>]*value="(\d+)">(MSP [AB]株式会社)', page))
    chosen = next(value for value, name in choices.items() if name.startswith("MSP B"))
    assert screens.sent("new/", **PROFILE, contract_user_count="5", parent_id=chosen).status_code == 303
    assert len(screens.ids(Account.company_name == PROFILE["company_name"], parent="MSP B株式会社")) == 1
    refused = screens.sent("new/", **PROFILE, contract_user_count="5", parent_id="999999")
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("company_name", ""),
        ("company_name", "　 　"),
        ("company_name", "あ" * 121),
        ("company_name", "会\u0000社"),
        ("company_name", "会\u202e社"),
        ("phone_number", "03-CALL-NOW"),
        ("phone_number", "0-3-1-2-3-4-5-6-7-8-9"),
        ("postal_code", "100-00A1"),
        ("prefecture", "東京"),
        ("industry", "なにか"),
        ("website_url", "javascript:alert(1)"),
        ("contact_email", "a@b.example, evil@x.example"),
        ("contact_email", "a@b.example\r\nBcc: x@y.example"),
        ("contact_email", "<a@b.example> <c@d.example>"),
        ("contact_email", "a" * 300 + "@b.example"),
        ("reseller_contact_email", "a;b"),
        ("contract_user_count", "0"),
        ("contract_user_count", "1000001"),
        ("contract_user_count", "1,000"),
        ("contract_user_count", "1e3"),
        ("contract_user_count", "٣"),
        ("contract_user_count", "9" * 5000),
    ],
)
def test_refused_field_keeps_what_was_typed(screens: Screens, name: str, value: str) -> None:
    answer = screens.sent("new/", **{**PROFILE, "contract_user_count": "20", name: value})
    assert answer.status_code == 422
    assert f'id="{name}-error1"' in answer.text
    if name != "city":
        assert field_value(answer.text, "city") == PROFILE["city"]
    assert screens.ids(Account.company_name == PROFILE["company_name"]) == []


@pytest.mark.parametrize(
    "value", ["<script>alert(1)</script>", "{{7*7}}", "%s", "=1+1", "'; DROP TABLE", "𠮷髙㈱"]
)
def test_odd_names_are_stored_as_typed_and_shown_harmless(screens: Screens, value: str) -> None:
    account_id = screens.plain_id()
    answer = screens.sent(f"{account_id}/edit/", **{**PROFILE, "company_name": value})
    assert answer.status_code == 303
    assert screens.account(account_id).company_name == value
    assert "<script>alert" not in screens.get("?page_size=100").text


def test_edit_changes_profile_support_and_menus(screens: Screens) -> None:
    account_id = screens.plain_id()
    page = screens.get(f"{account_id}/edit/").text
    for word in ("基本情報", "販売店情報", "サポート", "画面のカスタマイズ", "非表示設定"):
        assert word in page
    assert len(re.findall(r'type="checkbox" name="visible_menu_keys"', page)) == 14
    support = re.findall(r'<option[^>]*value="(\d+)">\d{8} ', page)[0]
    fields = {
        **hidden_fields(page),
        **PROFILE,
        "support_account_id": support,
        "reseller_remark": "一行目\n二行目",
    }
    fields["visible_menu_keys"] = ["", "log", "auth"]
    answer = screens.post(
        f"{account_id}/edit/", fields, points="5", status="canceled", contract_user_count="999"
    )
    assert answer.status_code == 303
    assert answer.location == f"{LIST}#row-{account_id}"
    account = screens.account(account_id)
    assert account.company_name == PROFILE["company_name"]
    assert account.support_account_id == int(support)
    assert len(account.hidden_menu_keys) == 12
    assert account.reseller_remark == "一行目\n二行目"
    assert account.contract_user_count != 999
    assert account.status is AccountStatus.ACTIVE


def test_edit_without_the_boxes_keeps_the_menus(screens: Screens) -> None:
    account_id = screens.plain_id()
    before = screens.account(account_id).hidden_menu_keys
    fields = hidden_fields(screens.get(f"{account_id}/edit/").text)
    del fields["visible_menu_keys"]
    assert screens.post(f"{account_id}/edit/", {**fields, **PROFILE}).status_code == 303
    assert screens.account(account_id).hidden_menu_keys == before


def test_edit_over_someone_elses_change_shows_both_values(screens: Screens) -> None:
    account_id = screens.plain_id()
    opened = hidden_fields(screens.get(f"{account_id}/edit/").text)
    assert screens.sent(f"{account_id}/edit/", **{**PROFILE, "city": "港区"}).status_code == 303
    late = screens.post(f"{account_id}/edit/", {**opened, **PROFILE, "city": "中央区"})
    assert late.status_code == 409
    conflicts = text_of(late.text[late.text.index("conflicts") : late.text.index("</table>")])
    assert "市区町村 港区 中央区" in conflicts
    assert screens.account(account_id).city == "港区"
    again = screens.post(f"{account_id}/edit/", {**hidden_fields(late.text), **PROFILE, "city": "中央区"})
    assert again.status_code == 303
    assert screens.account(account_id).city == "中央区"


def test_edit_refuses_what_is_not_in_the_lists(screens: Screens) -> None:
    account_id = screens.plain_id()
    for name, value in (("support_account_id", str(account_id)), ("visible_menu_keys", "users")):
        answer = screens.sent(f"{account_id}/edit/", **{**PROFILE, name: value})
        assert answer.status_code == 422, name
        assert "一覧にある値から選んでください" in answer.text


def test_contracted_users_change_from_now_on(screens: Screens) -> None:
    account_id = screens.plain_id()
    old = screens.account(account_id).contract_user_count
    page = text_of(screens.get(f"{account_id}/users/").text)
    assert f"現在 {old:,}" in page
    assert "次回 2026/11/25 の月額利用料" in page
    answer = screens.sent(f"{account_id}/users/", contract_user_count="　１２３ ", points="9")
    assert answer.status_code == 303
    assert screens.account(account_id).contract_user_count == 123
    name = screens.account(account_id).company_name
    assert f"{name} の契約ユーザ数を {old:,} から 123 に変更しました。" in text_of(screens.get("").text)


@pytest.mark.parametrize(
    "value", ["", "0", "-1", "1.5", "1e3", "1,000", "1_000", "+5", "٣", "²", "NaN", "2147483648", "9" * 5000]
)
def test_unusable_user_counts_name_the_range(screens: Screens, value: str) -> None:
    account_id = screens.plain_id()
    old = screens.account(account_id).contract_user_count
    answer = screens.sent(f"{account_id}/users/", contract_user_count=value)
    assert answer.status_code == 422
    assert "1から1,000,000まで" in answer.text
    assert field_value(answer.text, "contract_user_count") == value
    assert screens.account(account_id).contract_user_count == old


def test_users_that_somebody_else_has_changed_since_are_shown_before_they_are_overwritten(
    screens: Screens,
) -> None:
    account_id = screens.plain_id()
    old = screens.account(account_id).contract_user_count
    opened = hidden_fields(screens.get(f"{account_id}/users/").text)
    assert screens.sent(f"{account_id}/users/", contract_user_count="1240").status_code == 303
    late = screens.post(f"{account_id}/users/", {**opened, "contract_user_count": "1230"})
    assert late.status_code == 409
    assert f"契約ユーザ数が{old:,}から1,240に変わりました" in late.text
    assert "現在 1,240" in text_of(late.text)
    assert field_value(late.text, "contract_user_count") == "1230"
    assert screens.account(account_id).contract_user_count == 1240
    again = screens.post(f"{account_id}/users/", {**hidden_fields(late.text), "contract_user_count": "1230"})
    assert again.status_code == 303
    assert screens.account(account_id).contract_user_count == 1230


def test_users_that_are_sent_twice_change_once(screens: Screens) -> None:
    account_id = screens.plain_id()
    fields = {**hidden_fields(screens.get(f"{account_id}/users/").text), "contract_user_count": "123"}
    for _time in range(2):
        assert screens.post(f"{account_id}/users/", fields).status_code == 303
    assert screens.account(account_id).contract_user_count == 123


@pytest.mark.parametrize("shown", ["", "²", "x"])
def test_form_whose_shown_value_cannot_be_read_is_shown_again(screens: Screens, shown: str) -> None:
    account_id = screens.plain_id()
    old = screens.account(account_id).contract_user_count
    sent = {"current_user_count": shown, "contract_user_count": "123"}
    answer = screens.post(f"{account_id}/users/", sent)
    assert answer.status_code == 422
    assert "この画面を開き直してから" in answer.text
    assert hidden_fields(answer.text)["current_user_count"] == str(old)
    assert screens.account(account_id).contract_user_count == old


def test_who_was_shown_nothing_overwrites_nothing_that_he_saw(screens: Screens) -> None:
    """A form that no page of ours made names no value, and none is compared."""
    account_id = screens.plain_id()
    assert screens.post(f"{account_id}/users/", contract_user_count="123").status_code == 303
    assert screens.account(account_id).contract_user_count == 123


def test_points_are_added_once(screens: Screens) -> None:
    account_id = screens.plain_id()
    payer_id = screens.account(account_id).parent_id
    before, stock = screens.balance(account_id), screens.balance(payer_id)
    fields = {
        **hidden_fields(screens.get(f"{account_id}/points/").text),
        "direction": "add",
        "points": "２０",
    }
    for _time in range(2):
        assert screens.post(f"{account_id}/points/", fields).status_code == 303
    assert screens.balance(account_id) == before + 20
    assert screens.balance(payer_id) == stock - 20
    changed = screens.post(f"{account_id}/points/", {**fields, "points": "21"})
    assert changed.status_code == 409
    assert screens.balance(account_id) == before + 20


def test_points_below_zero_need_a_remark(screens: Screens) -> None:
    account_id = screens.plain_id()
    payer_id = screens.account(account_id).parent_id
    before, stock = screens.balance(account_id), screens.balance(payer_id)
    more = str(before + 5)
    refused = screens.sent(f"{account_id}/points/", direction="take_back", points=more)
    assert refused.status_code == 422
    assert 'id="remark-error1"' in refused.text
    done = screens.sent(f"{account_id}/points/", direction="take_back", points=more, remark="返却の依頼")
    assert done.status_code == 303
    assert screens.balance(account_id) == -5
    assert screens.balance(payer_id) == stock + before


@pytest.mark.parametrize(
    "fields",
    [
        {"points": "5"},
        {"direction": ["add", "take_back"], "points": "5"},
        {"direction": "give", "points": "5"},
        {"direction": "add"},
        {"direction": "add", "points": "0"},
        {"direction": "add", "points": "-5"},
        {"direction": "add", "points": "2147483648"},
        {"direction": "add", "points": "1000000"},
        {"direction": "add", "points": "5", "request_id": ""},
        {"direction": "add", "points": "5", "request_id": "1"},
    ],
)
def test_unusable_movements_change_nothing(screens: Screens, fields: dict[str, Any]) -> None:
    account_id = screens.plain_id()
    before = screens.balance(account_id)
    answer = screens.sent(f"{account_id}/points/", **fields)
    assert answer.status_code == 422
    assert "field-error" in answer.text or "notice danger" in answer.text
    assert re.fullmatch(r"[0-9a-f-]{36}|1", hidden_fields(answer.text)["request_id"])
    assert screens.balance(account_id) == before


def test_too_few_points_are_told_with_how_many_are_missing(screens: Screens) -> None:
    account_id = screens.plain_id()
    stock = screens.balance(screens.account(account_id).parent_id)
    answer = screens.sent(f"{account_id}/points/", direction="add", points=str(stock + 7))
    assert answer.status_code == 422
    assert "7ポイント不足" in answer.text
    assert "ディストリビュータからポイントをご購入ください" in answer.text


def test_contract_date_changes(screens: Screens) -> None:
    account_id = screens.plain_id()
    assert screens.sent(f"{account_id}/contract-date/", contract_date="2026-11-01").status_code == 303
    assert screens.account(account_id).contract_date == dt.date(2026, 11, 1)


def test_contract_date_that_somebody_else_has_changed_since_is_shown_before_it_is_overwritten(
    screens: Screens,
) -> None:
    account_id = screens.plain_id()
    opened = hidden_fields(screens.get(f"{account_id}/contract-date/").text)
    assert screens.sent(f"{account_id}/contract-date/", contract_date="2026-11-01").status_code == 303
    late = screens.post(f"{account_id}/contract-date/", {**opened, "contract_date": "2026-11-02"})
    assert late.status_code == 409
    assert re.search(r"契約日が[0-9/]{10}から2026/11/01に変わりました", late.text)
    assert field_value(late.text, "contract_date") == "2026-11-02"
    assert screens.account(account_id).contract_date == dt.date(2026, 11, 1)
    fields = {**hidden_fields(late.text), "contract_date": "2026-11-02"}
    assert screens.post(f"{account_id}/contract-date/", fields).status_code == 303
    assert screens.account(account_id).contract_date == dt.date(2026, 11, 2)


@pytest.mark.parametrize(
    "value",
    ["", "2026-02-29", "2026-13-01", "0001-01-01", "9999-12-31", "2026-11-01T00:00", "2026-11-21", "abc"],
)
def test_unusable_contract_dates_are_refused(screens: Screens, value: str) -> None:
    account_id = screens.plain_id()
    old = screens.account(account_id).contract_date
    answer = screens.sent(f"{account_id}/contract-date/", contract_date=value)
    assert answer.status_code == 422
    assert 'id="contract_date-error1"' in answer.text
    if value == "2026-11-21":
        assert "契約日は2000/01/01から2026/11/20までの日付で" in answer.text
    assert screens.account(account_id).contract_date == old


def test_nothing_moves_while_a_cancellation_is_under_way(
    screens: Screens, clock: MovableClock, sign_in: Callable[..., object]
) -> None:
    account_id = screens.ids(
        Account.cancellation_date == dt.date(2026, 11, 24), PointBalance.point_balance > 0
    )[0]
    clock.instant = dt.datetime(2026, 11, 24, 1, 0, tzinfo=dt.UTC)
    sign_in(screens.client, "msp-a")
    screens.token = csrf_token_of(screens.client)
    answer = screens.post(f"{account_id}/users/", contract_user_count="99", current_user_count="1")
    assert answer.status_code == 409
    assert "解約処理中" in answer.text
    assert "解約処理中" in screens.get("?page_size=100").text


def test_form_without_token_is_refused(screens: Screens) -> None:
    account_id = screens.plain_id()
    answer = screens.client.post(f"{LIST}{account_id}/users/", data={"contract_user_count": "5"})
    assert answer.status_code == 400
    answer = screens.client.post(f"{LIST}{account_id}/users/", json={"contract_user_count": 5})
    assert answer.status_code == 400


def test_fragment_answers_with_the_address_to_go_to(screens: Screens) -> None:
    account_id = screens.plain_id()
    here = f"{LIST}?short=1"
    answer = screens.client.post(
        f"{LIST}{account_id}/users/",
        data={
            **hidden_fields(screens.get(f"{account_id}/users/").text),
            "contract_user_count": "50",
            "next": here,
        },
        headers={"X-Fragment": "1"},
    )
    assert answer.json == {"redirect": f"{here}#row-{account_id}"}
