"""A real Chromium for tests: Debian's, driven by Playwright."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

CHROMIUM = Path(os.environ.get("CHROMIUM") or "/usr/bin/chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: A screen that takes longer than this is broken, however much else the machine has to do. Waited out only then.
TIMEOUT_MS = 45_000
expect.set_options(timeout=TIMEOUT_MS)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Give a browser and close it afterwards.

    :raises RuntimeError: when there is none; a test is never passed over for that.
    """
    if not CHROMIUM.exists():
        raise RuntimeError(
            f"{CHROMIUM} is missing: `make test` installs it as root, or name another by CHROMIUM="
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def browser_session(
    browser: Browser,
    *,
    address: str,
    locale: str = "ja-JP",
    width: int = 1440,
    height: int = 900,
    with_scripts: bool = True,
) -> Iterator[BrowserContext]:
    """Give a fresh, signed-out session in which "/login" means the portal at this address."""
    context = browser.new_context(
        base_url=address,
        locale=locale,
        timezone_id="Asia/Tokyo",
        viewport={"width": width, "height": height},
        java_script_enabled=with_scripts,
    )
    context.set_default_timeout(TIMEOUT_MS)
    try:
        yield context
    finally:
        context.close()
