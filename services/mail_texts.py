"""The words of a mail: templates/mails/<kind>.<language>.txt, whose first line is the subject.

The HTML part is the same words in templates/mails/_layout.html: one source, so that both always say the same.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from config import Settings
from models.mails import MailKind
from services.mail_html import html_of

LANGUAGES = ("ja", "en")
LONGEST_SUBJECT = 300
_TEMPLATES = Path(__file__).resolve().parent.parent / "templates" / "mails"


@dataclass(frozen=True)
class MailBrand:
    """Whose mails they are: the product's name and the portal's address, as the settings say."""

    brand_name: str
    portal_url: str

    @property
    def host_name(self) -> str:
        """The portal's host, for the right-hand side of a Message-ID."""
        host = urlsplit(self.portal_url).hostname or "localhost"
        return "localhost" if ":" in host else host


def mail_brand_from(settings: Settings) -> MailBrand:
    """Read the brand from the settings."""
    return MailBrand(brand_name=settings.brand_name, portal_url=settings.portal_url)


@dataclass(frozen=True)
class MailText:
    """What a mail says: one line of subject, lines of body, and the body once more as an HTML page."""

    subject: str
    body_text: str
    body_html: str


def render_mail(*, kind: MailKind, language: str, brand: MailBrand, context: Mapping[str, Any]) -> MailText:
    """Render a mail in `ja` or `en`; another language gets Japanese, the default.

    :raises jinja2.UndefinedError: when the context lacks a value that the template names.
    """
    language = language if language in LANGUAGES else LANGUAGES[0]
    environment = _environment(language)
    values = {
        name: _one_line(value) if name != "rejection_reason" else value for name, value in context.items()
    }
    names = {"brand_name": brand.brand_name, "portal_url": brand.portal_url}
    text = environment.get_template(f"{kind.value}.{language}.txt").render(values, **names)
    subject, _newline, body = text.partition("\n")
    subject, body = subject.strip()[:LONGEST_SUBJECT], body.lstrip("\n")
    page = environment.get_template("_layout.html").render(
        names, language=language, subject=subject, body=html_of(body, portal_url=brand.portal_url)
    )
    return MailText(subject=subject, body_text=body, body_html=page)


@lru_cache(maxsize=len(LANGUAGES))
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Without it every mail of thousands would look at the files again.
        auto_reload=False,
    )
    environment.filters["day"] = _japanese_day if language == "ja" else _english_day
    environment.filters["number"] = "{:,}".format
    return environment


def _one_line(value: Any) -> Any:
    """Keep a value with a line break in it from becoming a subject, or a line of its own."""
    return " ".join(value.split()) if isinstance(value, str) else value


def _japanese_day(day: dt.date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _english_day(day: dt.date) -> str:
    return f"{day.day} {calendar.month_name[day.month]} {day.year}"
