"""Pictures of every screen and dialog: `make screens`."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.support.browser import browser_session, running_browser
from tests.support.portal_stack import PortalStack, running_portal
from tests.support.visitor import Visitor

PORTAL_NOW = "2026-11-20T10:00:00+09:00"
#: A run of 2026-11-25 that stops for review: it is larger than half of the last one.
BEFORE_A_RUN = "2026-11-24T23:59:50+09:00"
WATCHFUL = {"BILLING_REVIEW_PERCENT": "50", "BILLING_REVIEW_FROM_POINTS": "1"}
RUN_PAGE = "/msp/runs/2026-11-25/"
CUSTOMERS, PENDING, ACCOUNTS, HISTORY = (
    "顧客アカウント一覧",
    "承認待ちアカウント一覧",
    "MSPアカウント一覧",
    "ポイント履歴",
)


class Photographer:
    """Takes pictures of one portal into one folder."""

    def __init__(self, browser: Browser, portal: PortalStack, folder: Path, sessions: ExitStack) -> None:
        self._browser, self._portal, self._folder, self._sessions = browser, portal, folder, sessions

    def visit(self, user_name: str | None = None, *, width: int = 1440, height: int = 900) -> Visitor:
        """Let somebody in with a window of a size."""
        session = browser_session(self._browser, address=self._portal.address, width=width, height=height)
        visitor = Visitor(self._sessions.enter_context(session), address=self._portal.address)
        if user_name:
            visitor.sign_in(user_name)
        return visitor

    def take(self, visitor: Visitor, name: str) -> None:
        """Save what the window shows."""
        visitor.page.mouse.move(0, 0)
        visitor.page.wait_for_load_state("networkidle")
        visitor.page.screenshot(path=self._folder / f"{name}.png", animations="disabled")
        print(f"{name}.png")

    def take_dialog(self, visitor: Visitor, name: str, open_it: Callable[[], object]) -> None:
        """Save an open dialog, and close it."""
        open_it()
        expect(visitor.dialog).to_be_visible()
        self.take(visitor, name)
        visitor.page.reload()


def main(folder: Path) -> None:
    """Start a portal with demo data of its own and save all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        var_folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "var"
        portal = stack.enter_context(running_portal(var_folder, portal_now=PORTAL_NOW))
        browser = stack.enter_context(running_browser())
        camera = Photographer(browser, portal, folder, stack)
        camera.take(_at_sign_in(camera), "sign-in")
        _lists(camera)
        _row_dialogs(camera)
        _bulk_dialogs(camera)
        _decisions(camera)
        _account_screens(camera)
        _customer_portal(camera)
        _operations(camera)
        _keys(camera)
        _second_person(camera)
        # Last: the choice of English stays with who made it.
        _other_windows(camera)
        _billing_run(browser, folder)


def _at_sign_in(camera: Photographer) -> Visitor:
    visitor = camera.visit()
    visitor.page.goto("/login")
    return visitor


def _lists(camera: Photographer) -> None:
    msp, distributor = camera.visit("msp-a"), camera.visit("distributor")
    camera.take(msp, "customers")
    msp.go(HISTORY)
    camera.take(msp, "history")
    distributor.go(ACCOUNTS)
    camera.take(distributor, "accounts")


def _row_dialogs(camera: Photographer) -> None:
    msp = camera.visit("msp-a")
    well, other = _names(msp)[:2]

    def points() -> None:
        dialog = msp.open_dialog(well, "変更", column="現在のポイント", title="ポイント数更新")
        dialog.get_by_label("追加").check()
        dialog.get_by_label("変更ポイント").fill("360")
        dialog.get_by_label("備考").fill("1年分")

    def users() -> None:
        dialog = msp.open_dialog(well, "変更", column="契約ユーザ数", title="契約ユーザ数更新")
        dialog.get_by_role("textbox", name="変更後 必須").fill("45")

    def schedule() -> None:
        dialog = msp.open_dialog(other, "設定", column="解約予定日", title="解約予定日設定")
        dialog.get_by_role("textbox", name="解約予定日 必須").fill("2027-03-31")
        dialog.get_by_role("textbox", name="解約予定日 必須").press("Tab")
        dialog.get_by_text(re.compile("に解約した場合")).wait_for()

    def cancel() -> None:
        dialog = msp.open_dialog(well, "解約", column="操作", title="解約")
        dialog.get_by_label("同意する").check()

    def edit(tab: str) -> None:
        dialog = msp.open_dialog(well, "編集", column="操作", title="基本情報更新")
        dialog.get_by_role("tab", name=tab).click()

    camera.take_dialog(msp, "points", points)
    camera.take_dialog(msp, "users", users)
    camera.take_dialog(msp, "schedule", schedule)
    camera.take_dialog(msp, "cancel", cancel)
    camera.take_dialog(msp, "edit-support", lambda: edit("サポート"))
    camera.take_dialog(msp, "edit-menus", lambda: edit("画面のカスタマイズ"))
    camera.take_dialog(msp, "register", msp.page.get_by_role("link", name="登録", exact=True).click)


def _bulk_dialogs(camera: Photographer) -> None:
    msp = camera.visit("msp-a")

    def run(action: str) -> None:
        msp.page.get_by_role("checkbox", name="このページの行をすべて選択").check()
        msp.run_on_chosen(action)

    camera.take_dialog(msp, "refill", lambda: run("必要ポイントの補充"))
    camera.take_dialog(msp, "notice", lambda: run("納品通知"))


