"""What a dialog showed of a value, held against the value under the lock. Source: docs/decisions/0007."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from domain.errors import DomainError


@dataclass(frozen=True)
class Shown:
    """The value that somebody had before him; a value of None was shown as not set."""

    value: int | dt.date | None


class ShownValueChanged(DomainError):
    """A value is no longer the one that was shown; carries `shown` and `current`."""

    http_status = 409


class ContractUsersChanged(ShownValueChanged):
    """契約ユーザ数 is no longer the one that was shown."""


class ContractDateChanged(ShownValueChanged):
    """契約日 is no longer the one that was shown."""


class CancellationDateChanged(ShownValueChanged):
    """解約予定日 is no longer the one that was shown."""


def check_shown(shown: Shown | None, current: int | dt.date | None, refusal: type[ShownValueChanged]) -> None:
    """Refuse to change a value that is not the one that was shown; `shown` None: nobody was shown one.

    :raises ShownValueChanged: as `refusal`.
    """
    if shown is not None and shown.value != current:
        raise refusal(shown=shown.value, current=current)
