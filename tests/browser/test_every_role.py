"""Each sign-in of the demo sees exactly its menus and its rows; nothing on any page or dialog is out of order."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.matrix_pages import NOTHING_TO_DO, SIGN_INS, pages_by_role
from tests.support.portal_stack import PortalStack
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

CUSTOMERS, PENDING, ACCOUNTS, HISTORY = (
    "顧客アカウント一覧",
    "承認待ちアカウント一覧",
    "MSPアカウント一覧",
    "ポイント履歴",
)
RUNS = "月額利用料の実行"
APPROVALS, FOUR_EYES = "承認依頼", "二人承認"
RESELLER_MENUS = {
    *(CUSTOMERS, PENDING, HISTORY, RUNS, APPROVALS, FOUR_EYES),
    *("操作ログ", "画面プリセット", "メールの文面"),
}
MENUS = {
    "operator": RESELLER_MENUS | {ACCOUNTS, "料金", "稼働状況"},
    "distributor": RESELLER_MENUS | {ACCOUNTS},
    "msp-a": RESELLER_MENUS,
    "contract-a": RESELLER_MENUS,
    "support": {CUSTOMERS, HISTORY, "操作ログ"},
}
#: SQL over `accounts` of whose customers a role sees.
ROWS = {
    "operator": "true",
    "distributor": "privileged_msp_id = (SELECT account_id FROM administrators WHERE user_name = 'distributor')",
    "msp-a": "parent_id = (SELECT account_id FROM administrators WHERE user_name = 'msp-a')",
    "contract-a": "parent_id = (SELECT account_id FROM administrators WHERE user_name = 'contract-a')",
    "support": "support_account_id = (SELECT account_id FROM administrators WHERE user_name = 'support')",
}
RENAME_ONE_OF_MSP_A = """UPDATE accounts SET company_name = ? WHERE id = (
    SELECT min(customer.id) FROM accounts AS customer
    JOIN administrators AS msp ON msp.account_id = customer.parent_id WHERE msp.user_name = 'msp-a')"""
DIALOGS = (
    ("変更", "契約ユーザ数", "契約ユーザ数更新"),
    ("変更", "現在のポイント", "ポイント数更新"),
    ("変更", "契約日", "契約日更新"),
    ("設定", "解約予定日", "解約予定日設定"),
    ("編集", "操作", "基本情報更新"),
    ("解約", "操作", "解約"),
)


@pytest.mark.parametrize("user_name", MENUS)
def test_menus_and_rows(user_name: str, visit: Visit, portal: PortalStack) -> None:
    visitor = visit(user_name)
    side = visitor.page.get_by_role("navigation", name="メニュー")
    assert set(side.get_by_role("link").all_inner_texts()) == MENUS[user_name]
    for entry in MENUS[user_name] - {CUSTOMERS}:
        visitor.go(entry)
    visitor.go(CUSTOMERS)
    visitor.page.get_by_role("link", name="100", exact=True).click()
    expect(visitor.page.get_by_role("link", name="20", exact=True)).to_be_visible()
    numbers = {row["アカウント番号"] for row in visitor.texts()}
    assert numbers == expected_numbers(portal, ROWS[user_name])
    if user_name == "support":
        assert "操作" not in visitor.columns()
        changing = visitor.page.get_by_role("link", name="変更").or_(visitor.page.get_by_text("選択実行"))
        expect(changing).to_have_count(0)
        expect(visitor.page.get_by_role("link", name="登録", exact=True)).to_have_count(0)


@pytest.mark.parametrize("width", [390, 1280, 1366, 1440])
def test_the_widest_list_stays_inside_its_page(width: int, visit: Visit) -> None:
    page = visit("distributor", width=width).page
    expect(page.get_by_role("link", name=re.compile("^解約 ")).first).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator(".table-wrap.scrolls")).to_have_count(1 if width == 1280 else 0)


def test_a_long_name_stays_inside_its_page(visit: Visit, portal: PortalStack) -> None:
    name = "大" * 108 + "株式会社"
    with closing(sqlite3.connect(portal.database_path)) as database, database:
        database.execute(RENAME_ONE_OF_MSP_A, (name,))
    for width in (390, 1440):
        page = visit("msp-a", width=width).page
        page.goto(page.get_by_role("link", name=name, exact=True).get_attribute("href") or "")
        expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_all_rows_of_a_list_are_chosen_on_a_phone(visit: Visit) -> None:
    page = visit("msp-a", width=390).page
    page.get_by_role("checkbox", name="このページの行をすべて選択").check()
    chosen = page.get_by_role("checkbox", name=re.compile(" を選択$"), checked=True)
    expect(page.locator("#chosen")).to_have_text(f"{chosen.count()}件を選択中")
    assert chosen.count() > 1


def test_every_dialog_of_an_msp(visit: Visit) -> None:
    visitor = visit("msp-a")
    name = visitor.choosable()[0]
    for link, column, title in DIALOGS:
        look_at(visitor, name, link, column=column, title=title)
    visitor.page.get_by_role("link", name="登録", exact=True).click()
    expect(visitor.dialog.get_by_role("heading", name="基本情報登録")).to_be_visible()
    leave(visitor)
    for action, title in (("必要ポイントの補充", "ポイント数自動更新"), ("納品通知", "納品通知")):
        visitor.choose(name)
        visitor.run_on_chosen(action)
        expect(visitor.dialog.get_by_role("heading", name=title)).to_be_visible()
        leave(visitor)


def test_every_dialog_of_the_operator(visit: Visit) -> None:
    visitor = visit("operator")
    visitor.go(PENDING)
    waiting = visitor.page.get_by_role("row").filter(has_text="承認待ち").first
    name = waiting.get_by_role("cell").nth(visitor.columns().index("会社名")).inner_text().strip()
    for link in ("内容確認", "承認", "却下"):
        look_at(visitor, name, link, column="操作", title=link)
    visitor.go(ACCOUNTS)
    look_at(visitor, "MSP A株式会社", "変更", column="現在のポイント", title="ポイント数更新")
    look_at(visitor, "株式会社ディストリビュート", "変更", column="現在のポイント", title="ポイント発行")
    visitor.page.goto("/dev/mails/")
    expect(visitor.page.get_by_role("heading", name="送信メール", level=1)).to_be_visible()


@pytest.mark.parametrize("user_name", ["system-a", "customer-a"])
def test_who_has_no_msp_portal_is_told_so(user_name: str, visit: Visit) -> None:
    visitor = visit(user_name)
    expect(visitor.page).to_have_url("/portal/")
    expect(visitor.page.get_by_role("heading", name="顧客画面", level=1)).to_be_visible()
    side = visitor.page.get_by_role("navigation", name="メニュー")
    expect(side.get_by_role("link", name=CUSTOMERS)).to_have_count(0)
    expect(side.get_by_role("link", name="ユーザ一覧")).to_be_visible()
    visitor.announced_statuses = {403}
    visitor.page.goto("/msp/customers/")
    expect(visitor.page.get_by_text("403")).to_be_visible()
    expect(visitor.page.get_by_role("row")).to_have_count(0)


@pytest.mark.parametrize("by_everybody", [False, pytest.param(True, marks=pytest.mark.soak)])
def test_every_page_of_the_matrix(by_everybody: bool, visit: Visit, portal: PortalStack) -> None:
    opened: dict[str, list[str]] = {}
    for label, address in pages_by_role(portal, by_everybody=by_everybody):
        opened.setdefault(label, []).append(address)
    assert opened.keys() == SIGN_INS.keys()
    assert len({address for addresses in opened.values() for address in addresses}) > 50
    for label, addresses in opened.items():
        visitor = visit(SIGN_INS[label])
        # 403: the administrator who is named may stand above who asks, which the matrix' own people never do.
        visitor.announced_statuses = NOTHING_TO_DO | ({403} if by_everybody else set())
        for address in addresses:
            visitor.page.goto(address)
            visitor.wait_for_scripts()


def test_what_was_typed_stays_when_somebody_has_signed_out_in_another_tab(visit: Visit) -> None:
    visitor = visit("msp-a")
    visitor.page.goto("/msp/customers/")
    visitor.page.locator('a[data-dialog][href*="/users/"]').first.click()
    box = visitor.dialog.get_by_role("textbox", name="変更後 必須")
    box.fill("123")
    visitor.context.clear_cookies()
    visitor.announced_statuses = {400}
    for _time in range(2):
        visitor.press("変更", within=visitor.dialog)
        expect(visitor.dialog.get_by_role("alert")).to_have_count(1)
        expect(visitor.dialog).to_contain_text("ログインしていることを確認し")
        expect(box).to_have_value("123")


def test_sign_out_ends_the_session(visit: Visit) -> None:
    visitor, thief = visit("msp-a"), visit()
    thief.context.add_cookies([dict(cookie) for cookie in visitor.context.cookies()])  # type: ignore[misc]
    thief.page.goto("/msp/customers/")
    expect(thief.page.get_by_role("heading", name=CUSTOMERS, level=1)).to_be_visible()
    visitor.sign_out()
    visitor.told("ログアウトしました。")
    visitor.page.go_back()
    expect(visitor.page.get_by_role("heading", name="ログイン")).to_be_visible()
    expect(visitor.page.get_by_role("row")).to_have_count(0)
    thief.page.goto("/msp/customers/")
    expect(thief.page.get_by_role("heading", name="ログイン")).to_be_visible()


def test_english_is_one_click_away(visit: Visit) -> None:
    visitor = visit("msp-a")
    html = visitor.page.locator("html")
    expect(html).to_have_attribute("lang", "ja")
    visitor.page.get_by_role("button", name="English").last.click()
    expect(html).to_have_attribute("lang", "en")
    columns = visitor.columns()
    words = " ".join([visitor.page.get_by_role("heading", level=1).inner_text(), *columns])
    assert words.isascii(), words
    visitor.page.get_by_role("button", name="日本語").last.click()
    expect(html).to_have_attribute("lang", "ja")


def expected_numbers(portal: PortalStack, condition: str) -> set[str]:
    """Return the account numbers of the customers that are or were in service, read from the database."""
    statement = (
        "SELECT account_number FROM accounts WHERE account_type = 'customer'"
        f" AND status IN ('active', 'suspended', 'canceled') AND {condition}"
    )
    connection = sqlite3.connect(f"file:{portal.database_path}?mode=ro", uri=True)
    try:
        return {number for (number,) in connection.execute(statement)}
    finally:
        connection.close()


def look_at(visitor: Visitor, name: str, link: str, *, column: str, title: str) -> None:
    """Open a dialog of a row and leave it by Esc."""
    visitor.open_dialog(name, link, column=column, title=title)
    leave(visitor)


def leave(visitor: Visitor) -> None:
    """Leave the open dialog by Esc."""
    visitor.page.keyboard.press("Escape")
    visitor.wait_until_closed()
