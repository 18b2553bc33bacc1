"""The two lines of defense behind the use cases: the session's guard, and the row policies of PostgreSQL.

Queries are written here as a careless view would write them: without any condition.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased

from domain.permissions import Viewer
from models import Account, Administrator, PointLine, ServiceUser, SignIn, db
from services import account_search, database_roles, row_guard, row_scope, sign_ins
from services.database_roles import Protection
from services.row_guard import RowOutOfScope
from services.row_scope import BEFORE_SIGN_IN, EVERYTHING, NOTHING, RowScope
from services.transaction import transaction

SCOPED: set[type[Any]] = {Account, *row_guard.ACCOUNT_OF, *row_guard.OF_ADMINISTRATORS}
#: Tables whose rows belong to no tenant, each with the reason.
NOBODYS = {
    "audit_seals": "hashes of events",
    "billing_chunks": "parts of a run, without any account's name or number",
    "billing_runs": "one a 25th, of the whole service",
    "portal_settings": "what the portal remembers of itself",
    "price_versions": "the same prices for everybody",
    "verifications": "checks of the whole ledger; shown to the operator",
    "worker_beats": "processes",
}


def viewer(user_name: str) -> Viewer:
    found = sign_ins.viewer_named(user_name)
    assert found is not None
    return found


def of(user_name: str) -> RowScope:
    return row_scope.of_viewer(viewer(user_name))


@pytest.fixture
def content() -> str:
    return "demo"


@pytest.fixture(autouse=True)
def inside(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield
        db.session.rollback()


def scoped_tables() -> set[str]:
    return {model.__tablename__ for model in SCOPED}


def needs_policies() -> bool:
    """Tell whether the engine has them; the guard alone is asked on the other."""
    return db.session.get_bind().dialect.name == "postgresql"


def own_ids(account_id: int) -> set[int]:
    """Return an account and those below it, in Python."""
    upwards = (Account.id, Account.parent_id, Account.privileged_msp_id, Account.support_account_id)
    rows = db.session.execute(select(*upwards)).all()
    return {row.id for row in rows if account_id in row}


def test_every_table_is_somebodys_or_listed_as_nobodys() -> None:
    names = scoped_tables()
    assert not names & set(NOBODYS)
    assert names | set(NOBODYS) == {table.name for table in db.metadata.sorted_tables}


def test_without_a_scope_there_are_no_rows() -> None:
    with row_scope.scoped(NOTHING):
        for model in SCOPED:
            assert db.session.scalars(select(func.count()).select_from(model)).one() == 0, model
            assert db.session.scalars(select(model).limit(1)).all() == []
        if needs_policies():
            for table in scoped_tables():
                statement = text(f"SELECT count(*) FROM {table}")
                assert db.session.execute(statement).scalar_one() == 0, table


@pytest.mark.parametrize("user_name", ["distributor", "msp-a", "msp-b", "support", "customer-a"])
def test_a_careless_query_sees_ones_own_rows_and_those_below(user_name: str) -> None:
    scope = of(user_name)
    assert scope.account_id is not None
    own = own_ids(scope.account_id)
    people = set(db.session.scalars(select(Administrator.id).where(Administrator.account_id.in_(own))))
    everything = {
        model: set(db.session.scalars(select(getattr(model, name)).distinct()))
        for model, name in row_guard.ACCOUNT_OF.items()
    }
    with row_scope.scoped(scope):
        assert set(db.session.scalars(select(Account.id))) == own
        other = aliased(Account)
        assert set(db.session.scalars(select(other.id))) == own
        for model, name in row_guard.ACCOUNT_OF.items():
            seen = set(db.session.scalars(select(getattr(model, name)).distinct()))
            assert seen == everything[model] & own, model
        assert set(db.session.scalars(select(SignIn.administrator_id))) <= people
        for model, name in row_guard.ACCOUNT_OF.items() if needs_policies() else ():
            statement = text(f"SELECT DISTINCT {name} FROM {model.__tablename__}")
            assert set(db.session.scalars(statement)) == everything[model] & own, model


def test_joins_subqueries_aliases_and_counts_are_scoped_alike() -> None:
    scope = of("msp-a")
    own = own_ids(scope.account_id or 0)
    of_line, actor = aliased(Account), aliased(Administrator)
    joined = (
        select(PointLine.account_id, of_line.id, actor.account_id)
        .outerjoin(of_line, of_line.id == PointLine.account_id)
        .outerjoin(actor, actor.id == PointLine.administrator_id)
    )
    with row_scope.scoped(scope):
        for row in db.session.execute(joined):
            assert {value for value in row if value is not None} <= own
        inner = select(Account.id).subquery()
        assert db.session.scalars(select(func.count()).select_from(inner)).one() == len(own)
        cte = select(PointLine.account_id).cte()
        assert set(db.session.scalars(select(cte.c.account_id))) <= own


def test_a_row_is_not_found_by_its_key_either() -> None:
    foreign = db.session.scalars(
        select(Account.id).where(Account.parent_id == viewer("msp-b").account_id).order_by(Account.id)
    ).first()
    db.session.expunge_all()
    with row_scope.scoped(of("msp-a")):
        assert db.session.get(Account, foreign) is None
        assert db.session.scalars(select(Account).where(Account.id == foreign)).all() == []


def test_changes_by_statement_reach_no_foreign_row() -> None:
    for table in (ServiceUser, Administrator):
        with transaction():
            before = db.session.scalars(select(func.count()).select_from(table)).one()
        with transaction(), row_scope.scoped(of("msp-b")):
            own = db.session.scalars(select(func.count()).select_from(table)).one()
            changed = db.session.execute(update(table).values(full_name="x"))
            assert (changed.rowcount, own < before) == (own, True)  # type: ignore[attr-defined]
            db.session.rollback()
    with row_scope.scoped(of("msp-b")):
        removed = db.session.execute(delete(ServiceUser))
        assert removed.rowcount < before + 1_000  # type: ignore[attr-defined]
        db.session.rollback()


def test_statements_that_the_guard_does_not_see_are_held_by_the_policies() -> None:
    if not needs_policies():
        # SQLite has no policies: the statements of bare SQL are few there, and each is in services/.
        assert database_roles.protection(db.session.connection()) is Protection.NONE
        return
    foreign = viewer("msp-b").account_id
    with row_scope.scoped(of("msp-a")):
        seen = db.session.execute(text("SELECT count(*) FROM accounts WHERE id = :id"), {"id": foreign})
        assert seen.scalar_one() == 0
        changed = db.session.execute(
            text("UPDATE accounts SET company_name = 'taken' WHERE id = :id"), {"id": foreign}
        )
        assert changed.rowcount == 0  # type: ignore[attr-defined]
        event = "INSERT INTO audit_events (recorded_at, action, account_id, actor_name, details) "
        with pytest.raises(DBAPIError, match="row-level security"):
            db.session.execute(text(event + "VALUES (now(), 'x', :id, '', '{}')"), {"id": foreign})
        db.session.rollback()
        with pytest.raises(DBAPIError, match="row-level security"):
            # Its own row may not be handed to another tenant.
            db.session.execute(text("UPDATE service_users SET account_id = :id"), {"id": foreign})


def first_customer(user_name: str) -> Account:
    statement = select(Account).where(Account.parent_id == viewer(user_name).account_id)
    return db.session.scalars(statement.order_by(Account.id)).all()[0]


def user_of(account_id: int) -> ServiceUser:
    now = db.session.scalars(select(func.max(Account.applied_at))).one()
    return ServiceUser(account_id=account_id, user_name="new", full_name="新", created_at=now, updated_at=now)


def write(change: Any) -> None:
    with transaction() as session, row_scope.scoped(of("msp-a")):
        change(session)
        session.flush()


def test_no_object_of_another_tenant_is_written() -> None:
    mine, theirs = first_customer("msp-a"), first_customer("msp-b")
    my_id, their_id, their_msp = mine.id, theirs.id, viewer("msp-b").account_id

    def fetched(session: Any, account_id: int) -> Account:
        # As if it had been read before the scope was set: the identity map knows no scopes.
        with row_scope.scoped(EVERYTHING):
            account: Account = session.get_one(Account, account_id)
        return account

    def take_over(session: Any) -> None:
        fetched(session, their_id).parent_id = viewer("msp-a").account_id

    def edit(session: Any) -> None:
        fetched(session, their_id).company_name = "x"

    def give_away(session: Any) -> None:
        fetched(session, my_id).parent_id = their_msp

    def create(session: Any) -> None:
        session.add(user_of(their_id))

    def create_for_oneself(session: Any) -> None:
        session.add(user_of(my_id))

    for refused in (take_over, edit, give_away, create):
        with pytest.raises(RowOutOfScope):
            write(refused)
    write(create_for_oneself)


def test_no_object_of_another_tenant_is_deleted() -> None:
    with transaction() as session:
        session.add(user_of(first_customer("msp-a").id))
    found = db.session.scalars(select(ServiceUser).order_by(ServiceUser.id.desc())).all()[0]
    with row_scope.scoped(of("msp-b")):
        db.session.delete(found)
        with pytest.raises(RowOutOfScope):
            db.session.flush()


def test_before_sign_in_only_what_that_takes_is_there() -> None:
    there = {model: db.session.scalars(select(func.count()).select_from(model)).one() for model in SCOPED}
    stranger = user_of(first_customer("msp-a").id)
    with row_scope.scoped(BEFORE_SIGN_IN):
        open_then: set[type[Any]] = {Account, *row_guard.BEFORE_SIGN_IN}
        for model in open_then:
            seen = db.session.scalars(select(func.count()).select_from(model)).one()
            assert seen == there[model], model
        for model in SCOPED - open_then:
            assert db.session.scalars(select(model).limit(1)).all() == [], model
        db.session.add(stranger)
        with pytest.raises(RowOutOfScope):
            db.session.flush()


def test_a_look_beyond_is_over_at_its_end_and_says_why() -> None:
    scope = of("msp-a")
    with row_scope.scoped(scope):
        narrow = db.session.scalars(select(func.count(Account.id))).one()
        with row_scope.beyond("a test counts all"):
            assert db.session.scalars(select(func.count(Account.id))).one() > narrow
            assert row_scope.current() == EVERYTHING
        assert db.session.scalars(select(func.count(Account.id))).one() == narrow
        with pytest.raises(ValueError, match="reason"), row_scope.beyond(""):
            pass
    with row_scope.scoped(NOTHING), row_scope.beyond("nobody is there who could"):
        assert db.session.scalars(select(func.count(Account.id))).one() == 0


def test_a_scope_ends_with_its_transaction() -> None:
    """A connection goes back to the pool and to another tenant's request."""
    if not needs_policies():
        assert row_scope.current() == EVERYTHING
        return
    with row_scope.scoped(of("msp-a")):
        assert db.session.execute(text("SELECT count(*) FROM accounts")).scalar_one() > 0
        db.session.rollback()
    with db.engine.connect() as connection:
        # Nobody told this transaction anything.
        assert connection.execute(text("SELECT count(*) FROM accounts")).scalar_one() == 0


