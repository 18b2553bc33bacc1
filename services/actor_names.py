"""Who did it, as a viewer may know it: by user name within one's own tree, by company name above it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, case, func, literal, null
from sqlalchemy.orm import aliased

from domain.permissions import Viewer
from models import Account, Administrator
from services import access
from services.company_names import employer_name_of
from services.words import CLOCKWORK_ACTOR


class Actors:
    """Joins administrators and their accounts to a statement, once for each row. Source: docs/rules.md R16."""

    def __init__(self, viewer: Viewer, administrator_id: SQLColumnExpression[int | None]) -> None:
        self._administrator_id = administrator_id
        self._person = aliased(Administrator)
        self._account = aliased(Account)
        self._is_near = access.history_scope(viewer, self._account)

    def joined(self, statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        """Return the statement with the actors beside its rows."""
        return statement.outerjoin(self._person, self._person.id == self._administrator_id).outerjoin(
            self._account, self._account.id == self._person.account_id
        )

    def name(self) -> ColumnElement[str]:
        """Return the name as SQL; CLOCKWORK_ACTOR where nobody pressed a button."""
        return case(
            (self._administrator_id.is_(None), literal(CLOCKWORK_ACTOR)),
            (self._is_near, self._person.user_name),
            else_=employer_name_of(self._administrator_id),
        )

    def found_by(self) -> ColumnElement[str]:
        """Return what a typed name is compared with: nothing that is not shown."""
        return case(
            (self._administrator_id.is_(None), literal("自動処理 automatic")),
            else_=func.lower(self.name()),
        )

    def address(self, remote_address: SQLColumnExpression[str | None]) -> ColumnElement[str | None]:
        """Return where the request came from, for people of one's own tree only."""
        return case((self._is_near, remote_address), else_=null())
