"""顧客切り替え in a real browser: a pull-down by keyboard and mouse, a page without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visit
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

LABEL = "顧客切り替え"
BACK = "自社の顧客画面へ戻る"


def open_portal(visitor: Visitor) -> Locator:
    """Go to 顧客画面 and return its pull-down."""
    visitor.page.get_by_role("link", name="顧客画面", exact=True).click()
    visitor.page.wait_for_url("**/portal/")
    visitor.wait_for_page()
    return visitor.page.get_by_role("combobox", name=LABEL)


def banner(visitor: Visitor) -> Locator:
    """Return the banner that says whose portal it is."""
    return visitor.page.get_by_role("complementary", name="表示中の顧客画面")


def test_the_pull_down_by_keyboard(visit: Visit) -> None:
    msp = visit("msp-a", width=1280)
    box = open_portal(msp)
    options, rows = msp.page.get_by_role("option"), msp.page.get_by_role("listbox", name=LABEL)
    expect(box).to_have_attribute("aria-expanded", "false")
    box.focus()
    expect(rows).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    assert 1 < options.count() <= 20
    name = options.nth(2).locator("span").first.inner_text()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp"):
        box.press(key)
    expect(options.nth(2)).to_have_attribute("aria-selected", "true")
    box.press("Escape")
    expect(rows).to_be_hidden()
    # What is typed is looked for on the server; the first match is marked, Enter takes it.
    box.press_sequentially(name)
    expect(options).to_have_count(1)
    expect(options.first).to_have_attribute("aria-selected", "true")
    box.press("Enter")
    expect(banner(msp)).to_contain_text(f"{name}の顧客画面を")
    msp.press(BACK)
    expect(banner(msp)).to_have_count(0)
    msp.wait_for_page()
    box.press_sequentially("nothing-like-it")
    expect(msp.page.get_by_text("一致するアカウントがありません。").first).to_be_visible()
    box.press("Enter")
    expect(msp.page).to_have_url(re.compile("/portal/switch/"))


def test_the_pull_down_on_a_phone(visit: Visit) -> None:
    msp = visit("msp-a", width=390, height=844)
    box = open_portal(msp)
    msp.press("メニュー")
    box.click()
    option = msp.page.get_by_role("option").nth(1)
    name = option.locator("span").first.inner_text()
    option.click()
    expect(banner(msp)).to_contain_text(f"{name}の顧客画面を")
    msp.wait_for_page()
    assert msp.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_page_without_scripts(visit: Visit) -> None:
    msp = visit("msp-a", with_scripts=False)
    msp.page.get_by_role("link", name="顧客画面", exact=True).click()
    msp.page.get_by_role("searchbox", name=LABEL).fill("株式会社")
    msp.press("切り替え先を検索")
    expect(msp.page.get_by_role("heading", name=LABEL, level=1)).to_be_visible()
    button = msp.page.get_by_role("button", name=re.compile("^切り替え .")).first
    name = button.inner_text().removeprefix("切り替え").strip()
    button.click()
    expect(banner(msp)).to_contain_text(f"{name}の顧客画面を")
    msp.press(BACK)
    expect(banner(msp)).to_have_count(0)


def test_who_has_nobody_to_enter_sees_no_pull_down(visit: Visit) -> None:
    customer = visit("customer-a")
    expect(customer.page.get_by_role("heading", name="顧客画面", level=1)).to_be_visible()
    expect(customer.page.get_by_text(LABEL)).to_have_count(0)
    expect(customer.page.get_by_role("link", name="管理画面")).to_have_count(0)


def test_enter_right_after_typing_takes_what_was_typed(visit: Visit) -> None:
    msp = visit("msp-a")
    box = open_portal(msp)
    box.focus()
    name = msp.page.get_by_role("option").nth(3).locator("span").first.inner_text()
    # The rows on show are still those of the empty search, its own account first.
    box.fill(name)
    box.press("Enter")
    expect(banner(msp)).to_contain_text(f"{name}の顧客画面を")
