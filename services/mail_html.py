"""The text of a mail as HTML: paragraphs, line breaks, rules, and links to the portal itself.

The HTML says what the text says, no more. An address that somebody typed (a company's website, a name) stays plain
text, so that no mail of ours leads astray. Plain string work: 10,000 notices are written in one request.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape

from markupsafe import Markup

_RULE = re.compile(r"(?m)^-{8,}$")
_PARAGRAPH_END = re.compile(r"\n\n+")
_INDENT = re.compile(r"(?m)^ +")
#: Marks that end a sentence and are no part of the address before them.
_CLOSING = ".,;:)"


def html_of(body_text: str, *, portal_url: str) -> Markup:
    """Return the paragraphs of a text, everything in it escaped; addresses below `portal_url` are links."""
    # A browser drops blanks at the beginning of a line; no-break spaces stay.
    text = _INDENT.sub(lambda blanks: "\u00a0" * len(blanks[0]), body_text)
    parts = (_paragraphs(part) for part in _RULE.split(_linked(text, portal_url.rstrip("/"))))
    return Markup("\n<hr>\n".join(parts))  # noqa: S704 - _linked has escaped every part of the text  # nosec B704


def _linked(text: str, portal_url: str) -> str:
    parts: list[str] = []
    end = 0
    for found in _links(portal_url).finditer(text) if portal_url else ():
        if found.start() and "!" <= text[found.start() - 1] <= "~":
            continue
        address = escape(found[0].rstrip(_CLOSING))
        parts += [escape(text[end : found.start()]), f'<a href="{address}">{address}</a>']
        end = found.start() + len(found[0].rstrip(_CLOSING))
    return "".join((*parts, escape(text[end:])))


def _paragraphs(html: str) -> str:
    return "\n".join(
        "<p>" + paragraph.replace("\n", "<br>\n") + "</p>"
        for paragraph in _PARAGRAPH_END.split(html.strip("\n"))
        if paragraph
    )


@lru_cache(maxsize=8)
def _links(portal_url: str) -> re.Pattern[str]:
    # Only where the host ends: https://portal.example.jp.evil.example is another one.
    return re.compile(rf"{re.escape(portal_url)}(?:/[!-~]*)?(?=[^!-~]|[{_CLOSING}]*(?:[^!-~]|$))")
