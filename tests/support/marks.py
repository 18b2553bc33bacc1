"""Marks: which account a text belongs to, written into the text itself, so that any answer can be read for them.

A mark survives escaping, cutting to a column's width and the normalization of a search. A company's name and a
user name have marks of their own: of an account above, those two may be seen where nothing else may.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum


class Mark(StrEnum):
    """How a column carries the number of the account that its row belongs to."""

    TEXT = "text"
    COMPANY = "company"
    USER_NAME = "user name"
    EMAIL = "email"
    URL = "url"
    PHONE = "phone"
    POSTAL = "postal"
    #: JSON: the mark is a value in it.
    DETAILS = "details"


#: Columns whose texts have a shape of their own; every other text column carries a plain mark.
SHAPES: Mapping[str, Mark] = {
    "company_name": Mark.COMPANY,
    "user_name": Mark.USER_NAME,
    "actor_name": Mark.USER_NAME,
    "released_by_name": Mark.USER_NAME,
    "email": Mark.EMAIL,
    "contact_email": Mark.EMAIL,
    "reseller_contact_email": Mark.EMAIL,
    "recipient_email": Mark.EMAIL,
    "website_url": Mark.URL,
    "phone_number": Mark.PHONE,
    "reseller_phone_number": Mark.PHONE,
    "postal_code": Mark.POSTAL,
    "reseller_postal_code": Mark.POSTAL,
    "details": Mark.DETAILS,
    "result": Mark.DETAILS,
}
_FORMS = {
    Mark.TEXT: "印{}印",
    Mark.COMPANY: "社{}社",
    Mark.USER_NAME: "who{}who",
    Mark.EMAIL: "mark{}mark",
    Mark.URL: "site{}site",
    Mark.PHONE: "050-77{:02d}-{:04d}",
    Mark.POSTAL: "77{:d}-{:04d}",
}
_TEN_THOUSAND = 10_000
_FOUND = re.compile(
    r"印(?P<text>\d+)印|社(?P<company>\d+)社|who(?P<user_name>\d+)who|mark(?P<email>\d+)mark"
    r"|site(?P<url>\d+)site|050-77(?P<phone>00-\d{4})(?!\d)|(?<![\w-])77(?P<postal>0-\d{4})(?![\w-])"
)


def marked(mark: Mark, account_id: int, text: str, *, width: int | None = None) -> str:
    """Return a text with the mark of an account, no longer than a column."""
    if mark in (Mark.PHONE, Mark.POSTAL):
        return _FORMS[mark].format(*divmod(account_id, _TEN_THOUSAND))
    sign = _FORMS[mark].format(account_id)
    if mark is Mark.EMAIL:
        return f"{sign}.{text if '@' in text else 'a@example.jp'}"
    if mark is Mark.URL:
        return f"https://{sign}.example.jp/"
    joined = f"{sign}-{text}" if mark is Mark.USER_NAME else f"{sign}{text}"
    return joined[:width]


def marks_in(text: str) -> set[tuple[Mark, int]]:
    """Return (mark, account's id) of everything in a text that belongs to an account."""
    found = set()
    for match in _FOUND.finditer(text):
        kind = match.lastgroup or ""
        number = match[kind].replace("-", "")
        found.add((Mark(kind.replace("_", " ")), int(number)))
    return found
