"""What the launcher makes up, keeps and refuses."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.environment import (
    ROOT,
    Place,
    check_portal_now,
    kept_secret,
    settle_environment,
    settle_place,
    sole_use,
)
from launcher.errors import LauncherError
from launcher.reset import reset
from tests.support.ports import settled_port


def place(folder: Path) -> Place:
    """Return a place that nothing uses."""
    return Place(var_folder=folder, host="127.0.0.1", port=8000)


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    first = kept_secret(path, 32)
    assert len(first) >= 32
    assert kept_secret(path, 32) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_empty_secret_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    path.write_text("\n", encoding="ascii")
    assert len(kept_secret(path, 32)) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_given_values_are_kept_and_missing_ones_made_up(tmp_path: Path) -> None:
    settled = settle_environment({"DEMO_PASSWORD": "given"}, place(tmp_path))
    assert settled["DEMO_PASSWORD"] == "given"
    assert settled["PORTAL_ENV"] == "demo"
    assert len(settled["SECRET_KEY"]) >= 32
    assert not (tmp_path / "demo_password").exists()


def test_production_is_given_no_made_up_secret(tmp_path: Path) -> None:
    settled = settle_environment({"PORTAL_ENV": "production"}, place(tmp_path))
    assert not {"SECRET_KEY", "DEMO_PASSWORD"} & settled.keys()


@pytest.mark.parametrize("text", ["", "2026-11-24T23:58:00+09:00", "2026-11-24T14:58:00Z"])
def test_an_instant_with_a_zone_starts_the_clock(text: str) -> None:
    check_portal_now(text, "demo")


@pytest.mark.parametrize("text", ["2026-11-24T23:58:00", "2026-11-24", "2026-02-29T00:00:00+09:00", "noon"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(LauncherError, match="PORTAL_NOW must"):
        check_portal_now(text, "demo")


def test_production_has_the_real_time() -> None:
    with pytest.raises(LauncherError, match="refused in production"):
        check_portal_now("2026-11-24T23:58:00+09:00", "production")


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "８０００"])
def test_a_port_is_a_number_that_exists(text: str, tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match="PORT must be"):
        settle_place({"VAR_DIR": str(tmp_path), "PORT": text})


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(LauncherError, match=f":{port} cannot be used"):
            settle_place({"VAR_DIR": str(tmp_path), "PORT": str(port)})


def test_a_second_portal_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with sole_use(tmp_path):
        environment = {"VAR_DIR": str(tmp_path), "PORT": str(settled_port())}
        second = subprocess.run(
            [sys.executable, "-m", "launcher"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert second.returncode == 1
    assert "already running" in second.stderr


def test_reset_deletes_what_a_launcher_made_and_nothing_else(tmp_path: Path) -> None:
    var_folder, other = tmp_path / "var", tmp_path / "other"
    for folder in (var_folder, other):
        folder.mkdir()
    with sole_use(var_folder), pytest.raises(LauncherError, match="already running"):
        reset(var_folder)
    assert reset(var_folder) is True
    assert reset(var_folder) is False
    with pytest.raises(LauncherError, match="left alone"):
        reset(other)
    assert other.exists()
