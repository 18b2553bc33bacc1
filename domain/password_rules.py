"""What makes a password one that others would guess. No rule asks for kinds of characters: length and rarity count.

Source: NIST SP 800-63B-4 and OWASP ASVS 5.0, chapter 6.2.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

SHORTEST_PASSWORD = 12
#: Longer ones would only cost time; 200 characters are more than any password manager makes.
LONGEST_PASSWORD = 200
#: A word about a person that is shorter than this stands in too many passwords by chance.
SHORTEST_WORD = 4
#: So many letters, and letters and digits together, beside words about the person make nothing rarer.
_FEW_LETTERS, _FEW_CHARACTERS = 3, 8
#: So many runs such as aaaa, 1234 and fedc are a pattern.
_FEW_RUNS = 3
_LEGAL_FORMS = re.compile(r"株式会社|有限会社|合同会社|一般社団法人|医療法人|学校法人|\(株\)|\(有\)")
#: Characters that are put in the place of letters.
_STAND_INS = str.maketrans("013457@$!", "oleastasi")
_DIGITS = "0123456789"
#: What everybody adds to a common password, as it is asked for.
_ADDED_AT_THE_END = _DIGITS + "!#$%&*+-./?@_ "


def normalize(password: str) -> str:
    """Return a password as it is compared: in NFC, else as it was typed.

    The same characters are sent composed by one system and decomposed by another. Nothing else is folded: neither
    case nor width nor blanks, and nothing is cut off.
    """
    return unicodedata.normalize("NFC", password)


def is_pattern(password: str) -> bool:
    """Tell whether a password is one short piece again and again, or made of a few runs such as 1234."""
    text = password.casefold()
    return _period(text) < SHORTEST_PASSWORD or len(list(_runs(text))) <= _FEW_RUNS


def is_about(password: str, words: Iterable[str]) -> bool:
    """Tell whether a password is little else than words about its holder, such as the user name or the company."""
    rest, found = _without_legal_form(password), False
    for word in sorted({_without_legal_form(word) for word in words}, key=len, reverse=True):
        if len(word) >= SHORTEST_WORD and word in rest:
            rest, found = rest.replace(word, ""), True
    letters = [character for character in rest if not character.isdigit()]
    return found and len(letters) <= _FEW_LETTERS and len(rest) <= _FEW_CHARACTERS


def words_about(
    *, user_name: str, email: str, full_name: str, company_name: str, brand_name: str
) -> list[str]:
    """Return what `is_about` is asked with for an administrator."""
    return [user_name, email, email.partition("@")[0], full_name, company_name, brand_name]


def guesses_of(password: str) -> Sequence[str]:
    """Return what a list of common passwords is asked for: the password, with less in it, and its middle.

    Digits and signs at either end, and signs in the place of letters, are what everybody adds to a common one.
    """
    whole = _fold(password)
    letters_first = whole.rstrip(_ADDED_AT_THE_END)
    found = [whole, _squeeze(password)]
    for text in (*found, letters_first):
        middle, replaced = _middle(text), text.translate(_STAND_INS)
        found += [replaced, middle, middle.translate(_STAND_INS), _middle(replaced)]
    return [text for text in dict.fromkeys(found) if len(text) >= SHORTEST_WORD]


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _squeeze(text: str) -> str:
    return "".join(character for character in _fold(text) if character.isalnum())


def _without_legal_form(text: str) -> str:
    return _squeeze(_LEGAL_FORMS.sub("", _fold(text)))


def _middle(text: str) -> str:
    """Return a text from its first letter to its last."""
    places = [place for place, character in enumerate(text) if character.isalpha()]
    return text[places[0] : places[-1] + 1] if places else ""


def _period(text: str) -> int:
    """Return the length of the piece that a text repeats at least once as a whole; else its own length."""
    for length in range(1, len(text) // 2 + 1):
        if text[length:] == text[:-length]:
            return length
    return len(text)


def _runs(text: str) -> Iterator[str]:
    """Yield a text in pieces within which each character follows the one before it, or is the same."""
    start = 0
    while start < len(text):
        end = start + 1
        step = _step(text[start : start + 2])
        while step is not None and _step(text[end - 1 : end + 1]) == step:
            end += 1
        yield text[start:end]
        start = end


def _step(pair: str) -> int | None:
    """Return 1, 0 or −1 for two characters that follow each other, 9 and 0 among them; else None."""
    if len(pair) < 2:
        return None
    if all(character in _DIGITS for character in pair):
        step = (int(pair[1]) - int(pair[0]) + 5) % 10 - 5
    else:
        step = ord(pair[1]) - ord(pair[0])
    return step if step in (-1, 0, 1) else None
