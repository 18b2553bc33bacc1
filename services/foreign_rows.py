"""Whether a row that was refused exists at all: for the security log alone, never for an answer.

It looks beyond the viewer's rows, which nothing else of a page does; what it finds goes nowhere but into the log.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import select

from models import (
    Account,
    Administrator,
    ApprovalRequest,
    BillingRehearsal,
    MenuPreset,
    ServiceUser,
    SignIn,
    db,
)
from services import row_scope


class RowKind(StrEnum):
    """What is asked for by an id."""

    ACCOUNT = "account"
    ADMINISTRATOR = "administrator"
    APPROVAL = "approval"
    MENU_PRESET = "menu_preset"
    REHEARSAL = "rehearsal"
    SERVICE_USER = "service_user"
    SESSION = "session"


_MODELS: dict[RowKind, Any] = {
    RowKind.ACCOUNT: Account,
    RowKind.ADMINISTRATOR: Administrator,
    RowKind.APPROVAL: ApprovalRequest,
    RowKind.MENU_PRESET: MenuPreset,
    RowKind.REHEARSAL: BillingRehearsal,
    RowKind.SERVICE_USER: ServiceUser,
    RowKind.SESSION: SignIn,
}


def exists(kind: RowKind, row_id: int) -> bool:
    """Tell whether there is such a row, whosever it is. One statement, the same for every answer."""
    model = _MODELS[kind]
    with row_scope.beyond("the security log tells a foreign row from a missing one; the answer does not"):
        return db.session.execute(select(model.id).where(model.id == row_id)).first() is not None
