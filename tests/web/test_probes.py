"""What machines ask, when parts are away."""

from __future__ import annotations

from pathlib import Path

from app import create_app
from tests.support.databases import test_settings as settings_for


def test_without_a_database_the_portal_lives_and_is_not_ready(tmp_path: Path) -> None:
    app = create_app(settings_for(f"sqlite:///{tmp_path / 'missing' / 'portal.db'}"))
    client = app.test_client()
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["database"] == "away"


def test_a_database_without_the_schema_is_not_ready(tmp_path: Path) -> None:
    app = create_app(settings_for(f"sqlite:///{tmp_path / 'portal.db'}"))
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["schema"] == "not current"
