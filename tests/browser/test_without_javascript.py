"""Every dialog is a page of its own: points, refill and cancellation with scripts switched off."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

ESTIMATE = "今月25日の推定残ポイント数"


def test_points_refill_and_cancellation_as_pages(visit: Visit) -> None:
    msp = visit("msp-a", with_scripts=False)
    points(msp, first_well(msp))
    refill(msp)
    cancel(msp, first_well(msp))


def first_well(msp: Visitor) -> str:
    """Return the company in the first row, which is in service and has points."""
    name = msp.page.get_by_role("row").nth(1).get_by_role("checkbox").get_attribute("aria-label")
    assert name
    return name.removesuffix(" を選択")


def open_page(msp: Visitor, name: str, link: str, *, column: str, title: str) -> None:
    """Follow a link of a row to the page that is a dialog elsewhere."""
    msp.cell(name, column).get_by_role("link", name=f"{link} {name}").click()
    expect(msp.page.get_by_role("heading", name=title, level=1)).to_be_visible()
    expect(msp.dialog).to_have_count(0)


def points(msp: Visitor, name: str) -> None:
    """ポイント数更新: refused without a number, with what was typed kept; then done."""
    before = msp.number(name, "現在のポイント")
    open_page(msp, name, "変更", column="現在のポイント", title="ポイント数更新")
    msp.page.get_by_label("追加").check()
    msp.page.get_by_label("備考").fill("ページでの変更")
    msp.announced_statuses = {422}
    msp.press("変更")
    expect(msp.page.get_by_label("変更ポイント")).to_have_attribute("aria-invalid", "true")
    expect(msp.page.get_by_label("備考")).to_have_value("ページでの変更")
    expect(msp.page.get_by_label("追加")).to_be_checked()
    msp.page.get_by_label("変更ポイント").fill("7")
    msp.press("変更")
    expect(msp.page.get_by_role("heading", name="顧客アカウント一覧", level=1)).to_be_visible()
    assert msp.number(name, "現在のポイント") == before + 7


def refill(msp: Visitor) -> None:
    """選択実行 > 必要ポイントの補充 for the first red row."""
    red = msp.page.get_by_role("row").filter(has_text="(不足)").filter(has=msp.page.get_by_role("checkbox"))
    name = (red.last.get_by_role("checkbox").get_attribute("aria-label") or "").removesuffix(" を選択")
    needed = -msp.number(name, ESTIMATE)
    msp.choose(name)
    msp.run_on_chosen("必要ポイントの補充")
    expect(msp.page.get_by_role("heading", name="ポイント数自動更新", level=1)).to_be_visible()
    expect(msp.row(name)).to_contain_text(f"+{needed:,}")
    msp.press("更新")
    msp.told(f"1件のアカウントに合計{needed:,}ポイントを補充しました。")
    assert msp.number(name, ESTIMATE) == 0


def cancel(msp: Visitor, name: str) -> None:
    """解約: the server asks for the consent where no script can."""
    open_page(msp, name, "解約", column="操作", title="解約")
    msp.press("解約")
    expect(msp.page.get_by_label("同意する")).to_have_attribute("aria-invalid", "true")
    msp.page.get_by_label("同意する").check()
    msp.press("解約")
    msp.told(f"{name} を解約しました。")
    expect(msp.row(name)).to_contain_text("解約済")
    # What is left is the way to the account's page.
    expect(msp.row(name).get_by_role("link")).to_have_text([name])
