"""Whole numbers as people type them."""

from __future__ import annotations

import re

from domain.errors import DomainError
from domain.inputs.text import fold_width

# int() alone would also accept +5, 1_000, ٣ and 5,000 digits. Thirty digits are far beyond every range here.
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,30}")
_MINUS_SIGNS = str.maketrans({"\N{MINUS SIGN}": "-"})


class WholeNumberRefused(DomainError):
    """Say that a text is no whole number of the allowed range.

    Carries `minimum` and `maximum`, both allowed values themselves.
    """

    minimum: int
    maximum: int


def parse_whole_number(text: str, *, minimum: int, maximum: int) -> int:
    """Read a whole number of decimal digits.

    Full-width digits, a minus sign (where the range goes below zero) and surrounding blanks are accepted;
    separators, decimals, exponents, a plus sign and digits of other scripts are not.

    :raises WholeNumberRefused: no such number, or out of minimum … maximum.
    """
    plain = fold_width(text).strip().translate(_MINUS_SIGNS)
    if not _WHOLE_NUMBER.fullmatch(plain):
        raise WholeNumberRefused(minimum=minimum, maximum=maximum)
    number = int(plain)
    if not minimum <= number <= maximum:
        raise WholeNumberRefused(minimum=minimum, maximum=maximum)
    return number
