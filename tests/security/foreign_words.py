"""Which accounts' words somebody may read, and what of others' stands in an answer."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from domain.permissions import AccountType
from tests.security.principals import Person, Trees
from tests.support.marks import Mark, marks_in

#: Of an account above, or of the support desks that one may assign: how it is called, and who acted.
_NAMES = frozenset({Mark.COMPANY, Mark.USER_NAME})
_EVERYTHING = frozenset(Mark)
_ACCOUNT_NUMBER = re.compile(r"(?<!\d)[1-9]\d{7}(?!\d)")
#: What differs from answer to answer without meaning anything: tokens, request ids.
_DRAWN = re.compile(r'value="[^"]{20,}"|name="csrf-token" content="[^"]+"|nonce="[^"]+"')


class ReadableWords:
    """What somebody may find in an answer."""

    def __init__(self, trees: Trees, person: Person) -> None:
        viewer = trees.account[person.account_id]
        self._may: dict[int, frozenset[Mark]] = {}
        self._numbers: Mapping[str, int] = {
            row.account_number: row.id for row in trees.accounts if row.account_number
        }
        above = {viewer.parent_id, viewer.privileged_msp_id, viewer.support_account_id}
        above |= {row.id for row in trees.accounts if row.account_type is AccountType.OPERATOR}
        # Whose customers they are that a support desk looks after.
        above |= {row.parent_id for row in trees.accounts if trees.is_below(viewer, row)}
        for row in trees.accounts:
            is_own = row.id in (viewer.id, person.portal_account_id)
            if is_own or trees.is_below(viewer, row):
                self._may[row.id] = _EVERYTHING
            elif row.id in above or self._is_desk(viewer, row):
                self._may[row.id] = _NAMES

    @staticmethod
    def _is_desk(viewer: Any, row: Any) -> bool:
        """Tell whether a row is a support desk of the viewer's own 特権MSP. Source: docs/rules.md R16."""
        return bool(
            row.account_type is AccountType.SUPPORT
            and viewer.account_type is AccountType.MSP
            and row.privileged_msp_id == viewer.privileged_msp_id
        )

    def unreadable(self, answer: Any) -> set[str]:
        """Return what an answer holds of accounts that are closed to somebody."""
        text = text_of(answer)
        found = {
            f"{mark} of account {number}" for mark, number in marks_in(text) if not self.is_open(mark, number)
        }
        for number in _ACCOUNT_NUMBER.findall(text):
            owner = self._numbers.get(number)
            if owner is not None and owner not in self._may:
                found.add(f"number {number} of account {owner}")
        return found

    def is_open(self, mark: Mark, number: int) -> bool:
        """Tell whether such a word of an account may be read."""
        return mark in self._may.get(number, frozenset())


def text_of(answer: Any) -> str:
    """Return the text of an answer; of a workbook that of all its sheets."""
    data: bytes = answer.get_data()
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            return "\n".join(
                book.read(name).decode("utf-8") for name in book.namelist() if name.endswith(".xml")
            )
    return data.decode("utf-8", "replace")


def comparable(answer: Any, name: str) -> str:
    """Return an answer without what is drawn at random, and without the name that the request itself had in it."""
    text = f"{answer.status_code} {answer.headers.get('Location', '')}\n{_DRAWN.sub('', text_of(answer))}"
    return text.replace(f"/{name}/", "/…/").replace(f"%2F{name}%2F", "%2F…%2F") if name else text
