"""What every test stands on: real databases of both engines, the real application, a clock to move.

The invariants are checked after every test that had an application.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from admin_views import csrf as csrf_guard
from admin_views.request_context import SESSION_TOKEN
from models import Administrator, db
from services import invariants, sign_ins
from services.transaction import transaction
from tests.support.databases import ENGINES, DatabaseFactory, MovableClock, build_app
from tests.support.postgres_server import PostgresServer, running_postgres

SignIn = Callable[[FlaskClient, str], None]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give a real PostgreSQL for the whole run of this process."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session", params=ENGINES)
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> DatabaseFactory:
    """Give the databases of each engine in turn."""
    engine = request.param
    server = request.getfixturevalue("postgres_server") if engine == "postgresql" else None
    return DatabaseFactory(engine, tmp_path_factory.mktemp("databases"), server)


@pytest.fixture
def content() -> str:
    """Name what the database of `app` holds; a folder of tests may say `empty`."""
    return "demo"


@pytest.fixture
def database_url(databases: DatabaseFactory, content: str) -> Iterator[str]:
    """Give the address of a fresh database."""
    url = databases.create(content)
    yield url
    databases.drop(url)


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """Give the application; afterwards every invariant must hold."""
    application = build_app(database_url)
    yield application
    with application.app_context():
        violations = invariants.verify()
        db.session.remove()
        db.engine.dispose()
    assert violations == []


@pytest.fixture
def clock(app: Flask) -> MovableClock:
    """Give the clock of the application."""
    found: MovableClock = app.extensions["clock"]
    return found


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Give a browser without a sign-in."""
    return app.test_client()


@pytest.fixture
def csrf() -> Callable[[FlaskClient], str]:
    """Give what reads the token of a client's session, as a form would have it."""

    def read(client: FlaskClient) -> str:
        with client.session_transaction() as session:
            token = session.get(csrf_guard.SESSION_KEY)
        if not token:
            client.get("/login")
            with client.session_transaction() as session:
                token = session[csrf_guard.SESSION_KEY]
        return str(token)

    return read


@pytest.fixture
def sign_in(csrf: Callable[[FlaskClient], str]) -> SignIn:
    """Give what signs a client in as one of the demo's administrators.

    Without the form, whose password check costs more than most tests; test_sign_in goes through it.
    """

    def enter(client: FlaskClient, user_name: str) -> None:
        csrf(client)
        with client.application.app_context():
            found = select(Administrator.id).where(Administrator.user_name == user_name)
            administrator_id = db.session.execute(found).scalar_one()
            with transaction():
                token = sign_ins.sign_in(
                    administrator_id=administrator_id,
                    now=client.application.extensions["clock"].now(),
                    remote_address="127.0.0.1",
                    user_agent="tests",
                )
        with client.session_transaction() as session:
            session[SESSION_TOKEN] = token

    return enter
