"""How numbers, days and instants look in Japanese and English pages; template filters."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from flask import Flask
from flask_babel import gettext as _

from services.provisioning import ORDER_VOID

TOKYO = ZoneInfo("Asia/Tokyo")
_MINUS = "−"


def init_app(app: Flask) -> None:
    """Register the filters `number`, `date`, `instant`, `provisioning_error`."""
    app.jinja_env.filters.update(
        number=number, date=date_text, instant=instant_text, provisioning_error=provisioning_error_text
    )


def number(value: int | None) -> str:
    """Return a whole number with thousands separators and a real minus sign; nothing for None."""
    return "" if value is None else f"{value:,}".replace("-", _MINUS)


def date_text(value: dt.date | None) -> str:
    """Return a business day as 2026/11/25; nothing for None."""
    return "" if value is None else f"{value:%Y/%m/%d}"


def instant_text(value: dt.datetime | None) -> str:
    """Return an instant as Tokyo's clock shows it, 2026/11/25 00:00; nothing for None."""
    return "" if value is None else f"{value.astimezone(TOKYO):%Y/%m/%d %H:%M}"


def provisioning_error_text(stored: str) -> str:
    """Return why a provisioning failed: the identity service's own text, or our words for a void order."""
    return _("実行を指示した管理者に、その権限がなくなりました。") if stored == ORDER_VOID else stored
