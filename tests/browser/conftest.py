"""A browser for all, a portal for each file, and somebody who visits it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.browser import browser_session, running_browser
from tests.support.portal_stack import PortalStack, running_portal
from tests.support.visitor import Visitor

Visit = Callable[..., Visitor]
LONGEST_SHOWN = 6_000
#: Where a file's portal begins, unless the file says PORTAL_NOW.
BEGINS_AT = "2026-11-20T10:00:00+09:00"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give a real Chromium."""
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def portal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalStack]:
    """Give the whole portal as `make run` starts it, with a fresh folder."""
    begins_at = getattr(request.module, "PORTAL_NOW", BEGINS_AT)
    with running_portal(tmp_path_factory.mktemp("portal"), portal_now=begins_at) as stack:
        yield stack


@pytest.fixture
def visitors() -> list[Visitor]:
    """Everybody whom the test let in."""
    return []


@pytest.fixture
def visit(browser: Browser, portal: PortalStack, visitors: list[Visitor]) -> Iterator[Visit]:
    """Give what lets somebody in; at the end nothing may have been wrong on any page."""
    with ExitStack() as sessions:

        def begin(user_name: str | None = None, **options: Any) -> Visitor:
            context = sessions.enter_context(browser_session(browser, address=portal.address, **options))
            with_scripts = options.get("with_scripts", True)
            visitor = Visitor(context, address=portal.address, with_scripts=with_scripts)
            visitors.append(visitor)
            if user_name:
                visitor.sign_in(user_name)
            return visitor

        yield begin
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Add to a failure what stood on the screens and in the terminal."""
    report = yield
    given: dict[str, Any] = getattr(item, "funcargs", {})
    if report.failed:
        for visitor in given.get("visitors", []) if report.when == "call" else []:
            report.sections.append(("screen", visitor.what_is_shown()[:LONGEST_SHOWN]))
        if "portal" in given:
            report.sections.append(("terminal of the portal", given["portal"].output[-LONGEST_SHOWN:]))
    return report
