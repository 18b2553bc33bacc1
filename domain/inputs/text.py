r"""Free text: what is stored, and how it is found again.

Text is stored in NFC, so that ㈱, 髙, 𠮷, half-width kana and emoji stay as typed (NFKC would rewrite
the first and the fourth). NFC would replace the CJK compatibility ideographs that Japanese names are
written with (\uFA19 for 神), so those are left out of it. Searching compares `search_key` of both sides.
"""

from __future__ import annotations

import re
import unicodedata

from domain.errors import DomainError

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_COMPATIBILITY_IDEOGRAPHS = re.compile("([\uf900-\ufaff\U0002f800-\U0002fa1f]+)")
_ZERO_WIDTH_JOINER = "\u200d"
_ZERO_WIDTH = frozenset("\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")
_BIDI_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# They take room and show nothing: a name made of them alone is blank.
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_UNSEEN = _ZERO_WIDTH | _FILLERS
_LINE_BREAKS = re.compile("\r\n|[\r\u0085\u2028\u2029]")
_VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# Shapes of one and the same kanji in Japanese names; people search with the one their keyboard offers first.
_NAME_KANJI = str.maketrans(
    "髙﨑嵜𠮷濵濱邊邉齋齊斎德瀨栁桒槗舘嶋眞淸冨", "高崎崎吉浜浜辺辺斉斉斉徳瀬柳桑橋館島真清富"
)


class TextTooLong(DomainError):
    """Say that a text has more than `maximum` characters."""

    maximum: int
    length: int


class ForbiddenCharacter(DomainError):
    """Say that a text holds a control character or a character that turns the reading direction.

    Carries `code_point`, such as "U+0000".
    """

    code_point: str


def fold_width(text: str) -> str:
    """Return the text with full-width ASCII characters and blanks as ordinary ones."""
    return text.translate(_FULL_WIDTH)


def clean_line(text: str, *, maximum: int) -> str:
    """Return one line of text as it is stored: NFC, without surrounding blanks and zero-width characters.

    A text of which nothing can be seen becomes "".

    :raises ForbiddenCharacter: a control character, a line break or a direction override in it.
    :raises TextTooLong: more than `maximum` characters.
    """
    return _checked(_normalized(text).strip(), allowed="", maximum=maximum)


def clean_note(text: str, *, maximum: int) -> str:
    r"""Return text of several lines as it is stored: like `clean_line`, with line breaks as \n and tabs kept.

    :raises ForbiddenCharacter: another control character or a direction override in it.
    :raises TextTooLong: more than `maximum` characters.
    """
    lines = _LINE_BREAKS.sub("\n", _normalized(text))
    return _checked(lines.rstrip().lstrip(" \n\u3000"), allowed="\n\t", maximum=maximum)


def is_forbidden(character: str) -> bool:
    """Say whether a character may be stored nowhere: controls, overrides, surrogates, non-characters."""
    if character in _BIDI_OVERRIDES or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return True
    return ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF


def is_blank(text: str) -> bool:
    """Say whether nothing of the text can be seen."""
    plain = _VARIATION_SELECTORS.sub("", text)
    return all(character.isspace() or character in _UNSEEN for character in plain)


def search_key(text: str) -> str:
    """Return the form in which texts are compared: NFKC, case folded, one shape a name kanji, single blanks.

    A column of these is kept beside what is searched; a change here means to fill that column again.
    """
    visible = "".join(character for character in text if character not in _ZERO_WIDTH)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    plain = _VARIATION_SELECTORS.sub("", folded).casefold()
    return " ".join(unicodedata.normalize("NFKC", plain.translate(_NAME_KANJI)).split())


def _normalized(text: str) -> str:
    shown = "".join(
        character
        for index, character in enumerate(text)
        if character not in _ZERO_WIDTH or _joins_emoji(text, index)
    )
    parts = _COMPATIBILITY_IDEOGRAPHS.split(shown)
    return "".join(
        part if index % 2 else unicodedata.normalize("NFC", part) for index, part in enumerate(parts)
    )


def _joins_emoji(text: str, index: int) -> bool:
    """Say whether the zero-width joiner at index holds two pictures together, as in a profession emoji."""
    if text[index] != _ZERO_WIDTH_JOINER or not 0 < index < len(text) - 1:
        return False
    before, after = text[index - 1], text[index + 1]
    return unicodedata.category(after) == "So" and (
        before == "\ufe0f" or unicodedata.category(before) in ("So", "Sk")
    )


def _checked(text: str, *, allowed: str, maximum: int) -> str:
    for character in text:
        if character not in allowed and is_forbidden(character):
            raise ForbiddenCharacter(code_point=f"U+{ord(character):04X}")
    if len(text) > maximum:
        raise TextTooLong(maximum=maximum, length=len(text))
    return "" if is_blank(text) else text
