"""Somebody's authenticator app: shows the codes of a secret at any instant."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from domain.one_time_codes import one_time_code, read_code, step_at
from domain.permissions import Viewer
from services import second_factors
from services.secret_box import SecretBox
from services.transaction import transaction
from tests.builders import BRAND

#: As the settings of tests have it.
BOX = SecretBox("a-secret-of-tests-0123456789-abcdef")
STEP = dt.timedelta(seconds=30)


@dataclass(frozen=True)
class Authenticator:
    """A secret, and the recovery codes that came with it."""

    secret: str
    recovery_codes: tuple[str, ...]

    def code(self, now: dt.datetime) -> str:
        """Return what the app shows at an instant."""
        return one_time_code(self.secret, step_at(now))


def switch_on(viewer: Viewer, now: dt.datetime) -> Authenticator:
    """Give a viewer a second factor, as its page does; the code of this instant is used up by that."""
    begun = second_factors.begin_set_up(viewer=viewer, box=BOX, now=now)
    with transaction():
        codes = second_factors.confirm_set_up(
            viewer=viewer,
            token=begun.token,
            code=read_code(one_time_code(begun.secret, step_at(now))),
            kept_session=None,
            box=BOX,
            brand=BRAND,
            now=now,
        )
    return Authenticator(begun.secret, tuple(codes))