def test_the_application_owns_nothing_and_is_bound() -> None:
    if not needs_policies():
        assert database_roles.protection(db.session.connection()) is Protection.NONE
        return
    assert database_roles.protection(db.session.connection()) is Protection.BOUND
    owned = text(
        "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = user"
    )
    assert db.session.execute(owned).scalar_one() == 0
    forced = text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
    assert set(db.session.scalars(forced)) == scoped_tables()
    for table in database_roles.APPEND_ONLY:
        with pytest.raises(DBAPIError, match="permission denied"):
            db.session.execute(text(f"DELETE FROM {table}"))
        db.session.rollback()


@pytest.mark.parametrize("user_name", ["distributor", "msp-a", "support", "customer-a"])
def test_the_search_finds_what_the_rows_say_within_the_scope(user_name: str) -> None:
    every = {row.id: row.search_text for row in db.session.execute(select(Account.id, Account.search_text))}
    own = own_ids(of(user_name).account_id or 0)
    for words in ("株式会社", "会 社", "example.jp", "%", "_", "!", "\\", "' OR true --", "03-"):
        parts = account_search.search_words(words)
        texts = {key: found for key, found in every.items() if key in own}
        expected = {key for key, found in texts.items() if all(part in found for part in parts)}
        with row_scope.scoped(of(user_name)):
            found = select(Account.id).where(account_search.account_contains(words))
            assert set(db.session.scalars(found)) == expected, words
            if needs_policies():
                assert set(ids_by_index(parts)) == expected, words
        with row_scope.scoped(NOTHING):
            assert db.session.scalars(found).all() == []
            assert not needs_policies() or ids_by_index(parts) == []


def ids_by_index(parts: list[str]) -> list[int]:
    patterns = [account_search.pattern_of(part) for part in parts]
    statement = text("SELECT portal_search_accounts(CAST(:patterns AS text[]))")
    return list(db.session.scalars(statement, {"patterns": patterns}))


def test_a_text_that_very_many_contain_is_compared_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_search, "MOST_IDS", 3)
    with row_scope.scoped(of("msp-a")):
        found = set(db.session.scalars(select(Account.id).where(account_search.account_contains("株式会社"))))
    assert len(found) > 3
    assert found <= own_ids(viewer("msp-a").account_id)
