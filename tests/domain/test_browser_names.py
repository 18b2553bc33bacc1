"""Browsers in plain words."""

from __future__ import annotations

import pytest

from domain.browser_names import browser_name

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36", "Chrome (Windows)"),
        (f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge (Windows)"),
        (f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36 OPR/120.0", "Opera (Windows)"),
        ("Mozilla/5.0 (Windows NT 10.0; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox (Windows)"),
        (f"{MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15", "Safari (macOS)"),
        (f"{PHONE} Version/18.1 Mobile/15E148 Safari/604.1", "Safari (iPhone)"),
        (f"{PHONE} CriOS/140.0 Mobile/15E148 Safari/604.1", "Chrome (iPhone)"),
        (f"{ANDROID} SamsungBrowser/27.0 Chrome/125.0 Mobile Safari/537.36", "Samsung Internet (Android)"),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 1) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
            "Chrome (ChromeOS)",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/140.0 Safari/537.36", "Chrome (Linux)"),
        (f"{PHONE} FxiOS/143.0 Mobile/15E148 Safari/605.1.15", "Firefox (iPhone)"),
        (PHONE.replace("iPhone; CPU iPhone", "iPad; CPU") + " Version/18.1 Safari/604.1", "Safari (iPad)"),
        (f"{WINDOWS} Chrome/140.0.0.0 YaBrowser/25.8 Safari/537.36", "Yandex (Windows)"),
        (f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36 Vivaldi/7.6", "Vivaldi (Windows)"),
        ("Mozilla/5.0 (Macintosh; PPC) Gecko/1 Firefox/3.6", "Firefox (macOS)"),
        ("Firefox/143.0", "Firefox"),
        ("Mozilla/5.0 (Windows NT 10.0)", "Windows"),
        ("curl/8.14.1", "curl"),
        ("python-requests/2.32", "python-requests"),
        ("Mozilla/5.0", ""),
        ("<script>alert(1)</script>", ""),
        ("", ""),
    ],
)
def test_a_browser_is_named_with_its_system(user_agent: str, words: str) -> None:
    assert browser_name(user_agent) == words
