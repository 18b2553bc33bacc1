"""Where to go back to, as the browser names it."""

from __future__ import annotations

_MAXIMUM_LENGTH = 2000


def safe_return_path(text: str | None) -> str | None:
    r"""Return the text when it is a path of this site, else None.

    A path begins with exactly one slash. Browsers read backslashes as slashes and skip tabs and line breaks,
    so neither may occur anywhere; "//host" and "/\host" would be another site.
    """
    if not text or len(text) > _MAXIMUM_LENGTH or not text.startswith("/") or text.startswith("//"):
        return None
    if "\\" in text or any(ord(character) <= 0x20 or 0x7F <= ord(character) <= 0xA0 for character in text):
        return None
    return text
