"""The search through accounts, by an index where there is one.

Under a row policy PostgreSQL uses no trigram index for LIKE: the comparison might leak a row before the policy
hides it. A function of the schema's owner, which applies the scope itself, finds the ids by the index instead; a
text that so many accounts contain that it gives up is compared row by row, as on SQLite.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Text, any_, func, literal, select

from models import Account, db
from services.engines import is_postgresql
from services.list_clauses import is_findable, matches_words, pattern_of, search_words

#: The function gives up at one more than this.
MOST_IDS = 10_000


def account_contains(text: str) -> ColumnElement[bool]:
    """Return the condition that every word of a typed text occurs in the search text of an Account row."""
    return account_matches(search_words(text))


def account_matches(words: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that each of some normalized words occurs in the search text of an Account row."""
    if words and is_postgresql() and all(map(is_findable, words)):
        ids = _ids_by_index([pattern_of(word) for word in words])
        if len(ids) <= MOST_IDS:
            return Account.id == any_(literal(ids, ARRAY(BigInteger)))
    return matches_words([Account.search_text], words)


def _ids_by_index(patterns: list[str]) -> list[int]:
    found = func.portal_search_accounts(literal(patterns, ARRAY(Text)), type_=BigInteger)
    return list(db.session.scalars(select(found)))
