"""The guide from 必要ポイントの補充 through a 25th to 解約; the clock is moved by restarting the portal."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visit
from tests.support.portal_stack import DEMO_PASSWORD, PortalStack
from tests.support.visitor import Visitor, number_of

pytestmark = pytest.mark.browser

PORTAL_NOW = "2026-11-24T23:50:00+09:00"
AFTER_THE_CUT = "2026-11-25T00:00:30+09:00"
ESTIMATE = "今月25日の推定残ポイント数"
#: The 25th as the screens write it.
DATE_WORDS = "2026/11/25"


def test_refill_the_25th_and_cancellation(visit: Visit, portal: PortalStack) -> None:
    msp = visit("msp-a")
    shown = names_by_state(msp)
    refilled, lifted, scheduled, canceled = (
        shown["short"][:2],
        shown["dated"][0],
        shown["well"][0],
        shown["well"][1],
    )
    leaving = [*shown["on the 25th"], scheduled]
    fees = refill(msp, refilled)
    lift(msp, lifted)
    schedule(msp, scheduled)
    portal.restart(portal_now=AFTER_THE_CUT)
    wait_for_fees(msp, refilled)
    check_after_the_cut(msp, refilled, leaving, fees)
    give_the_password_again(msp, canceled)
    cancel(msp, canceled)
    verified = portal.flask("ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "invariants hold" in verified.stdout


def names_by_state(msp: Visitor) -> dict[str, list[str]]:
    """Sort the companies on the screen by what the list shows of them."""
    found: dict[str, list[str]] = {"short": [], "dated": [], "on the 25th": [], "well": []}
    choosable = msp.choosable()
    for texts in msp.texts():
        # Badges stand behind the name.
        name = texts["会社名"].split("\n")[0].split(" ")[0]
        if name not in choosable:
            continue
        if number_of(texts[ESTIMATE]) < 0 and "一時停止" not in texts["会社名"]:
            found["short"].append(name)
        elif texts["解約予定日"].startswith(DATE_WORDS):
            found["on the 25th"].append(name)
        elif texts["解約予定日"].startswith("20"):
            found["dated"].append(name)
        elif number_of(texts[ESTIMATE]) > 0:
            found["well"].append(name)
    assert all(found.values()), found
    assert len(found["short"]) >= 2
    return found


def refill(msp: Visitor, names: list[str]) -> dict[str, int]:
    """必要ポイントの補充 of two red rows; return the fee that each will pay."""
    needed = {}
    for name in names:
        red = msp.cell(name, ESTIMATE).get_by_text("(不足)").first.locator("..")
        assert is_red(red), name
        needed[name] = -msp.number(name, ESTIMATE)
    fees = {name: msp.number(name, "現在のポイント") + needed[name] for name in names}
    msp.choose(*names)
    msp.run_on_chosen("必要ポイントの補充")
    expect(msp.dialog.get_by_role("heading", name="ポイント数自動更新")).to_be_visible()
    for name in names:
        plan = msp.dialog.get_by_role("row").filter(has_text=name)
        expect(plan).to_contain_text(f"+{needed[name]:,}")
        expect(plan).to_contain_text(f"{fees[name]:,}")
    expect(msp.dialog.get_by_role("row").filter(has_text="合計")).to_contain_text(
        f"+{sum(needed.values()):,}"
    )
    msp.press("更新", within=msp.dialog)
    msp.told(f"2件のアカウントに合計{sum(needed.values()):,}ポイントを補充しました。")
    assert [msp.number(name, ESTIMATE) for name in names] == [0, 0]
    return fees


def schedule(msp: Visitor, name: str) -> None:
    """解約予定日 [設定] for tomorrow, the 25th, with the consent."""
    balance = msp.number(name, "現在のポイント")
    dialog = msp.open_dialog(name, "設定", column="解約予定日", title="解約予定日設定")
    press = dialog.get_by_role("button", name="解約", exact=True)
    expect(press).to_be_disabled()
    msp.announced_statuses = {422}
    dialog.get_by_role("textbox", name="解約予定日 必須").fill("2037-11-25")
    dialog.get_by_role("textbox", name="解約予定日 必須").press("Tab")
    expect(dialog).to_contain_text("までの日付で入力してください")
    expect(dialog.get_by_role("textbox", name="解約予定日 必須")).to_have_attribute("aria-invalid", "true")
    msp.announced_statuses = set()
    dialog.get_by_role("textbox", name="解約予定日 必須").fill("2026-11-25")
    dialog.get_by_role("textbox", name="解約予定日 必須").press("Tab")
    expect(dialog).to_contain_text("消費される残存分")
    expect(dialog).not_to_contain_text("までの日付で入力してください")
    expect(dialog).to_contain_text(f"{balance:,}")
    expect(dialog).to_contain_text("その日の月額利用料は発生しません")
    dialog.get_by_label("同意する").check()
    press.click()
    msp.told(f"{name} の解約予定日を {DATE_WORDS} に設定しました。")
    expect(msp.cell(name, "解約予定日")).to_contain_text(DATE_WORDS)


def lift(msp: Visitor, name: str) -> None:
    """解約予定日 [設定] → 解除."""
    dialog = msp.open_dialog(name, "設定", column="解約予定日", title="解約予定日設定")
    msp.press("解除", within=dialog)
    msp.told("を解除しました。")
    assert "20" not in msp.cell(name, "解約予定日").inner_text().split("設定")[0]


def wait_for_fees(msp: Visitor, names: list[str]) -> None:
    """Look at ポイント履歴 again and again until the fees of the 25th stand there."""
    msp.look_until(
        lambda: all(fee_lines(msp, name).count() for name in names),
        at="/msp/points/?page_size=100",
        late="no fees of the 25th",
    )


def fee_lines(msp: Visitor, name: str) -> Locator:
    """Return the lines in ポイント履歴 of a company's fee of this 25th."""
    lines = msp.row(name).filter(has_text="月額利用料")
    return lines.filter(has_text=DATE_WORDS)