def _decisions(camera: Photographer) -> None:
    operator = camera.visit("operator")
    operator.go(PENDING)
    camera.take(operator, "pending")
    camera.take_dialog(
        operator, "approve", operator.page.get_by_role("link", name=re.compile("^承認 ")).first.click
    )


def _account_screens(camera: Photographer) -> None:
    msp, operator = camera.visit("msp-a"), camera.visit("operator")
    name = _names(msp)[0]
    msp.page.get_by_role("link", name=name, exact=True).first.click()
    camera.take(msp, "account")
    for entry, picture in (("操作ログ", "log"), ("メールの文面", "mails"), ("画面プリセット", "presets")):
        msp.go(entry)
        camera.take(msp, picture)
    operator.go("料金")
    camera.take(operator, "prices")
    operator.go(ACCOUNTS)
    camera.take_dialog(
        operator, "account-register", operator.page.get_by_role("link", name="登録", exact=True).click
    )


def _customer_portal(camera: Photographer) -> None:
    customer, msp = camera.visit("customer-a"), camera.visit("msp-a")
    camera.take(customer, "portal")
    for entry, picture in (
        ("ユーザ一覧", "portal-users"),
        ("管理者", "portal-administrators"),
        ("基本情報", "portal-profile"),
        ("操作ログ", "portal-log"),
    ):
        customer.go(entry)
        camera.take(customer, picture)
    msp.page.get_by_role("link", name="顧客画面", exact=True).click()
    box = msp.page.get_by_role("combobox", name="顧客切り替え")
    box.fill("商事")
    expect(msp.page.get_by_role("option").first).to_be_visible()
    camera.take(msp, "portal-switch")
    box.press("Enter")
    msp.page.get_by_role("complementary", name="表示中の顧客画面").wait_for()
    msp.go("管理者")
    camera.take(msp, "portal-entered")
    camera.take_dialog(
        msp, "portal-register", msp.page.get_by_role("link", name="登録", exact=True).first.click
    )


def _operations(camera: Photographer) -> None:
    operator, msp = camera.visit("operator"), camera.visit("msp-a")
    operator.go("稼働状況")
    camera.take(operator, "health")
    msp.page.goto(f"{RUN_PAGE}rehearsal/")
    camera.take(msp, "rehearsal")


def _keys(camera: Photographer) -> None:
    msp = camera.visit("msp-a")
    for path, picture in (
        ("/second-factor/set-up/", "second-factor"),
        ("/sessions/", "sessions"),
        ("/password/", "own-password"),
    ):
        msp.page.goto(path)
        camera.take(msp, picture)


def _second_person(camera: Photographer) -> None:
    msp, second = camera.visit("msp-a"), camera.visit("contract-a")
    name = _names(msp)[0]
    msp.go("二人承認")
    msp.page.get_by_role("main").get_by_role("link", name=re.compile("^設定")).first.click()
    msp.dialog.get_by_label("使う", exact=True).check()
    msp.dialog.get_by_role("textbox").first.fill("300")
    msp.dialog.get_by_role("button", name=re.compile("設定|変更|更新")).last.click()
    msp.wait_until_closed()
    msp.go(CUSTOMERS)
    dialog = msp.open_dialog(name, "変更", column="現在のポイント", title="ポイント数更新")
    dialog.get_by_label("追加").check()
    dialog.get_by_label("変更ポイント").fill("360")
    dialog.get_by_role("button", name="変更", exact=True).click()
    msp.wait_until_closed()
    second.go("承認依頼")
    camera.take(second, "approvals")
    camera.take_dialog(
        second,
        "approval",
        second.page.get_by_role("main").get_by_role("link", name=re.compile("^承認")).first.click,
    )


def _other_windows(camera: Photographer) -> None:
    camera.take(camera.visit("msp-a", width=390, height=844), "customers-phone")
    english = camera.visit("msp-a")
    english.page.get_by_role("button", name="English").last.click()
    camera.take(english, "customers-en")


def _billing_run(browser: Browser, folder: Path) -> None:
    """Take a run that waits for its release, and what becomes of it, in a portal of its own."""
    with ExitStack() as stack:
        var_folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "var"
        portal = stack.enter_context(
            running_portal(var_folder, portal_now=BEFORE_A_RUN, settings=dict(WATCHFUL))
        )
        camera = Photographer(browser, portal, folder, stack)
        operator = camera.visit("operator")
        operator.page.goto(RUN_PAGE)
        while not operator.page.get_by_text("計上の前に止まっています").count():
            operator.page.wait_for_timeout(2_000)
            operator.page.reload()
        camera.take(operator, "run-review")
        release = operator.page.get_by_role("link", name="停止を解除", exact=True)
        camera.take_dialog(operator, "run-release", release.click)
        release.click()
        operator.dialog.get_by_role("checkbox").check()
        operator.press("停止を解除", within=operator.dialog)
        expect(operator.page.get_by_text("完了", exact=True)).to_be_visible()
        operator.page.reload()
        camera.take(operator, "run")
        operator.go("月額利用料の実行")
        camera.take(operator, "runs")
        phone = camera.visit("msp-a", width=390, height=844)
        phone.page.goto(RUN_PAGE)
        camera.take(phone, "run-phone")


def _names(visitor: Visitor) -> list[str]:
    """Return the companies on the screen that take changes, from the top."""
    boxes = visitor.page.get_by_role("row").get_by_role("checkbox", name=" を選択").all()
    return [(box.get_attribute("aria-label") or "").removesuffix(" を選択") for box in boxes]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
