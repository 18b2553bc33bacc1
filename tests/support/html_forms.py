"""The forms of a page as a browser would send them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class HtmlForm:
    """A form: where it goes, what it would send untouched, and of which kind each of its fields is."""

    action: str
    method: str
    values: dict[str, list[str]] = field(default_factory=dict)
    #: hidden, text, select, checkbox, radio, file, …
    kinds: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[HtmlForm] = []
        self._form: HtmlForm | None = None
        self._select = self._area = ""

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = HtmlForm(found.get("action", ""), found.get("method", "get").lower())
            self.forms.append(self._form)
        if self._form is None:
            return
        name = found.get("name", "")
        if tag == "input" and name:
            self._input(name, found)
        elif tag == "select":
            self._select = name
            self._form.kinds[name] = "select"
        elif tag == "option" and self._select:
            values = self._form.values.setdefault(self._select, [found.get("value", "")])
            if "selected" in found:
                values[:] = [found.get("value", "")]
        elif tag == "textarea":
            self._area = name
            self._form.kinds[name] = "textarea"
            self._form.values[name] = [""]

    def _input(self, name: str, found: dict[str, str]) -> None:
        assert self._form is not None
        kind = found.get("type", "text")
        self._form.kinds[name] = kind
        if kind not in ("checkbox", "radio", "submit", "file") or "checked" in found:
            self._form.values.setdefault(name, []).append(found.get("value", ""))

    def handle_data(self, data: str) -> None:
        if self._form is not None and self._area:
            self._form.values[self._area][0] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""


def forms_of(page: str) -> list[HtmlForm]:
    """Return the forms of a page from the top."""
    reader = _Reader()
    reader.feed(page)
    return reader.forms
