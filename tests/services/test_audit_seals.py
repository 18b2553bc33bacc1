"""The chain over 操作ログ: sealed late but surely, and whoever changes the past is found out."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError

from models import AuditEvent, AuditSeal, db
from services import audit, audit_seals, health_verification, invariants
from services.audit_seals import BEGINNING, Link, canonical, seal_hash, seal_waiting, verify_chain
from services.health_verification import A1
from services.transaction import transaction
from tests.builders import World
from tests.support.databases import START, owner_url


def record(count: int = 1, **details: Any) -> None:
    with transaction():
        for number in range(count):
            audit.record(
                action="list.exported", viewer=None, account_id=None, now=START, row_count=number, **details
            )


@pytest.fixture
def database_url(database_url: str) -> str:
    """Let the application be the schema's owner, who alone could do what is to be noticed here."""
    return owner_url(database_url)


def event_count() -> int:
    return db.session.execute(select(func.count()).select_from(AuditEvent)).scalar_one()


def without_triggers(connection: Connection) -> None:
    """Do what the owner of the schema could: take away what refuses changes. The test's end rolls it back."""
    if connection.dialect.name == "postgresql":
        for table in ("audit_events", "audit_seals"):
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        return
    for table in ("audit_events", "audit_seals"):
        for verb in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER {table}_refuse_{verb}"))


def test_an_event_is_written_the_same_on_every_engine() -> None:
    event = {
        "id": 7,
        "recorded_at": dt.datetime(2026, 11, 25, 0, 0, tzinfo=dt.timezone(dt.timedelta(hours=9))),
        "action": "points.added",
        "account_id": None,
        "administrator_id": 3,
        "actor_name": "山田",
        "remote_address": None,
        "details": {"b": [1, "×"], "a": None},
    }
    assert canonical(event) == (
        '{"account_id":null,"action":"points.added","actor_name":"\\u5c71\\u7530","administrator_id":3,'
        '"details":{"a":null,"b":[1,"\\u00d7"]},"id":7,"recorded_at":"2026-11-24T15:00:00.000000+00:00",'
        '"remote_address":null}'
    )
    sealed = "\n".join(("0" * 64, "1", "2026-11-20T01:00:00.000000+00:00", canonical(event)))
    expected = hashlib.sha256(sealed.encode()).hexdigest()
    assert seal_hash(before="0" * 64, number=1, sealed_at=START, event=event) == expected


def test_everything_is_sealed_once_and_the_chain_can_be_computed_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (audit_seals.head(), verify_chain().head) == (BEGINNING, BEGINNING)
    monkeypatch.setattr(audit_seals, "BATCH_SIZE", 4)
    monkeypatch.setattr(audit_seals, "WINDOW_SIZE", 3)
    record(10, reason="a\u0000b" if db.engine.dialect.name == "sqlite" else "×😀")
    assert audit_seals.oldest_unsealed_at() is not None
    total = event_count()
    assert seal_waiting(now=START) == total
    assert seal_waiting(now=START) == 0
    assert audit_seals.oldest_unsealed_at() is None
    first = audit_seals.head()
    assert first.number == total
    record()
    assert seal_waiting(now=START + dt.timedelta(minutes=1)) == 1
    report = verify_chain()
    assert (report.seal_count, report.head, report.faults) == (total + 1, audit_seals.head(), [])
    assert (verify_chain(after=first).seal_count, audit_seals.holds(first)) == (1, True)
    assert Link.parse(str(first)) == first
    for written in ("", "1", "1:", "x:" + "0" * 64, "1:abc"):
        with pytest.raises(ValueError):
            Link.parse(written)


def test_what_is_committed_late_is_sealed_late(world: World) -> None:
    """The higher id is there first: on PostgreSQL another transaction holds the lower one open."""
    seal_waiting(now=START)
    before = audit_seals.head().number
    sequence = db.session.execute(select(func.max(AuditEvent.id))).scalar_one()
    db.session.rollback()
    for event_id in (sequence + 20, sequence + 10):
        with transaction() as session:
            session.add(
                AuditEvent(id=event_id, recorded_at=START, action="list.exported", details={}, actor_name="")
            )
        assert seal_waiting(now=START) == 1
    order = select(AuditSeal.event_id).where(AuditSeal.number > before).order_by(AuditSeal.number)
    assert list(db.session.execute(order).scalars()) == [sequence + 20, sequence + 10]
    assert verify_chain().faults == []


TAMPER = {
    "an event is changed": "UPDATE audit_events SET actor_name = 'somebody else' WHERE id = {event}",
    "its details are changed": "UPDATE audit_events SET details = '{{\"points\": 1}}' WHERE id = {event}",
    "its instant is changed": "UPDATE audit_events SET recorded_at = '2026-01-01 00:00:00.000001+00:00' "
    "WHERE id = {event}",
    "an event is taken out": "DELETE FROM audit_seals WHERE event_id = {event}; "
    "DELETE FROM audit_events WHERE id = {event}",
    "a seal is changed": "UPDATE audit_seals SET hash = '" + "1" * 64 + "' WHERE event_id = {event}",
    "a seal is dated back": "UPDATE audit_seals SET sealed_at = '2026-01-01 00:00:00.000001+00:00' "
    "WHERE event_id = {event}",
}


@pytest.mark.parametrize("what", TAMPER)
def test_a_past_that_was_changed_is_found_out(world: World, what: str) -> None:
    record(5)
    seal_waiting(now=START)
    number = audit_seals.head().number - 2
    event_id = db.session.execute(select(AuditSeal.event_id).where(AuditSeal.number == number)).scalar_one()
    connection = db.session.connection()
    without_triggers(connection)
    statement = TAMPER[what].format(event=event_id)
    if connection.dialect.name == "sqlite":
        statement = statement.replace("+00:00", "")
    for part in statement.split("; "):
        connection.exec_driver_sql(part)
    faults = verify_chain().faults
    is_out = "taken out" in what
    laws = {violation.law.split(" ")[0] for violation in invariants.verify()}
    db.session.rollback()
    assert faults[0][0] == (number + 1 if is_out else number)
    # The triggers are missed as well, and a gap in the numbers is a law of its own.
    assert laws == ({"L4", "A1"} if is_out else {"L4"})


def test_a_tail_that_was_cut_off_is_missed_by_who_has_the_head(app: Flask, world: World) -> None:
    record(3)
    seal_waiting(now=START)
    head = audit_seals.head()
    assert health_verification.verify_all(known_heads=[head]).violations == []
    lost = Link(head.number + 1, head.hash)
    changed = replace(head, hash="1" * 64)
    for link in (lost, changed, Link(0, head.hash)):
        [violation] = health_verification.verify_all(known_heads=[link]).violations
        assert (violation.law, violation.rows[0][0]) == (A1, link.number)
        assert verify_chain(after=link).faults != []
    for written, exit_code, words in (
        (str(head), 0, "invariants hold"),
        (str(lost), 1, f"seal {lost} is gone"),
        ("1:abc", 2, "is no number:hash"),
    ):
        told = app.test_cli_runner().invoke(args=["ledger", "verify", "--audit-head", written])
        assert (told.exit_code, words in told.output) == (exit_code, True), told.output


def test_the_database_refuses_changes_of_seals(world: World) -> None:
    seal_waiting(now=START)
    for statement in ("UPDATE audit_seals SET number = number + 100", "DELETE FROM audit_seals"):
        with pytest.raises(DBAPIError, match="never changed or deleted"):
            db.session.execute(text(statement))
        db.session.rollback()
