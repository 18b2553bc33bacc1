"""Browsers in plain words, from what they say of themselves. Anybody may say anything: only for people to read."""

from __future__ import annotations

import re

#: (mark, name) in the order in which they are looked for: most browsers also claim to be those further down.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)
#: A program that names itself in the usual way, such as curl/8.1.
_PROGRAM = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,39}(?=/\d)")


def browser_name(user_agent: str) -> str:
    """Return what a browser is called with the system it runs on, such as Chrome (Windows); "" when unknown."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if not browser and not system:
        program = _PROGRAM.match(user_agent)
        return program.group() if program and program.group() != "Mozilla" else ""
    return f"{browser} ({system})" if browser and system else browser or system
