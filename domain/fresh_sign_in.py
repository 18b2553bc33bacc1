"""What asks for the password (and the code) once more: a session that was left open decides nothing grave."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.errors import DomainError

if TYPE_CHECKING:
    from domain.permissions import Viewer

#: For so long after the password was given it is not asked for again.
FRESH_FOR = dt.timedelta(minutes=10)


class FreshSignInNeeded(DomainError):
    """The password was given too long ago for this."""

    http_status = 422


@dataclass(frozen=True)
class Authentication:
    """What stands behind a session: when the password was given last, and how many points are many to it."""

    authenticated_at: dt.datetime
    #: A movement of at least so many points is grave.
    large_points: int

    def is_fresh(self, now: dt.datetime) -> bool:
        """Tell whether the password was given lately."""
        return now - self.authenticated_at <= FRESH_FOR


def check_fresh(viewer: Viewer, now: dt.datetime) -> None:
    """Refuse something grave to a session whose password was given too long ago.

    A viewer without a session (the command line, the clockwork, what was queued for it) passes.

    :raises FreshSignInNeeded: the password has to be given first.
    """
    if viewer.authentication is not None and not viewer.authentication.is_fresh(now):
        raise FreshSignInNeeded


def check_fresh_for_points(viewer: Viewer, points: int, now: dt.datetime) -> None:
    """Do the same for a movement, where it is of many points. :raises FreshSignInNeeded:"""
    if viewer.authentication is not None and points >= viewer.authentication.large_points:
        check_fresh(viewer, now)
