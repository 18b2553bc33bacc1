"""The security log: what tells a foreign row from a missing one, though the answer does not."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from admin_views.security_events import ROWS
from domain.errors import DomainError
from domain.lifecycle import AccountStatus
from models import Administrator, ServiceUser, db
from services import security_log
from tests.builders import START
from tests.web.account_rows import account_of, customers_of
from tests.web.browser_session import send
from tests.web.test_bad_input import contents

SignIn = Callable[..., Any]
MISSING = 999_999_999
#: Refusals of 404 that are not about a row of anybody's: what is named there is no id, or the operator's own.
NOT_ROWS = {"BillingDateUnknown", "BounceUnknown", "OneTimeLinkInvalid", "RunNotVisible", "RunUnknown"} | {
    # Of the command line.
    *("AccountNumberUnknown", "AdministratorUnknown"),
    # The guard's own: a use case that should have refused before has a fault.
    "RowOutOfScope",
}

pytestmark = pytest.mark.one_engine


class Lines:
    """The lines of a test, newest last."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def take(self) -> list[dict[str, Any]]:
        """Return what was written since the last time."""
        texts = [record.getMessage() for record in self._caplog.records if record.name == "portal.security"]
        self._caplog.clear()
        assert all(text.isascii() and text.isprintable() for text in texts)
        return [json.loads(text) for text in texts]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Lines]:
    """Give what the security log says."""
    with caplog.at_level(logging.WARNING, logger="portal.security"):
        yield Lines(caplog)


def without_id(text: str, row_id: int) -> str:
    """Return a page without the id that its own address holds."""
    return re.sub(rf"(/|%2F){row_id}(/|%2F)", "", text)


def subclasses(error: type[DomainError]) -> Iterator[type[DomainError]]:
    for found in error.__subclasses__():
        yield found
        yield from subclasses(found)


def test_every_refusal_of_404_is_known_to_the_log() -> None:
    assert "admin_views.registry" in sys.modules  # so that all of them are there
    of_404 = {found.__name__ for found in subclasses(DomainError) if found.http_status == 404}
    assert of_404 - NOT_ROWS == {found.__name__ for found in ROWS if found.http_status == 404}


def ids_of_b(app: Flask) -> dict[str, int]:
    """Return an id of each kind that msp-a must not see."""
    with app.app_context():
        customer = customers_of(app, "msp-b", AccountStatus.ACTIVE)[0]
        user = db.session.scalars(select(ServiceUser.id).where(ServiceUser.account_id == customer)).first()
        person = db.session.scalars(
            select(Administrator.id).where(Administrator.account_id == account_of(app, "msp-b"))
        ).first()
    return {"account": customer, "service_user": user or 0, "administrator": person or 0}


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("account", "/msp/customers/{}/points/"),
        ("account", "/msp/customers/{}/"),
        ("service_user", "/portal/users/{}/edit/"),
        ("administrator", "/portal/manage/administrators/{}/edit/"),
    ],
)
def test_foreign_and_missing_look_the_same_and_are_told_apart_in_the_log(
    app: Flask, client: FlaskClient, sign_in: SignIn, lines: Lines, kind: str, address: str
) -> None:
    foreign = ids_of_b(app)[kind]
    assert foreign
    sign_in(client, "msp-a")
    client.get(address.format(MISSING))  # the first use of a session is noted with it
    before = contents(app)
    lines.take()
    answers, found = [], []
    for row_id in (foreign, MISSING):
        answers.append(client.get(address.format(row_id)))
        found += lines.take()
    assert [answer.status_code for answer in answers] == [404, 404]
    assert without_id(answers[0].text, foreign) == without_id(answers[1].text, MISSING)
    assert [(line["event"], line["kind"], line["id"]) for line in found] == [
        ("row.foreign", kind, foreign),
        ("row.missing", kind, MISSING),
    ]
    for line in found:
        assert line["account"] == account_of(app, "msp-a")
        assert {
            "event",
            "instant",
            "administrator",
            "account",
            "address",
            "endpoint",
            "method",
        } <= line.keys()
        assert "msp-a" not in json.dumps(line)
    assert contents(app) == before


def test_a_foreign_row_in_a_selection_and_in_a_field_is_seen(
    app: Flask, client: FlaskClient, sign_in: SignIn, lines: Lines
) -> None:
    foreign = ids_of_b(app)["account"]
    own = customers_of(app, "msp-a", AccountStatus.ACTIVE)[0]
    sign_in(client, "msp-a")
    lines.take()
    answer = send(client, "/msp/customers/bulk/refill/", rowid=[str(own), str(foreign)])
    assert answer.status_code == 404
    assert [(line["event"], line["id"]) for line in lines.take()] == [("row.foreign", foreign)]


def test_refused_requests_rights_and_passwords_are_written_down(
    app: Flask, client: FlaskClient, sign_in: SignIn, lines: Lines
) -> None:
    send(client, "/login", username="msp-a\n\x7f\u2028", password="wrong")
    client.post("/login", data={"username": "msp-a", "password": "wrong"})
    client.get("/set-password/a-guess")
    sign_in(client, "contract-a")
    client.get("/msp/prices/")
    client.get("/portal/users/")
    client.post("/msp/customers/register/", data={"x": "y" * 600_000})
    found = lines.take()
    assert [line["event"] for line in found] == [
        "sign_in.refused",
        "request.not_from_here",
        "sign_in.refused",
        "permission.refused",
        "permission.refused",
        "request.too_large",
    ]
    assert "wrong" not in json.dumps(found)
    assert "msp-a" not in json.dumps(found)
    assert found[-2]["administrator"] > 0


def test_everyday_refusals_are_not_in_the_log(
    app: Flask, client: FlaskClient, sign_in: SignIn, lines: Lines
) -> None:
    sign_in(client, "msp-a")
    own = customers_of(app, "msp-a", AccountStatus.ACTIVE)[0]
    send(client, f"/msp/customers/{own}/points/", points="many")
    client.get("/no-such-page")
    client.get("/msp/customers/?page=abc")
    assert lines.take() == []


def test_metrics_count_by_kind(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    foreign = ids_of_b(app)["account"]
    sign_in(client, "msp-a")

    def counted(event: str) -> float:
        [line] = [
            line
            for line in client.get("/metrics").text.splitlines()
            if line.startswith(f'portal_security_events_total{{event="{event}"}}')
        ]
        return float(line.rpartition(" ")[2])

    before = counted("row.foreign"), counted("row.missing")
    client.get(f"/msp/customers/{foreign}/points/")
    client.get(f"/msp/customers/{MISSING}/points/")
    assert (counted("row.foreign"), counted("row.missing")) == (before[0] + 1, before[1] + 1)


def test_a_line_is_one_line_of_printable_text_whatever_is_in_it(lines: Lines) -> None:
    hostile = "a\r\nb\x7f\u202e\x1b[2J" * 100
    security_log.write(security_log.SecurityEvent.ROW_MISSING, now=START, endpoint=hostile)
    [line] = lines.take()
    assert line["endpoint"] == hostile[: security_log.LONGEST_TEXT]
    assert line["instant"] == "2026-11-20T01:00:00.000+00:00"
