"""Somebody before the portal in a real browser: finds things by the words on the screen, and notes what is wrong.

What is wrong on any page: an error in the console, a violation of the content security policy, an answer of 400
or above that the test did not announce, and a request that leaves the portal.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Locator, Page, Request, Response, expect
from playwright.sync_api import Error as PlaywrightError

from tests.support.portal_stack import DEMO_PASSWORD

REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
});
"""
#: What a worker is asked for is done within this time, however much else the machine has to do.
WORKER_SECONDS = 120.0
#: Seconds between two looks at what a worker does.
PAUSE_BETWEEN_LOOKS = 0.3
#: The browser's own line about an answer of 400 or above; the answer itself is looked at.
_FAILED_RESOURCE = "Failed to load resource: the server responded with a status"


def number_of(text: str) -> int:
    """Return the first number in a text, such as −1,234 in "−1,234(不足)"."""
    found = re.search(r"[-−]?\d[\d,]*", text)
    assert found, f"no number in {text!r}"
    return int(found.group().replace(",", "").replace("−", "-"))


class Visitor:
    """One page of one browser session."""

    def __init__(self, context: BrowserContext, *, address: str, with_scripts: bool = True) -> None:
        self.context = context
        self._with_scripts = with_scripts
        self.complaints: list[str] = []
        self.announced_statuses: set[int] = set()
        self._user_name = ""
        self._host = urlsplit(address).netloc
        # Needs no permission of the page: the browser itself runs it before any script of the page.
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("request", self._look_at_request)
        context.on("response", self._look_at_response)
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self._look_at_console(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))

    @property
    def dialog(self) -> Locator:
        """The open dialog."""
        return self.page.get_by_role("dialog")

    def sign_in(self, user_name: str, *, password: str = DEMO_PASSWORD) -> None:
        """Type the name and the demo's password."""
        self._user_name = user_name
        self.page.goto("/login")
        self.page.get_by_label("ユーザ名またはEメール").fill(user_name)
        self.page.get_by_label("パスワード").fill(password)
        self.press("ログイン")
        self.page.wait_for_url(lambda address: "/login" not in address)
        self.wait_for_page()

    def sign_out(self) -> None:
        """Open the user menu and press ログアウト."""
        self.page.get_by_role("banner").get_by_text(self._user_name, exact=True).click()
        self.press("ログアウト")

    def go(self, menu_entry: str) -> None:
        """Open a list by its entry in the side bar."""
        self.page.get_by_role("navigation", name="メニュー").get_by_role(
            "link", name=menu_entry, exact=True
        ).click()
        expect(self.page.get_by_role("heading", name=menu_entry, level=1)).to_be_visible()
        self.wait_for_page()

    def press(self, name: str, *, within: Locator | None = None) -> None:
        """Press the button of that name."""
        (within or self.page).get_by_role("button", name=name, exact=True).click()

    def told(self, words: str) -> None:
        """Wait for a message and for the whole page that it stands on."""
        expect(self.page.get_by_text(words)).to_be_visible()
        self.wait_for_page()

    def row(self, company_name: str) -> Locator:
        """Return the row of a company."""
        return self.page.get_by_role("row").filter(has_text=company_name)

    def columns(self) -> list[str]:
        """Return the headings of the columns, with "" for the check boxes; waits for a page still loading."""
        self.wait_for_page()
        texts = self.page.get_by_role("columnheader").all_inner_texts()
        return [text.rstrip("↑↓ \n") for text in texts]

    def cell(self, company_name: str, column: str) -> Locator:
        """Return a company's cell in a column."""
        return self.row(company_name).get_by_role("cell").nth(self.columns().index(column))

    def number(self, company_name: str, column: str) -> int:
        """Return the number in a cell."""
        return number_of(self.cell(company_name, column).inner_text())

    def open_dialog(self, company_name: str, link: str, *, column: str, title: str) -> Locator:
        """Press a link in a company's row and wait for the dialog of that title."""
        self.wait_for_scripts()
        self.cell(company_name, column).get_by_role("link", name=f"{link} {company_name}").click()
        expect(self.dialog.get_by_role("heading", name=title, exact=True)).to_be_visible()
        return self.dialog

    def finish_dialog(self, button: str) -> None:
        """Press a button of the open dialog and wait until the page behind it is there anew, without a dialog."""
        self.press(button, within=self.dialog)
        self.wait_until_closed()

    def wait_until_closed(self) -> None:
        """Wait until no dialog is open; one that was sent stays open until the next page begins to load."""
        expect(self.dialog).to_be_hidden()
        self.wait_for_page()

    def look_until(self, is_there: Callable[[], object], *, at: str | None = None, late: str) -> None:
        """Load the page, or the one `at` an address, again and again until what a worker does is seen on it."""
        deadline = time.monotonic() + WORKER_SECONDS
        if at is not None:
            self.page.goto(at)
        self.wait_for_page()
        while not is_there():
            assert time.monotonic() < deadline, late
            time.sleep(PAUSE_BETWEEN_LOOKS)
            self.page.reload()
            self.wait_for_page()

    def texts(self) -> list[dict[str, str]]:
        """Return the rows of the only table on the page as a whole: the text of each cell by its heading."""
        columns = self.columns()
        read = """(table) => [...table.tBodies].flatMap((body) => [...body.rows])
          .map((row) => [...row.cells].map((cell) => cell.innerText))"""
        rows: list[list[str]] = self.page.get_by_role("table").evaluate(read)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def wait_for_page(self) -> None:
        """Wait until the page is there as a whole, before something is read from it at once."""
        self.page.wait_for_load_state("load")
        self.wait_for_scripts()

    def wait_for_scripts(self) -> None:
        """Wait until the page's scripts have taken over: before, a link leads to the dialog's own page."""
        if self._with_scripts:
            self.page.locator("html[data-ready]").wait_for(state="attached")

    def run_on_chosen(self, action: str) -> None:
        """Open 選択実行 and press one of its entries."""
        self.page.get_by_text("選択実行", exact=True).click()
        self.press(action)

    def choose(self, *company_names: str) -> None:
        """Tick the rows of companies."""
        self.wait_for_scripts()
        for name in company_names:
            self.page.get_by_role("checkbox", name=f"{name} を選択").check()

    def choosable(self) -> list[str]:
        """Return the companies on the page as a whole that can be chosen, from the top."""
        self.wait_for_page()
        boxes = self.page.get_by_role("row").get_by_role("checkbox", name=" を選択")
        labels: list[str] = boxes.evaluate_all("(boxes) => boxes.map((box) => box.ariaLabel)")
        return [label.removesuffix(" を選択") for label in labels]

    def what_is_shown(self) -> str:
        """Return address and text of the page, for a report of failure."""
        with suppress(PlaywrightError):
            return f"{self.page.url}\n{self.page.locator('body').inner_text(timeout=2_000)}"
        return f"{self.page.url}\n(no text)"

    def _look_at_console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not text.startswith(_FAILED_RESOURCE):
            self.complaints.append(f"console {kind}: {text}")

    def _look_at_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != self._host:
            self.complaints.append(f"off-host: {request.url}")

    def _look_at_response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.announced_statuses:
            self.complaints.append(f"{response.status}: {response.request.method} {response.url}")
