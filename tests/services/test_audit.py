"""Movements of points are in the log of every account that they touch, whoever pressed the button."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import event, select

from domain.permissions import Viewer
from models import AuditEvent, db
from services import audit, cancellation_previews, cancellations, refills
from services.transaction import transaction
from tests.builders import World, request_id, tokyo
from tests.support.databases import START


def events(account_id: int, after: int = 0) -> list[tuple[str, str, int | None]]:
    """Return (action, actor, points) of an account's events, oldest first."""
    db.session.rollback()
    statement = select(AuditEvent).where(AuditEvent.account_id == account_id, AuditEvent.id > after)
    found = db.session.execute(statement.order_by(AuditEvent.id)).scalars()
    return [(row.action, row.actor_name, row.details.get("points")) for row in found]


def newest() -> int:
    return max(db.session.execute(select(AuditEvent.id)).scalars(), default=0)


def test_by_hand(world: World) -> None:
    customer = world.customer()
    before = newest()
    world.add(customer, 20, now=START)
    world.take_back(customer, 50, now=START)
    assert events(customer, before) == [
        ("points.added", "distributor", 20),
        ("points.returned", "distributor", -50),
    ]
    # The parent gets back what was held; the part below zero is nobody's.
    assert events(world.msp_a.account_id, before) == [
        ("points.handed_down", "distributor", -20),
        ("points.taken_back", "distributor", 20),
    ]
    world.add(world.distributor.account_id, 7, viewer=world.operator, now=START)
    assert events(world.distributor.account_id, before) == [("points.issued", "operator", 7)]


def test_refills_of_several_payers(world: World) -> None:
    of_a = [world.customer(users=users) for users in (12, 13)]
    of_b = world.customer(users=14, parent=world.msp_b)
    fine = world.customer(points_held=100)
    before = newest()
    chosen = [*of_a, of_b, fine]
    plan = refills.plan_refill(viewer=world.distributor, account_ids=chosen, now=START)
    with transaction():
        refills.refill(
            viewer=world.distributor,
            account_ids=chosen,
            digest=plan.digest,
            request_id=request_id(),
            now=START,
        )
    assert [events(key, before) for key in chosen] == [
        [("points.refilled", "distributor", 12)],
        [("points.refilled", "distributor", 13)],
        [("points.refilled", "distributor", 14)],
        [],
    ]
    assert events(world.msp_a.account_id, before) == [("points.refilled_below", "distributor", -25)]
    assert events(world.msp_b.account_id, before) == [("points.refilled_below", "distributor", -14)]


def test_topping_up_at_a_cancellation(world: World) -> None:
    customer = world.customer()
    world.take_back(customer, 30, now=START)
    before = newest()
    shown = cancellation_previews.preview(
        viewer=world.msp_a, account_id=customer, scheduled_on=None, now=START
    )
    with transaction():
        cancellations.cancel(
            viewer=world.msp_a,
            account_id=customer,
            consent=True,
            shown=(shown.top_up_points, shown.write_off_points),
            now=START,
        )
    assert events(customer, before) == [("cancellation.executed", "msp-a", None)]
    assert events(world.msp_a.account_id, before) == [("cancellation.topped_up", "msp-a", -30)]


def test_many_events_are_one_statement_and_keep_who_and_where(world: World) -> None:
    people = [world.customer() for _number in range(3)]
    viewer = Viewer(**{**world.msp_a.__dict__, "remote_address": "192.0.2.7"})
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    now: dt.datetime = tokyo("2026-11-21T00:00:00")
    with transaction():
        event.listen(db.engine, "before_cursor_execute", count)
        audit.record_many(
            action="points.refilled", viewer=viewer, now=now, details={key: {"points": key} for key in people}
        )
        audit.record_many(action="points.refilled", viewer=viewer, now=now, details={})
        event.remove(db.engine, "before_cursor_execute", count)
    assert len(statements) == 1
    found = db.session.execute(select(AuditEvent).where(AuditEvent.recorded_at == now)).scalars().all()
    assert [(row.account_id, row.details) for row in found] == [(key, {"points": key}) for key in people]
    assert {(row.actor_name, row.remote_address) for row in found} == {("msp-a", "192.0.2.7")}
