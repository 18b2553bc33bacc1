"""`/metrics`: the numbers for Prometheus, and who gets them."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from jobs import tasks
from tests.builders import tokyo
from tests.support.databases import MovableClock
from tests.support.databases import test_settings as settings_for

TOKEN = "a-token-of-tests-0123456789"
SAMPLE = re.compile(r'portal_[a-z_]+(\{[a-z_]+="[^"\\\n]*"(,[a-z_]+="[^"\\\n]*")*\})? -?[0-9.e+-]+')


def values_of(answer: str) -> dict[str, float]:
    lines = [line for line in answer.splitlines() if not line.startswith("#")]
    assert [line for line in lines if not SAMPLE.fullmatch(line)] == []
    return {name: float(value) for name, _blank, value in (line.rpartition(" ") for line in lines)}


def test_the_numbers_tell_what_the_page_tells(app: Flask, client: FlaskClient, clock: MovableClock) -> None:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    fresh = values_of(answer.text)
    assert "portal_last_tick_age_seconds" not in fresh
    assert (fresh["portal_database_up"], fresh["portal_queue_up"], fresh["portal_schema_current"]) == (
        1,
        0,
        1,
    )
    clock.instant = tokyo("2026-11-25T00:16:00")
    assert values_of(client.get("/metrics").text)["portal_late_runs"] == 1
    with app.app_context():
        for job in (tasks.tick, tasks.seal, tasks.verify):
            job()
    clock.instant = tokyo("2026-11-25T00:17:00")
    found = values_of(client.get("/metrics").text)
    assert found["portal_late_runs"] == 0
    assert found["portal_last_tick_age_seconds"] == 60
    assert found["portal_last_verify_age_seconds"] == 60
    assert found["portal_broken_invariants"] == 0
    assert found["portal_audit_head_number"] > 0
    assert found['portal_workers{seen_by="database"}'] == 1
    run = 'billing_date="2026-11-25"'
    assert found[f'portal_run_state{{{run},state="done"}}'] == 1
    assert found[f"portal_run_done_accounts{{{run}}}"] == found[f"portal_run_accounts{{{run}}}"] > 0
    assert found['portal_due_work{kind="mail"}'] == found["portal_unsent_mails"] > 0
    assert found['portal_due_work_oldest_age_seconds{kind="mail"}'] == 60
    assert found['portal_database_connections{state="in_use"}'] >= 1
    names = re.findall(r"# TYPE (\w+) gauge", client.get("/metrics").text)
    assert len(names) == len(set(names)) > 15


def test_only_this_machine_and_the_bearer_of_the_token_get_them(tmp_path: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'portal.db'}")
    bare = create_app(settings).test_client()
    behind_proxy = dataclasses.replace(settings, trusted_proxies=1, metrics_token=TOKEN)
    with_token = create_app(behind_proxy).test_client()
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    for client in (bare, with_token):
        assert client.get("/metrics").status_code == 200
        assert client.get("/metrics", environ_base={"REMOTE_ADDR": "::1"}).status_code == 200
        assert client.get("/metrics", environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 404
        # What a proxy on this machine brings comes from elsewhere, whatever it says of where from.
        for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via", "X-Forwarded-Proto"):
            for value in ("127.0.0.1", "192.0.2.1", ""):
                assert client.get("/metrics", headers={header: value}).status_code == 404, (header, value)
        spoofed = client.get(
            "/metrics", headers={"X-Forwarded-For": "127.0.0.1"}, environ_base={"REMOTE_ADDR": "192.0.2.1"}
        )
        assert spoofed.status_code == 404
        status = 200 if client is with_token else 404
        away = {"REMOTE_ADDR": "192.0.2.1"}
        assert client.get("/metrics", headers=bearer, environ_base=away).status_code == status
        assert client.get("/metrics", headers=bearer | {"X-Forwarded-For": "192.0.2.7"}).status_code == status
        for wrong in (f"Bearer {TOKEN}x", "Bearer ", "Bearer", f"Basic {TOKEN}", TOKEN, "Bearer \u00e9"):
            answer = client.get("/metrics", headers={"Authorization": wrong}, environ_base=away)
            assert answer.status_code == 404, wrong


def test_without_a_database_it_says_so(tmp_path: Path) -> None:
    app = create_app(settings_for(f"sqlite:///{tmp_path / 'missing' / 'portal.db'}"))
    found = values_of(app.test_client().get("/metrics").text)
    assert found["portal_database_up"] == 0
    assert "portal_unsent_mails" not in found
    empty = create_app(settings_for(f"sqlite:///{tmp_path / 'portal.db'}"))
    assert values_of(empty.test_client().get("/metrics").text)["portal_database_up"] == 0
