"""What every test stands on: real databases of both engines, the real application, a clock to move.

The invariants are checked after every test that had an application.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import make_url, select

from admin_views import csrf as csrf_guard
from admin_views.request_context import SESSION_TOKEN
from models import Administrator, db
from services import invariants, sign_ins
from services.transaction import transaction
from tests.support.databases import ENGINES, DatabaseFactory, MovableClock
from tests.support.kept_application import KeptApplication
from tests.support.postgres_server import PostgresServer, running_postgres

SignIn = Callable[[FlaskClient, str], None]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run what is marked `one_engine` over the first engine only."""
    repeated = {
        item for item in items if item.get_closest_marker("one_engine") and _engine_of(item) in ENGINES[1:]
    }
    items[:] = [item for item in items if item not in repeated]
    config.hook.pytest_deselected(items=list(repeated))


def _engine_of(item: pytest.Item) -> str | None:
    return item.callspec.params.get("databases") if hasattr(item, "callspec") else None


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


@pytest.fixture(scope="session")
def kept_applications() -> dict[str, KeptApplication]:
    """Give the applications that tests share, by the driver of their engine."""
    return {}


@pytest.fixture
def app(kept_applications: dict[str, KeptApplication], database_url: str) -> Iterator[Flask]:
    """Give the application as if it were new; afterwards every invariant must hold."""
    driver = make_url(database_url).drivername
    application = kept_applications.setdefault(driver, KeptApplication()).over(database_url)
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
