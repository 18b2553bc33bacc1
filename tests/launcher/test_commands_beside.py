"""A command typed beside `make run` works on the same portal, and a production process never does."""

import os
from pathlib import Path

from config import Settings
from launcher.environment import keep_for_commands

SECRET = "a-secret-of-tests-0123456789-abcdef"


def test_a_command_beside_the_demo_finds_its_settings(tmp_path: Path) -> None:
    keep_for_commands(
        {"PORTAL_ENV": "demo", "SECRET_KEY": SECRET, "MAIL_URL": "smtp://127.0.0.1:2525"}, tmp_path
    )
    assert os.stat(tmp_path / "environment").st_mode & 0o077 == 0
    settings = _settings({"VAR_DIR": str(tmp_path)})
    assert settings.is_demo
    assert settings.mail_url == "smtp://127.0.0.1:2525"
    assert settings.database_url == f"sqlite:///{tmp_path / 'portal.db'}"


def test_a_production_process_does_not(tmp_path: Path) -> None:
    keep_for_commands({"PORTAL_ENV": "demo", "SECRET_KEY": SECRET}, tmp_path)
    given = {"VAR_DIR": str(tmp_path), "PORTAL_ENV": "production", "SECRET_KEY": SECRET}
    assert not _settings(given).is_demo


def test_a_production_launcher_leaves_nothing_behind(tmp_path: Path) -> None:
    keep_for_commands({"PORTAL_ENV": "demo", "SECRET_KEY": SECRET}, tmp_path)
    keep_for_commands({"PORTAL_ENV": "production", "SECRET_KEY": SECRET}, tmp_path)
    assert not (tmp_path / "environment").exists()


def _settings(environment: dict[str, str]) -> Settings:
    before = dict(os.environ)
    try:
        for name in ("PORTAL_ENV", "DATABASE_URL", "SECRET_KEY", "MAIL_URL", "VAR_DIR"):
            os.environ.pop(name, None)
        os.environ.update(environment)
        return Settings.from_environment()
    finally:
        os.environ.clear()
        os.environ.update(before)
