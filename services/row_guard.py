"""The session's own guard: what a query forgot to scope is scoped, and no row of another tenant is written.

It holds for whatever goes through the ORM, on both engines; importing it puts it in place. Statements of bare SQL
are beyond it: on PostgreSQL the row policies hold those too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    event,
    exists,
    false,
    inspect,
    select,
)
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.sql.base import ExecutableOption

from domain.errors import DomainError
from models import (
    Account,
    Administrator,
    ApprovalRequest,
    AuditEvent,
    BillingItem,
    BillingRehearsal,
    BillingRehearsalItem,
    BounceLift,
    Cancellation,
    ContractUserChange,
    FourEyesRule,
    MenuPreset,
    OneTimeLink,
    OutgoingMail,
    PointBalance,
    PointLine,
    PointRequest,
    RecoveryCode,
    SecondFactor,
    ServiceUser,
    SignIn,
)
from services import row_scope
from services.row_scope import Reach, RowScope

#: Table → the column that names the account to which a row belongs.
ACCOUNT_OF: dict[type[Any], str] = {
    Administrator: "account_id",
    ApprovalRequest: "account_id",
    AuditEvent: "account_id",
    BillingItem: "account_id",
    BillingRehearsal: "scope_account_id",
    BillingRehearsalItem: "account_id",
    BounceLift: "account_id",
    Cancellation: "account_id",
    ContractUserChange: "account_id",
    FourEyesRule: "account_id",
    MenuPreset: "account_id",
    OutgoingMail: "account_id",
    PointBalance: "account_id",
    PointLine: "account_id",
    RecoveryCode: "account_id",
    SecondFactor: "account_id",
    ServiceUser: "account_id",
}
#: Tables whose rows belong to a person, and so to that person's account.
OF_ADMINISTRATORS: tuple[type[Any], ...] = (OneTimeLink, PointRequest, SignIn)
#: What is read and written before anybody is signed in; accounts are only read then.
BEFORE_SIGN_IN: tuple[type[Any], ...] = (
    Administrator,
    AuditEvent,
    OneTimeLink,
    OutgoingMail,
    RecoveryCode,
    SecondFactor,
    SignIn,
)
#: Columns of an account that lead to the account itself or to one above it: who may see the row.
_UPWARDS = ("id", "parent_id", "privileged_msp_id", "support_account_id")


class RowOutOfScope(DomainError):
    """A row that is not the viewer's was about to be written: the last line of defense behind the use cases.

    To who asked it is a row that does not exist.
    """

    http_status = 404


def _own_account_id() -> int | None:
    return row_scope.current().account_id


#: Asked for at each execution: the same SQL, which is compiled once, serves every scope of the kind.
_OWN: ColumnElement[int] = bindparam("portal_account", callable_=_own_account_id, type_=BigInteger())


def _belongs(account: Any) -> ColumnElement[bool]:
    """Return the condition that an account is the scope's or below it; `account` holds its columns.

    Not an OR over the columns: no plan shall begin at this condition instead of at the query's own.
    """
    return _OWN.in_([getattr(account, name) for name in _UPWARDS])


def _is_in_scope(row: Any) -> ColumnElement[bool]:
    """Return the condition of a mapped class or of an alias of one.

    SQLAlchemy keeps one function of this code for all classes, and makes parameters of what it names: so it
    closes over nothing and only hands on.
    """
    return _condition_of(row)


def _condition_of(row: Any) -> ColumnElement[bool]:
    name = row.__tablename__
    if name == Account.__tablename__:
        return _belongs(row)
    # Tables of their own in the subquery: no criteria are added to those.
    above = Account.__table__.alias()
    seen = exists().where(_belongs(above.c))
    if name in _PEOPLES_TABLES:
        people = Administrator.__table__.alias()
        return seen.where(above.c.id == people.c.account_id, people.c.id == row.administrator_id)
    return seen.where(above.c.id == getattr(row, _ACCOUNT_COLUMNS[name]))


def _is_nothing(_row: Any) -> ColumnElement[bool]:
    return false()


_ACCOUNT_COLUMNS = {model.__tablename__: column for model, column in ACCOUNT_OF.items()}
_PEOPLES_TABLES = frozenset(model.__tablename__ for model in OF_ADMINISTRATORS)
_SCOPED: tuple[type[Any], ...] = (Account, *ACCOUNT_OF, *OF_ADMINISTRATORS)


def _criteria(
    condition: Callable[[Any], ColumnElement[bool]], models: Iterable[type[Any]]
) -> tuple[ExecutableOption, ...]:
    return tuple(
        with_loader_criteria(model, condition, include_aliases=True, track_closure_variables=False)
        for model in models
    )


#: What is added to every statement of the ORM, by the reach of the scope.
_CRITERIA = {
    Reach.NOTHING: _criteria(_is_nothing, _SCOPED),
    Reach.BEFORE_SIGN_IN: _criteria(_is_nothing, set(_SCOPED) - {Account, *BEFORE_SIGN_IN}),
    Reach.ACCOUNT: _criteria(_is_in_scope, _SCOPED),
}


@event.listens_for(Session, "do_orm_execute")
def _scope_statement(state: ORMExecuteState) -> None:
    scope = row_scope.current()
    if scope.reach is Reach.EVERYTHING or state.is_column_load:
        return
    if state.is_select or state.is_update or state.is_delete:
        state.statement = state.statement.options(*_CRITERIA[scope.reach])


@event.listens_for(Session, "after_begin")
def _tell_scope(_session: Session, _transaction: Any, connection: Connection) -> None:
    row_scope.tell_database(connection)


@event.listens_for(Session, "before_flush")
def _refuse_foreign_rows(session: Session, _context: Any, _instances: Any) -> None:
    """Refuse to write a row that is not, was not, or shall not be within the scope.

    :raises RowOutOfScope: for the first such row.
    """
    scope = row_scope.current()
    if scope.reach is Reach.EVERYTHING:
        return
    written = [*session.new, *filter(session.is_modified, session.dirty), *session.deleted]
    changed = [row for row in written if isinstance(row, _SCOPED)]
    if scope.reach is Reach.ACCOUNT:
        _check_accounts([row for row in changed if isinstance(row, Account)], scope)
        _check_owners(session, changed, scope)
        return
    allowed = BEFORE_SIGN_IN if scope.reach is Reach.BEFORE_SIGN_IN else ()
    for row in changed:
        if not isinstance(row, allowed):
            raise RowOutOfScope(table=row.__tablename__)


def _check_accounts(changed: Iterable[Account], scope: RowScope) -> None:
    """Check that accounts were and stay within the scope, by the columns that lead upwards."""
    for account in changed:
        before, after = _values(account, _UPWARDS)
        was_there = inspect(account).persistent
        if scope.account_id not in after or (was_there and scope.account_id not in before):
            raise RowOutOfScope(table=account.__tablename__)


def _check_owners(session: Session, changed: Iterable[Any], scope: RowScope) -> None:
    """Check the accounts and persons to whom rows belong, and under whom accounts are put, in one query each."""
    accounts: set[int] = set()
    people: set[int] = set()
    for row in changed:
        if isinstance(row, OF_ADMINISTRATORS):
            people |= set().union(*_values(row, ("administrator_id",)))
        elif isinstance(row, Account):
            before, after = _values(row, ("parent_id",))
            accounts |= after - before
        else:
            accounts |= set().union(*_values(row, (ACCOUNT_OF[type(row)],)))
    # The bare tables: what this very flush is about to write is not looked for in the database.
    own, persons = Account.__table__, Administrator.__table__
    accounts -= {scope.account_id, *(row.id for row in session.new if isinstance(row, Account))}
    of_people = select(persons.c.id).join(own, own.c.id == persons.c.account_id)
    _check_found(session, select(own.c.id).where(own.c.id.in_(accounts), _belongs(own.c)), accounts)
    _check_found(session, of_people.where(persons.c.id.in_(people), _belongs(own.c)), people)


def _check_found(session: Session, statement: Select[Any], wanted: set[int]) -> None:
    if wanted and wanted - set(session.connection().execute(statement).scalars()):
        raise RowOutOfScope(ids=sorted(wanted))


def _values(row: Any, names: Iterable[str]) -> tuple[set[int], set[int]]:
    """Return what columns of a row held in the database, and what they shall hold."""
    state = inspect(row)
    before: set[int] = set()
    after: set[int] = set()
    for name in names:
        history = state.attrs[name].load_history()
        before |= {value for value in (*history.unchanged, *history.deleted) if value is not None}
        after |= {value for value in (*history.unchanged, *history.added) if value is not None}
    return before, after
