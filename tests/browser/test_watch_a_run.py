"""The page of a run moves by itself while the run is under way; here the test is the worker."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect
from werkzeug.serving import make_server

from models import db
from services import billing_runs, invariants, run_work
from services.transaction import transaction
from tests.builders import tokyo
from tests.support.browser import browser_session
from tests.support.databases import PASSWORD, DatabaseFactory, MovableClock, build_app
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

DAY = dt.date(2026, 11, 25)
CHUNK_SIZE = 8


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """Give the application over one engine: what is looked at is the page."""
    application = build_app(DatabaseFactory("sqlite", tmp_path).create("demo"))
    yield application
    with application.app_context():
        violations = invariants.verify()
        db.session.remove()
        db.engine.dispose()
    assert violations == []


@pytest.fixture
def address(app: Flask, clock: MovableClock) -> Iterator[str]:
    """Give the address of the application, served just after a cut."""
    clock.instant = tokyo("2026-11-25T00:00:30")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def post_chunk(app: Flask, run_id: int, clock: MovableClock) -> None:
    with app.app_context():
        run_work.post_next_chunk(run_id=run_id, now=clock.now(), worker_name="host:1")


def test_the_bar_moves_without_a_press(
    app: Flask, clock: MovableClock, address: str, browser: Browser
) -> None:
    with browser_session(browser, address=address) as session:
        visitor = Visitor(session, address=address)
        page = visitor.page
        visitor.sign_in("operator", password=PASSWORD)
        page.goto(f"/msp/runs/{DAY}/")
        expect(page.get_by_text("まもなく始まります")).to_be_visible()
        with app.app_context(), transaction():
            run = billing_runs.list_run(billing_date=DAY, now=clock.now(), chunk_size=CHUNK_SIZE)
            run_id, count = run.id, run.account_count
        expect(page.get_by_text("実行中")).to_be_visible()
        bar = page.get_by_role("progressbar", name="処理済")
        expect(bar).to_have_js_property("value", 0)
        # A mark that a page loaded anew would not have.
        page.evaluate("document.body.dataset.same = ''")
        post_chunk(app, run_id, clock)
        expect(bar).to_have_js_property("value", 100 * CHUNK_SIZE // count)
        expect(page.get_by_text(f"{CHUNK_SIZE} / {count} 件")).to_be_visible()
        expect(page.locator("[aria-live][data-progress-said]")).to_have_text(
            f"{100 * CHUNK_SIZE // count}%まで処理しました"
        )
        expect(page.locator("body[data-same]")).to_have_count(1)
        with app.app_context():
            while run_work.post_next_chunk(run_id=run_id, now=clock.now()) is not None:
                pass
            with transaction():
                billing_runs.finish_run(run_id=run_id, now=clock.now())
        expect(page.get_by_text("完了", exact=True)).to_be_visible()
        expect(page.locator("body[data-same]")).to_have_count(0)
        expect(page.locator("[data-progress]")).to_have_count(0)
        assert visitor.complaints == []
