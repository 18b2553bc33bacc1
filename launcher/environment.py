"""The settings that `make run` makes up where none is given, kept under var/."""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launcher.errors import LauncherError

ROOT = Path(__file__).resolve().parent.parent
LOCK_NAME = "launcher.lock"
DEFAULT_PORT = 8000
KEPT_NAME = "environment"
KEPT_SETTINGS = (
    "PORTAL_ENV",
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "PORT",
    "PORTAL_URL",
    "MAIL_URL",
    "MAIL_FROM",
    "BRAND_NAME",
    "BRAND_LOGO",
    "SUSPEND_AFTER_DAYS",
    "BILLING_REVIEW_PERCENT",
    "BILLING_REVIEW_FROM_POINTS",
)
EVERY_INTERFACE = "0.0.0.0"  # noqa: S104 - bound only where HOST says so  # nosec B104


@dataclass(frozen=True)
class Place:
    """Where this portal keeps its data and where it answers."""

    var_folder: Path
    host: str
    port: int

    @property
    def log_folder(self) -> Path:
        """Folder of the processes' logs."""
        return self.var_folder / "log"

    @property
    def local_host(self) -> str:
        """Host name under which this machine itself reaches the portal."""
        return "127.0.0.1" if self.host == EVERY_INTERFACE else self.host

    @property
    def address(self) -> str:
        """Address for a browser on this machine."""
        return f"http://{self.local_host}:{self.port}"


def settle_place(given: Mapping[str, str]) -> Place:
    """Find and make the folder for the data, and check that the port is free.

    :raises LauncherError: when either is not possible.
    """
    var_folder = Path(given.get("VAR_DIR") or ROOT / "var").resolve()
    try:
        var_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (var_folder / "log").mkdir(exist_ok=True)
    except OSError as error:
        raise LauncherError(
            f"{var_folder} cannot be made: {error.strerror}. Set VAR_DIR to another folder."
        ) from None
    place = Place(var_folder=var_folder, host=given.get("HOST") or "127.0.0.1", port=_port(given))
    _refuse_busy_port(place)
    return place


@contextmanager
def sole_use(var_folder: Path) -> Iterator[None]:
    """Hold the folder for this launcher alone.

    :raises LauncherError: when a portal is running on it.
    """
    with (var_folder / LOCK_NAME).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise LauncherError(
                f"a portal is already running on {var_folder} (process {holder}). Stop it first."
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def settle_environment(given: Mapping[str, str], place: Place) -> dict[str, str]:
    """Return the environment for every process: what is given, and made-up values for what is not.

    :raises LauncherError: when PORTAL_ENV or PORTAL_NOW cannot be used.
    """
    environment = dict(given)
    kind = environment.setdefault("PORTAL_ENV", "demo")
    if kind not in ("demo", "production"):
        raise LauncherError(f"PORTAL_ENV must be demo or production, not {kind!r}.")
    check_portal_now(environment.get("PORTAL_NOW", ""), kind)
    environment |= {"VAR_DIR": str(place.var_folder), "PORT": str(place.port), "HOST": place.host}
    # Lines must arrive in the terminal when they are written, not when a buffer is full.
    environment |= {"PYTHONUNBUFFERED": "1"}
    if kind == "demo":
        # A production system is told its secrets; inventing them would hide that one is missing.
        environment["SECRET_KEY"] = given.get("SECRET_KEY") or kept_secret(
            place.var_folder / "secret_key", 32
        )
        environment["DEMO_PASSWORD"] = given.get("DEMO_PASSWORD") or kept_secret(
            place.var_folder / "demo_password", 9
        )
    return environment


def keep_for_commands(environment: Mapping[str, str], var_folder: Path) -> None:
    """Keep the settings of this demo for commands typed beside it, such as `flask --app app work`.

    config.py reads the file where neither PORTAL_ENV nor DATABASE_URL is set; only its owner may read it.
    """
    path = var_folder / KEPT_NAME
    path.unlink(missing_ok=True)
    if environment.get("PORTAL_ENV") != "demo":
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{name}={environment[name]}\n" for name in KEPT_SETTINGS if environment.get(name))


def kept_secret(path: Path, byte_count: int) -> str:
    """Return the secret in the file, which only its owner may read; the first call makes it."""
    if path.exists():
        kept = path.read_text(encoding="ascii").strip()
        if kept:
            return kept
    secret = secrets.token_urlsafe(byte_count)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secret}\n")
    return secret


def check_portal_now(text: str, kind: str) -> None:
    """Check the instant at which the portal's clock is to start; empty means the real time.

    :raises LauncherError: when it is no ISO instant with a zone, or in production.
    """
    if not text:
        return
    if kind == "production":
        raise LauncherError("PORTAL_NOW is refused in production: its clock is the real one.")
    example = "such as 2026-11-24T23:58:00+09:00"
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        raise LauncherError(f"PORTAL_NOW must be an ISO instant, {example}, not {text!r}.") from None
    if instant.tzinfo is None:
        raise LauncherError(f"PORTAL_NOW must name its zone, {example}, not {text!r}.")


def _port(given: Mapping[str, str]) -> int:
    text = given.get("PORT") or str(DEFAULT_PORT)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise LauncherError(f"PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def _refuse_busy_port(place: Place) -> None:
    with socket.socket() as probe:
        # As gunicorn does, so that a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((place.host, place.port))
        except OSError as error:
            raise LauncherError(
                f"{place.host}:{place.port} cannot be used: {error.strerror}. Try PORT=8001 make run."
            ) from None
