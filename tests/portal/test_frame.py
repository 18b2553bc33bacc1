"""The frame of the customer portal: whose it is, its menu, the way from portal to portal, the language."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from domain.lifecycle import AccountStatus
from domain.portal_menus import HIDEABLE_KEYS
from tests.portal.portal_visitor import (
    banner,
    change,
    customer_of,
    enter,
    events,
    header,
    hide,
    menu,
    person,
    set_account,
    suspend,
)
from tests.web.account_rows import account_of, account_values, customers_of
from tests.web.browser_session import send

SignIn = Callable[[FlaskClient, str], None]
#: Menu entry → (address, the keys of which one hides it). Source: docs/rules.md R21.
TREE: dict[str, tuple[str, tuple[str, ...]]] = {
    "RADIUS認証ログ": ("/portal/log/radius/", ("log", "log.radius")),
    "SSO認証ログ": ("/portal/log/sso/", ("log", "log.sso")),
    "操作ログ": ("/portal/log/operations/", ()),
    "ユーザ一覧": ("/portal/users/", ()),
    "グループ一覧": ("/portal/groups/", ()),
    "LDAP": ("/portal/auth/ldap/", ("auth", "auth.ldap")),
    "RADIUS": ("/portal/auth/radius/", ("auth", "auth.radius")),
    "証明書": ("/portal/auth/certificates/", ("auth", "auth.certificates")),
    "アプリ連携": ("/portal/apps/", ("apps",)),
    "セキュリティ診断": ("/portal/diagnosis/", ("diagnosis",)),
    "基本情報": ("/portal/manage/profile/", ()),
    "管理者": ("/portal/manage/administrators/", ("manage.administrators",)),
    "ネットワーク": ("/portal/manage/network/", ("manage.network",)),
    "詳細設定": ("/portal/manage/settings/", ("manage.settings",)),
    "サポート": ("/portal/support/", ("support",)),
    "導入のご相談": ("/portal/consultation/", ("consultation",)),
}
PLAIN_PAGES = [
    "/portal/log/radius/",
    "/portal/log/sso/",
    "/portal/groups/",
    "/portal/auth/ldap/",
    "/portal/auth/radius/",
    "/portal/auth/certificates/",
    "/portal/apps/",
    "/portal/diagnosis/",
    "/portal/manage/network/",
    "/portal/manage/settings/",
    "/portal/support/",
    "/portal/consultation/",
]


def test_the_whole_menu_with_its_pages(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "customer-a")
    page = client.get("/portal/").text
    assert menu(page) == list(TREE)
    for heading in ("ログ", "認証", "管理"):
        assert f">{heading}</p>" in page
    assert "管理者ポータル" in header(page)
    assert "MSP管理者ポータル" not in header(page)
    assert 'data-portal="customer"' in page
    assert "portal-customer.css" in page
    assert ">サポート</a>" in header(page)
    assert ">導入のご相談</a>" in header(page)
    # Neither another portal to switch to nor 管理画面, and nothing to be told of one's own portal.
    assert "管理画面" not in header(page)
    assert "顧客切り替え" not in page
    assert banner(page) == ""
    for name, (address, _keys) in TREE.items():
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert f'href="{address}" aria-current="page">{name}</a>' in answer.text
    for address in PLAIN_PAGES:
        assert "このポータルには含まれていません。" in client.get(address).text
        assert client.post(address).status_code in (400, 405)


def test_both_portals_are_told_apart_and_lead_to_each_other(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "msp-a")
    customer, msp = client.get("/portal/").text, client.get("/msp/customers/").text
    assert '<a href="/msp/">管理画面</a><a href="/portal/" aria-current="true">顧客画面</a>' in header(
        customer
    )
    assert '<a href="/msp/" aria-current="true">管理画面</a><a href="/portal/">顧客画面</a>' in header(msp)
    assert "data-portal" not in msp
    assert "portal-customer.css" not in msp
    assert "導入のご相談" not in msp
    assert "顧客切り替え" not in msp
    assert "顧客切り替え" in customer


@pytest.mark.parametrize("key", HIDEABLE_KEYS)
def test_hidden_menus_are_gone_and_closed(app: Flask, client: FlaskClient, sign_in: SignIn, key: str) -> None:
    hide(app, account_of(app, "customer-a"), [key])
    sign_in(client, "customer-a")
    page = client.get("/portal/").text
    gone = {name for name, (_address, keys) in TREE.items() if key in keys}
    assert menu(page) == [name for name in TREE if name not in gone]
    for name, label in (("support", "サポート"), ("consultation", "導入のご相談")):
        assert (f">{label}</a>" in header(page)) is (key != name)
    for address, keys in TREE.values():
        answer = client.get(address)
        assert answer.status_code == (403 if key in keys else 200), address
        if key in keys:
            assert "この画面を開く権限がありません" in answer.text
            assert 'class="side"' in answer.text
    # A heading without a line under it is gone; 操作ログ stays as the only one under its own.
    assert (">認証</p>" in page) is (key != "auth")
    assert ">ログ</p>" in page
    assert ">管理</p>" in page


def test_everything_hidden_leaves_what_is_never_hidden(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    hide(app, account_of(app, "customer-a"), [*HIDEABLE_KEYS, "users", "manage.profile"])
    sign_in(client, "customer-a")
    assert menu(client.get("/portal/").text) == ["操作ログ", "ユーザ一覧", "グループ一覧", "基本情報"]


@pytest.mark.parametrize(
    ("user_name", "is_open"),
    [("msp-a", True), ("distributor", True), ("operator", True), ("support", False), ("customer-a", False)],
)
def test_administrators_stay_open_to_those_who_register_the_first_one(
    app: Flask, client: FlaskClient, sign_in: SignIn, user_name: str, is_open: bool
) -> None:
    account_id = account_of(app, "customer-a")
    hide(app, account_id, ["manage.administrators", "apps"])
    set_account(app, account_id, support_account_id=account_of(app, "support"))
    sign_in(client, user_name)
    enter(client, account_id)
    page = client.get("/portal/manage/administrators/")
    assert page.status_code == (200 if is_open else 403)
    assert ("顧客には表示されていません" in banner(page.text)) is is_open
    assert ("管理者" in menu(client.get("/portal/").text)) is is_open
    assert client.get("/portal/apps/").status_code == 403
    assert "顧客には表示されていません" not in banner(client.get("/portal/").text)


def test_the_banner_says_whose_portal_and_leads_back(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    own, account_id = account_of(app, "msp-a"), account_of(app, "customer-a")
    (name,), (own_name,) = (account_values(app, found, "company_name") for found in (account_id, own))
    sign_in(client, "msp-a")
    assert banner(client.get("/portal/").text) == ""
    enter(client, account_id)
    for address in (
        "/portal/",
        "/portal/groups/",
        "/portal/manage/profile/",
        "/portal/switch/",
        "/portal/x/",
    ):
        words = banner(client.get(address).text)
        assert f"{name}の顧客画面を {own_name} の msp-a として表示しています。" in words, address
        assert "閲覧のみ" not in words
        assert "自社の顧客画面へ戻る" in words
    assert banner(client.get("/msp/customers/").text) == ""
    enter(client, own)
    assert banner(client.get("/portal/").text) == ""
    # Both sides' logs have it; one's own portal is nothing to write down.
    assert [(where, who) for where, who, _ in events(app, "portal.entered")] == [(account_id, "msp-a")]
    assert events(app, "portal.entered")[0][2]["from_company_name"] == own_name
    assert [(where, who) for where, who, _ in events(app, "portal.entered_other")] == [(own, "msp-a")]
    assert events(app, "portal.entered_other")[0][2]["company_name"] == name


def test_the_banner_says_what_is_not_open_and_why(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    account_id = account_of(app, "customer-a")
    set_account(app, account_id, support_account_id=account_of(app, "support"))
    sign_in(client, "operator")
    enter(client, account_id)
    assert "SingleIDの管理者は閲覧のみできます" in banner(client.get("/portal/").text)
    enter(client, account_of(app, "distributor"))
    assert "管理者の登録と変更のほかは閲覧のみ" in banner(client.get("/portal/").text)
    helper = app.test_client()
    sign_in(helper, "support")
    enter(helper, account_id)
    assert "ユーザ一覧と基本情報のほかは閲覧のみ" in banner(helper.get("/portal/").text)
    suspend(app, account_id)
    assert "一時停止中です" in banner(helper.get("/portal/").text)
    customer = app.test_client()
    sign_in(customer, "customer-a")
    words = banner(customer.get("/portal/").text)
    assert "一時停止中です。閲覧のみできます。" in words
    assert "として表示" not in words
    canceled = customers_of(app, "msp-a", AccountStatus.CANCELED)[0]
    msp = app.test_client()
    sign_in(msp, "msp-a")
    enter(msp, canceled)
    assert "解約済です。閲覧のみできます。" in banner(msp.get("/portal/").text)


def test_the_first_page_offers_changes_only_to_those_who_may_make_them(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    account_id = account_of(app, "customer-a")
    set_account(app, account_id, support_account_id=account_of(app, "support"))
    users, people, profile = "SingleIDユーザの", "管理者の", "会社名や担当者の確認"
    customer = app.test_client()
    sign_in(customer, "customer-a")
    words = customer.get("/portal/").text
    for task in (f"{users}登録と変更", f"{people}登録と変更", f"{profile}と変更"):
        assert task in words
    for user_name, offered in (("operator", [False] * 3), ("support", [True, False, True])):
        visitor = app.test_client()
        sign_in(visitor, user_name)
        enter(visitor, account_id)
        home = visitor.get("/portal/").text.partition("この画面でできること")[2]
        found = [f"{users}登録と変更" in home, f"{people}登録と変更" in home, f"{profile}と変更" in home]
        assert found == offered
        assert (f"{users}確認" in home, f"{people}確認" in home) == (not offered[0], True)
    suspend(app, account_id)
    assert "変更</span>" not in customer.get("/portal/").text


def test_the_switcher_finds_and_enters(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    account_id = customer_of(app)
    (name, number) = account_values(app, account_id, "company_name", "account_number")
    sign_in(client, "msp-a")
    assert "ほかにもあります" not in client.get("/portal/switch/").text
    found = client.get("/portal/switch/", query_string={"search": number}).text
    assert f'name="account_id" value="{account_id}"' in found
    assert name in found
    assert "ほかにもあります" not in found
    assert "一致するアカウントがありません" in client.get("/portal/switch/?search=nothing-like-it").text
    options = client.get("/portal/switch/", query_string={"search": number}, headers={"X-Fragment": "1"}).text
    assert options.count('role="option"') == 1
    assert f'data-account-id="{account_id}"' in options
    assert "<html" not in options
    above = app.test_client()
    sign_in(above, "distributor")
    first = above.get("/portal/switch/", headers={"X-Fragment": "1"}).text
    assert first.count('role="option"') == 20
    assert "ほかにもあります" in first
    everything = above.get("/portal/switch/").text
    assert everything.count("<tr>") == 21
    assert "ほかにもあります" in everything
    enter(client, account_id)
    assert 'class="switcher-now"' in client.get("/portal/").text
    foreign = account_values(app, customer_of(app, "msp-b"), "account_number")[0]
    assert "一致するアカウントがありません" in client.get(f"/portal/switch/?search={foreign}").text


@pytest.mark.parametrize(
    "search", ["\x00", "%", "_", "\\", "' OR 1=1 --", "x" * 5000, "a " * 150, "　", "\u202e"]
)
def test_the_switcher_survives_any_word(client: FlaskClient, sign_in: SignIn, search: str) -> None:
    sign_in(client, "msp-a")
    for headers in ({}, {"X-Fragment": "1"}):
        answer = client.get("/portal/switch/", query_string={"search": search}, headers=headers)
        assert answer.status_code == 200
        if search.strip() and search not in ("\u202e",):
            assert "一致するアカウントがありません" in answer.text


@pytest.mark.parametrize(
    "account_id", ["", "0", "-1", "abc", "1'", "１", "1e0", "9" * 25, str(2**63 - 1), "\x00"]
)
def test_no_other_portal_can_be_entered(client: FlaskClient, sign_in: SignIn, account_id: str) -> None:
    sign_in(client, "msp-a")
    assert send(client, "/portal/enter/", account_id=account_id).status_code == 404
    assert client.get("/portal/enter/").status_code == 405


def test_who_may_enter_whose(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    of_a, of_b = customer_of(app), customer_of(app, "msp-b")
    sign_in(client, "system-a")
    assert client.get("/").location == "/portal/"
    assert "管理画面" not in header(client.get("/portal/").text)
    assert client.get("/msp/customers/").status_code == 403
    enter(client, of_a)
    for foreign in (of_b, account_of(app, "distributor"), account_of(app, "operator")):
        assert send(client, "/portal/enter/", account_id=str(foreign)).status_code == 404
    contract = app.test_client()
    sign_in(contract, "contract-a")
    assert "顧客画面" not in header(contract.get("/msp/customers/").text)
    for address in ("/portal/", "/portal/switch/", "/portal/groups/", "/portal/manage/profile/"):
        assert contract.get(address).status_code == 403
    assert send(contract, "/portal/enter/", account_id=str(of_a)).status_code == 403
    customer = app.test_client()
    sign_in(customer, "customer-a")
    assert send(customer, "/portal/enter/", account_id=str(of_a)).status_code == 404
    assert customer.get("/portal/switch/").status_code == 200


def test_assigning_support_opens_and_unassigning_closes_at_once(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    account_id, desk = customer_of(app), account_of(app, "support")
    set_account(app, account_id, support_account_id=None)
    sign_in(client, "support")
    assert send(client, "/portal/enter/", account_id=str(account_id)).status_code == 404
    msp = app.test_client()
    sign_in(msp, "msp-a")
    _assign(app, msp, account_id, str(desk))
    enter(client, account_id)
    assert client.get("/portal/manage/profile/").status_code == 200
    form = _profile_form(app, account_id, company_name="株式会社割り当て外")
    _assign(app, msp, account_id, "")
    # A page that is open, its dialog's fragment, and a form that was typed meanwhile: all lead out.
    sent = change(client, "/portal/manage/profile/edit/", account_id, **form)
    assert (sent.status_code, sent.location) == (303, "/portal/")
    assert account_values(app, account_id, "company_name") != ("株式会社割り当て外",)
    again = client.get("/portal/")
    assert "この顧客の画面は、開けなくなりました" in again.text
    assert banner(again.text) == ""
    _assign(app, msp, account_id, str(desk))
    enter(client, account_id)
    _assign(app, msp, account_id, "")
    fragment = client.get("/portal/manage/profile/edit/", headers={"X-Fragment": "1"})
    assert fragment.json == {"redirect": "/portal/"}


def test_a_form_of_another_portal_is_refused(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    shown, entered = account_of(app, "customer-a"), customer_of(app)
    sign_in(client, "msp-a")
    enter(client, entered)
    form = _profile_form(app, shown, company_name="株式会社取り違え")
    answer = change(client, "/portal/manage/profile/edit/", shown, **form)
    assert answer.status_code == 409
    assert "顧客を切り替えた" in answer.text
    assert send(client, "/portal/manage/profile/edit/", **form).status_code == 409
    for account_id in (shown, entered):
        assert account_values(app, account_id, "company_name") != ("株式会社取り違え",)


def test_plain_pages_name_whom_to_turn_to(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    account_id = account_of(app, "customer-a")
    reseller = {
        "reseller_company_name": "販売店株式会社",
        "reseller_phone_number": "03-9999-0000",
        "reseller_contact_name": "販売 太郎",
        "reseller_contact_email": "sales@shop.example.jp",
        "reseller_remark": "社内向けの覚え書き",
    }
    set_account(app, account_id, support_account_id=account_of(app, "support"), **reseller)
    sign_in(client, "customer-a")
    page = client.get("/portal/support/").text
    (desk,) = account_values(app, account_of(app, "support"), "company_name")
    assert desk in page
    assert "社内向けの覚え書き" not in page
    assert all(words in page for name, words in reseller.items() if name != "reseller_remark")
    (msp,) = account_values(app, account_of(app, "msp-a"), "company_name")
    assert msp in client.get("/portal/consultation/").text
    set_account(app, account_id, support_account_id=None, **dict.fromkeys(reseller))
    assert "登録されていません" in client.get("/portal/support/").text
    operator = app.test_client()
    sign_in(operator, "operator")
    assert operator.get("/portal/support/").status_code == 200
    assert operator.get("/portal/consultation/").status_code == 200


def test_the_language_is_remembered_in_the_profile(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "msp-a")
    assert 'action="/lang/en"' in client.get("/msp/customers/").text
    referrer = {"Referer": "http://localhost/portal/groups/?x=1"}
    answer = send(client, "/lang/en", headers=referrer)
    assert (answer.status_code, answer.location) == (303, "/portal/groups/?x=1")
    assert '<html lang="en"' in client.get("/portal/").text
    assert send(client, "/lang/en").status_code == 303
    assert [(who, found) for _, who, found in events(app, "administrator.language_chosen")] == [
        ("msp-a", {"old_language": "ja", "new_language": "en"})
    ]
    elsewhere = app.test_client()
    sign_in(elsewhere, "msp-a")
    assert '<html lang="en"' in elsewhere.get("/portal/").text
    # Chosen back elsewhere: the profile holds, here too.
    send(elsewhere, "/lang/ja")
    assert '<html lang="ja"' in client.get("/portal/").text
    assert client.post("/lang/en").status_code == 400
    assert send(client, "/lang/fr").status_code == 404


def test_the_next_person_at_a_browser_reads_the_own_language(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    person(app, account_of(app, "customer-a"), "english-reader")
    other = app.test_client()
    sign_in(other, "english-reader")
    send(other, "/lang/en")
    # msp-a chose Japanese for good and, by the link, English for this browser.
    sign_in(client, "msp-a")
    send(client, "/lang/ja")
    client.get("/lang/en")
    assert '<html lang="en"' in client.get("/portal/").text
    sign_in(client, "msp-b")
    assert '<html lang="ja"' in client.get("/portal/").text
    sign_in(client, "english-reader")
    assert '<html lang="en"' in client.get("/portal/").text
    # What is chosen on the sign-in page counts for who signs in next, and for nobody after.
    send(client, "/logout")
    assert client.get("/lang/en").status_code == 303
    assert '<html lang="en"' in client.get("/login").text
    sign_in(client, "msp-b")
    assert '<html lang="en"' in client.get("/portal/").text
    sign_in(client, "distributor")
    assert '<html lang="ja"' in client.get("/portal/").text
    sign_in(client, "msp-b")
    assert '<html lang="en"' in client.get("/portal/").text


def test_without_a_sign_in_the_language_is_the_browsers(client: FlaskClient) -> None:
    answer = send(client, "/lang/en")
    assert answer.status_code == 303
    assert '<html lang="en"' in client.get("/login").text


def _assign(app: Flask, msp: FlaskClient, account_id: int, support_account_id: str) -> None:
    form = _profile_form(app, account_id)
    answer = send(msp, f"/msp/customers/{account_id}/edit/", support_account_id=support_account_id, **form)
    assert answer.status_code == 303


def _profile_form(app: Flask, account_id: int, **values: str) -> dict[str, str]:
    names = ("company_name", "phone_number", "postal_code", "prefecture", "city", "version")
    stored = dict(zip(names, account_values(app, account_id, *names), strict=True))
    return {name: str(value) for name, value in {**stored, **values}.items()}