def check_after_the_cut(msp: Visitor, refilled: list[str], leaving: list[str], fees: dict[str, int]) -> None:
    """Each refilled customer paid its fee and stands at 0; who left on the 25th paid none and is gray."""
    columns = msp.columns()
    for name in refilled:
        expect(fee_lines(msp, name)).to_have_count(1)
        texts = dict(zip(columns, fee_lines(msp, name).get_by_role("cell").all_inner_texts(), strict=True))
        assert (number_of(texts["ポイント"]), number_of(texts["残ポイント"])) == (-fees[name], 0)
    for name in leaving:
        expect(fee_lines(msp, name)).to_have_count(0)
        expect(msp.row(name).filter(has_text="解約").filter(has_text=DATE_WORDS)).not_to_have_count(0)
    msp.go("顧客アカウント一覧")
    for name in refilled:
        assert msp.number(name, "現在のポイント") == 0
    for name in leaving:
        check_gray(msp, name, beside=refilled[0])


def give_the_password_again(msp: Visitor, name: str) -> None:
    """More than ten minutes after signing in, 解約 asks for the password before it is even shown."""
    msp.announced_statuses = {401}
    msp.cell(name, "操作").get_by_role("link", name=f"解約 {name}").click()
    expect(msp.page.get_by_role("heading", name="本人確認")).to_be_visible()
    msp.page.get_by_label("パスワード").fill(DEMO_PASSWORD)
    msp.press("続ける")
    expect(msp.page.get_by_role("heading", name="解約", exact=True)).to_be_visible()
    msp.announced_statuses = set()
    msp.page.goto("/msp/customers/")
    msp.wait_for_page()


def cancel(msp: Visitor, name: str) -> None:
    """[解約] at once: only with the consent, and then the row is gray."""
    dialog = msp.open_dialog(name, "解約", column="操作", title="解約")
    expect(dialog).to_contain_text("解約を続行しますか")
    press = dialog.get_by_role("button", name="解約", exact=True)
    expect(press).to_be_disabled()
    dialog.get_by_label("同意する").check()
    expect(press).to_be_enabled()
    dialog.get_by_label("同意する").uncheck()
    expect(press).to_be_disabled()
    dialog.get_by_label("同意する").check()
    press.click()
    msp.told(f"{name} を解約しました。")
    assert msp.number(name, "現在のポイント") == 0
    check_gray(msp, name, beside=None)


def check_gray(msp: Visitor, name: str, *, beside: str | None) -> None:
    """A canceled row says so, is gray, and offers nothing."""
    row = msp.row(name)
    expect(row).to_contain_text("解約済")
    expect(row.get_by_role("link")).to_have_text([name])
    expect(row.get_by_role("checkbox")).to_have_count(0)
    look = color_of(msp.cell(name, "会社名"))
    assert max(look) - min(look) < 40, look
    if beside:
        assert look != color_of(msp.cell(beside, "会社名"))


def is_red(locator: Locator) -> bool:
    """Tell whether text is red."""
    red, green, blue = color_of(locator)
    return red > 1.5 * max(green, blue)


def color_of(locator: Locator) -> list[int]:
    """Return red, green and blue of a text, 0 to 255, as the browser paints them."""
    painted: str = locator.evaluate(
        """(element) => {
          const pen = document.createElement("canvas").getContext("2d");
          pen.fillStyle = getComputedStyle(element).color;
          pen.fillRect(0, 0, 1, 1);
          return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).join(",");
        }"""
    )
    return [int(part) for part in painted.split(",")]
