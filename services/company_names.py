"""会社名 of accounts that a viewer does not see: of who is above, of who looks after it. Nothing else of them.

Source: docs/rules.md R16. The row guard and the row policies hide those rows; what is asked for here is a name alone.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, SQLColumnExpression, Text, func, select

from models import Account, Administrator, db
from services.engines import is_postgresql


def company_name_of(account_id: SQLColumnExpression[int | None] | int) -> ColumnElement[str | None]:
    """Return the name of an account as SQL; NULL where there is no account."""
    if is_postgresql():
        return func.portal_company_name(account_id, type_=Text())
    # The bare tables: the guard adds its conditions to the mapped classes only.
    accounts = Account.__table__.alias()
    return select(accounts.c.company_name).where(accounts.c.id == account_id).scalar_subquery()


def employer_name_of(administrator_id: SQLColumnExpression[int | None]) -> ColumnElement[str | None]:
    """Return the name of the account for which an administrator works, as SQL; NULL where there is none."""
    if is_postgresql():
        return func.portal_employer_name(administrator_id, type_=Text())
    accounts, people = Account.__table__.alias(), Administrator.__table__.alias()
    return (
        select(accounts.c.company_name)
        .join(people, people.c.account_id == accounts.c.id)
        .where(people.c.id == administrator_id)
        .scalar_subquery()
    )


def find_company_name(account_id: int | None) -> str:
    """Return the name of an account; an empty text without one."""
    if account_id is None:
        return ""
    return db.session.execute(select(company_name_of(account_id))).scalar() or ""
