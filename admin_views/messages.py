"""The words for every anticipated refusal: one row per concrete DomainError, its attributes by name."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask_babel import LazyString, lazy_pgettext

from admin_views.approval_messages import APPROVAL_MESSAGES
from admin_views.formatting import date_text
from admin_views.input_messages import INPUT_MESSAGES
from admin_views.refusal_messages import REFUSAL_MESSAGES
from admin_views.shown_messages import SHOWN_MESSAGES
from admin_views.sign_in_messages import SIGN_IN_MESSAGES
from domain.errors import DomainError

#: Words with %(attribute)s of the error. Whole numbers get thousands separators, dates look as on every screen.
WORDS: dict[type[DomainError], Any] = {
    **INPUT_MESSAGES,
    **REFUSAL_MESSAGES,
    **APPROVAL_MESSAGES,
    **SHOWN_MESSAGES,
    **SIGN_IN_MESSAGES,
}


class WordsMissing(LookupError):
    """A DomainError has no row in WORDS: a mistake of ours."""


def message_for(error: DomainError) -> LazyString:
    """Return the words for a refusal, in the language of the request that shows them.

    :raises WordsMissing: when neither its class nor a class above it has a row.
    """
    words = next((WORDS[kind] for kind in type(error).__mro__ if kind in WORDS), None)
    if words is None:
        raise WordsMissing(type(error).__name__)
    shown = {name: _shown(value) for name, value in error.data.items()}
    return LazyString(lambda: str(words) % shown)


def unmapped_errors() -> list[type[DomainError]]:
    """Return the concrete DomainErrors of all imported modules that have no words."""
    return sorted(
        (
            kind
            for kind in _descendants(DomainError)
            if not kind.__subclasses__() and not any(parent in WORDS for parent in kind.__mro__)
        ),
        key=lambda kind: f"{kind.__module__}.{kind.__name__}",
    )


def _descendants(kind: type[DomainError]) -> set[type[DomainError]]:
    return {found for child in kind.__subclasses__() for found in {child, *_descendants(child)}}


def _shown(value: Any) -> str | LazyString:
    if value is None:
        return lazy_pgettext("value", "未設定")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}".replace("-", "−")
    return date_text(value) if isinstance(value, dt.date) else str(value)
