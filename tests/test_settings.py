"""Settings that cannot work are refused at the start, by name; empty ones count as unset."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from config import RateLimits, Settings, SettingsError

ROOT = Path(__file__).resolve().parent.parent
SECRET = "a-secret-of-tests-0123456789-abcdef"


def read(**values: str) -> Settings:
    return Settings.from_environment({"PORTAL_ENV": "production", "SECRET_KEY": SECRET} | values)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "garbage"),
        ("DATABASE_URL", "mysql://127.0.0.1/portal"),
        ("DATABASE_URL", "postgresql://127.0.0.1/portal"),
        ("MAIL_URL", "http://127.0.0.1"),
        ("PORT", "http"),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "changeme"),
        ("SECRET_KEY", "a" * 40),
        ("PORTAL_ENV", "staging"),
        ("METRICS_TOKEN", "too-short"),
        ("METRICS_TOKEN", "a-token-that-is-long   # for a Prometheus"),
        ("METRICS_TOKEN", "a-token-that-is-long\twith-a-tab"),
        ("SECURITY_CONTACT", "security@example.jp"),
        ("SECURITY_CONTACT", "mailto:security@example.jp   # shown to everybody"),
        ("RATE_LIMIT_SIGN_IN", "-1"),
        ("PORTAL_NOW", "2026-11-24T23:58:00+09:00"),
    ],
)
def test_what_cannot_work_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read(**{name: value})


def test_an_empty_setting_is_as_good_as_none() -> None:
    empty = read(BRAND_NAME="", MAIL_FROM="", MAIL_URL="", PORT="")
    assert (empty.brand_name, empty.mail_from, empty.port) == ("SingleID", "no-reply@example.jp", 8000)


def test_rate_limits_are_set_one_by_one_and_wide_in_demo() -> None:
    usual = RateLimits()
    assert read().rate_limits == usual
    assert read(RATE_LIMIT_EXPORT="0").rate_limits == dataclasses.replace(usual, export=0)
    demo = read(PORTAL_ENV="demo", RATE_LIMIT_SIGN_IN="5").rate_limits
    assert (demo.sign_in, demo.set_password, demo.bulk) == (5, 600, 3_000)


class Asked(dict[str, str]):
    """An environment that remembers which variables were asked for, and the defaults of numbers."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def documented() -> dict[str, str]:
    """Return the variables of the tables of docs/operations.md, with what holds when they are unset."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `([A-Z_]+)` \|[^|]*\| ([^|]*) \|", text, re.M))


def test_the_tables_of_the_settings_name_every_variable_and_no_other() -> None:
    asked = Asked({"PORTAL_ENV": "demo", "SECRET_KEY": SECRET})
    Settings.from_environment(asked)
    started = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "gunicorn.conf.py", *sorted((ROOT / "launcher").glob("*.py")))
    )
    launched = set(re.findall(r"(?:environ|given)\.get\([\"']([A-Z_]+)[\"']", started))
    assert set(documented()) == asked.names | launched


def test_the_table_tells_the_numbers_that_hold_when_nothing_is_set() -> None:
    told = {name: int(unset) for name, unset in documented().items() if unset.isdigit()}
    settings, limits = read(), RateLimits()
    for name, number in told.items():
        if name.startswith("RATE_LIMIT_"):
            assert getattr(limits, name.removeprefix("RATE_LIMIT_").lower()) == number
        elif name != "WEB_CONCURRENCY":
            assert getattr(settings, name.lower()) == number
    assert len(told) > 10
