"""One run, several workers: chunks taken once each, a stop for review, accounts put aside and tried again."""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import suppress
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select, text

from domain.lifecycle import AccountStatus
from models import Account, AuditEvent, BillingChunk, BillingItem, BillingRun, db
from models.billing import ItemState, RunState
from services import billing_retries, billing_runs, cancellations, clockwork, row_scope, run_chunks, run_work
from services.access import PermissionRefused
from services.billing_retries import NothingParked
from services.billing_runs import ReviewBound, RunNotInReview
from services.cancellation_previews import CancellationPreview, preview
from services.due_fees import FeeRefused, RunUnderReview
from services.fee_posting import Posted
from services.transaction import transaction
from tests.builders import SETTINGS, World, account, balance, lines, tick, tokyo
from tests.support.databases import as_owner

CUT = tokyo("2026-11-25T00:00:00")
NEXT_CUT = tokyo("2026-12-25T00:00:00")
NOVEMBER, DECEMBER = dt.date(2026, 11, 25), dt.date(2026, 12, 25)
#: A list may hold half as much again as the last one, whatever its size.
WATCHFUL = replace(SETTINGS, billing_review_percent=150, billing_review_from_points=1)


def run_of(billing_date: dt.date = NOVEMBER) -> BillingRun:
    statement = select(BillingRun).where(BillingRun.billing_date == billing_date)
    return db.session.execute(statement, execution_options={"populate_existing": True}).scalar_one()


def chunks() -> list[BillingChunk]:
    statement = select(BillingChunk).order_by(BillingChunk.number)
    return list(db.session.execute(statement, execution_options={"populate_existing": True}).scalars())


def list_in_chunks(size: int) -> int:
    with transaction():
        return billing_runs.list_run(billing_date=NOVEMBER, now=CUT, chunk_size=size).id


@pytest.mark.parametrize(
    ("percent", "from_points", "due", "last", "is_passed"),
    [
        (200, 0, 200, 100, False),
        (200, 0, 201, 100, True),
        (200, 202, 201, 100, False),
        (200, 201, 201, 100, True),
        (0, 0, 10**9, 1, False),
        (200, 0, 10**9, None, False),
        (200, 0, 1, 0, True),
    ],
)
def test_a_list_above_the_bound_is_looked_at_first(
    percent: int, from_points: int, due: int, last: int | None, is_passed: bool
) -> None:
    assert ReviewBound(percent, from_points).is_passed(due, last) is is_passed


def test_a_list_is_cut_into_chunks_of_one_level_each(world: World) -> None:
    customers = [world.customer(users=10 + position) for position in range(5)]
    run_id = list_in_chunks(2)
    found = [(chunk.depth, chunk.account_count, chunk.due_points) for chunk in chunks()]
    assert found == [(3, 2, 21), (3, 2, 25), (3, 1, 14), (2, 2, 20), (2, 1, 10)]
    assert (run_of().account_count, run_of().due_points) == (8, 90)
    assert run_work.post_next_chunk(run_id=run_id, now=CUT, worker_name="one:1") == Posted(2, 21)
    first = chunks()[0]
    assert (first.charged_count, first.charged_points, first.worker_name) == (2, 21, "one:1")
    assert [balance(customer) for customer in customers] == [-10, -11, 0, 0, 0]


def test_a_run_far_above_the_last_one_waits_for_a_person(world: World) -> None:
    customer, leaving = world.customer(users=10), world.customer(users=10)
    tick(CUT)
    grown = world.customer(users=40, now=CUT + dt.timedelta(days=1))
    with transaction():
        cancellations.schedule(
            viewer=world.msp_a,
            account_id=leaving,
            scheduled_on=dt.date(2026, 12, 27),
            consent=True,
            shown=(20, 0),
            now=NEXT_CUT - dt.timedelta(days=1),
        )
    later = NEXT_CUT + dt.timedelta(days=3)
    report = clockwork.run_due_work(now=later, settings=WATCHFUL)
    run = run_of(DECEMBER)
    assert (run.state, run.due_points, report.charged_accounts) == (RunState.REVIEW, 90, 0)
    assert (balance(grown), balance(customer)) == (0, -10)
    # What is dated after it waits too, and so does what somebody asks for.
    assert account(leaving).status is not AccountStatus.CANCELED
    shown = preview(viewer=world.msp_a, account_id=customer, scheduled_on=None, now=later)
    with pytest.raises(RunUnderReview), transaction():
        cancellations.cancel(
            viewer=world.msp_a,
            account_id=customer,
            consent=True,
            shown=(shown.top_up_points, shown.write_off_points),
            now=later,
        )
    with pytest.raises(PermissionRefused), transaction():
        billing_runs.release_run(run_id=run.id, viewer=world.msp_a, now=later)
    with transaction():
        billing_runs.release_run(run_id=run.id, viewer=world.operator, now=later)
    assert (run_of(DECEMBER).released_by_name, run_of(DECEMBER).released_at) == ("operator", later)
    with pytest.raises(RunNotInReview), transaction():
        billing_runs.release_run(run_id=run.id, viewer=world.operator, now=later)
    report = clockwork.run_due_work(now=later, settings=WATCHFUL)
    assert (report.charged_points, report.canceled) == (90, 1)
    assert (run_of(DECEMBER).state, account(leaving).status) == (RunState.DONE, AccountStatus.CANCELED)
    actions = select(AuditEvent.action).where(AuditEvent.action.like("billing_run.%")).order_by(AuditEvent.id)
    assert db.session.execute(actions).scalars().all()[2:] == [
        f"billing_run.{verb}" for verb in ("listed", "held", "released", "finished")
    ]
    who = select(AuditEvent.actor_name).where(AuditEvent.action == "billing_run.released")
    assert db.session.execute(who).scalars().all() == ["operator"]


def test_a_cancellation_that_was_blocked_until_then_waits_for_the_release_without_a_word(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    leaving = world.customer(users=10)
    tick(CUT)
    world.customer(users=40, now=CUT + dt.timedelta(days=1))
    day = NEXT_CUT - dt.timedelta(days=1)
    agreed = {"viewer": world.msp_a, "account_id": leaving, "consent": True, "shown": (20, 0), "now": day}
    with transaction():
        cancellations.schedule(scheduled_on=dt.date(2026, 12, 27), **agreed)  # type: ignore[arg-type]
    clockwork.run_due_work(now=NEXT_CUT, settings=WATCHFUL)
    assert run_of(DECEMBER).state is RunState.REVIEW
    with transaction() as session:
        # As if accounts below had kept it since the day before the run.
        found = session.get_one(Account, leaving)
        found.cancellation_date = day.date()
    caplog.clear()
    report = clockwork.run_due_work(now=NEXT_CUT + dt.timedelta(minutes=1), settings=WATCHFUL)
    assert (report.waiting, report.failed, report.canceled) == ([leaving], [], 0)
    assert caplog.records == []
    with transaction() as session:
        session.get_one(Account, leaving).cancellation_date = dt.date(2026, 12, 27)


def test_a_run_that_waits_for_its_release_keeps_nobody_who_is_not_on_its_list(world: World) -> None:
    listed = world.customer(users=10)
    tick(CUT)
    world.customer(users=40, now=CUT + dt.timedelta(days=1))
    clockwork.run_due_work(now=NEXT_CUT, settings=WATCHFUL)
    newcomer = world.customer(points_held=7, now=NEXT_CUT + dt.timedelta(hours=1))
    cancel(world, newcomer, NEXT_CUT + dt.timedelta(hours=2))
    assert (account(newcomer).status, balance(newcomer)) == (AccountStatus.CANCELED, 0)
    # From the next cut on its own fee may have come meanwhile, but not that of a run that waits.
    newcomer, later = world.customer(now=NEXT_CUT + dt.timedelta(hours=3)), tokyo("2027-01-25T00:00:00")
    assert cancel(world, newcomer, later).top_up_points == 10
    with pytest.raises(RunUnderReview) as refused:
        cancel(world, listed, later)
    assert refused.value.data == {"billing_date": DECEMBER}
    assert run_of(DECEMBER).state is RunState.REVIEW


def refuse_lines_of(*account_ids: int) -> None:
    """Let the database refuse every line of some accounts, as a constraint of tomorrow would."""
    refused = ", ".join(map(str, account_ids))
    if db.engine.dialect.name == "sqlite":
        statements = [
            f"CREATE TRIGGER refuse_one BEFORE INSERT ON point_lines WHEN NEW.account_id IN ({refused}) "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
        ]
    else:
        statements = [
            f"CREATE TRIGGER refuse_one BEFORE INSERT ON point_lines FOR EACH ROW "
            f"WHEN (NEW.account_id IN ({refused})) EXECUTE FUNCTION refuse_change()"
        ]
    db.session.rollback()
    with as_owner() as connection:
        for statement in statements:
            connection.execute(text(statement))


def accept_all_lines() -> None:
    on_table = "" if db.engine.dialect.name == "sqlite" else " ON point_lines"
    db.session.rollback()
    with as_owner() as connection:
        connection.execute(text(f"DROP TRIGGER refuse_one{on_table}"))


def test_an_account_that_the_database_refuses_is_put_aside_and_can_be_tried_again(world: World) -> None:
    customers = [world.customer(users=20) for _position in range(9)]
    odd = customers[4]
    refuse_lines_of(odd)
    list_in_chunks(100)
    report = tick(CUT)
    run = run_of()
    assert (run.state, run.done_count, report.charged_accounts) == (RunState.PARTLY_PARKED, 11, 11)
    item = select(BillingItem).where(BillingItem.account_id == odd)
    parked = db.session.execute(item).scalar_one()
    assert (parked.state, parked.parked_reason) == (ItemState.PARKED, "database_refused")
    assert [balance(each) for each in customers] == [0 if each == odd else -20 for each in customers]
    assert sum(chunk.account_count for chunk in chunks()) == run.account_count
    with transaction():
        again = billing_retries.retry_parked(run_id=run.id, viewer=world.operator, now=CUT)
    assert again == Posted(parked_count=1)
    accept_all_lines()
    with pytest.raises(PermissionRefused), transaction():
        billing_retries.retry_parked(run_id=run.id, viewer=world.msp_a, now=CUT)
    with pytest.raises(NothingParked), transaction():
        billing_retries.retry_parked(
            run_id=run.id, account_ids=[customers[0]], viewer=world.operator, now=CUT
        )
    late = CUT + dt.timedelta(hours=5)
    with transaction():
        assert billing_retries.retry_parked(
            run_id=run.id, account_ids=[odd], viewer=world.operator, now=late
        ) == Posted(1, 20)
    assert (run_of().state, run_of().done_count, run_of().charged_points) == (RunState.DONE, 12, 210)
    assert lines(odd) == [("monthly_fee", -20, -20)]
    tries = select(AuditEvent.details).where(AuditEvent.action == "billing_run.retried")
    told = db.session.execute(tries.order_by(AuditEvent.id)).scalars().all()
    facts = [(each["account_count"], each["charged_points"], each["parked_count"]) for each in told]
    assert facts == [(0, 0, 1), (1, 20, 0)]
    with pytest.raises(NothingParked), transaction():
        billing_retries.retry_parked(run_id=run.id, viewer=world.operator, now=late)


def cancel(world: World, account_id: int, now: dt.datetime, on: dt.date | None = None) -> CancellationPreview:
    """Cancel an account at once, or on a date, as its MSP does; return what was shown."""
    agreed = {"viewer": world.msp_a, "account_id": account_id, "now": now}
    with row_scope.scoped(row_scope.of_viewer(world.msp_a)):
        found = preview(scheduled_on=on, **agreed)  # type: ignore[arg-type]
        agreed |= {"consent": True, "shown": (found.top_up_points, found.write_off_points)}
        with transaction():
            if on is None:
                return cancellations.cancel(**agreed)  # type: ignore[arg-type]
            return cancellations.schedule(scheduled_on=on, **agreed)  # type: ignore[arg-type]


def test_a_parked_fee_is_taken_before_its_account_is_settled(world: World) -> None:
    poor, rich = world.customer(), world.customer(points_held=100)
    refuse_lines_of(poor, rich)
    tick(CUT)
    accept_all_lines()
    now, before = CUT + dt.timedelta(days=1), balance(world.msp_a.account_id)
    found = cancel(world, poor, now)
    assert (found.top_up_points, found.write_off_points) == (10, 0)
    assert before - balance(world.msp_a.account_id) == 10
    assert lines(poor) == [("monthly_fee", -10, -10), ("cancellation_top_up", 10, 0)]
    assert run_of().state is RunState.PARTLY_PARKED
    assert cancel(world, rich, now).write_off_points == 90
    assert lines(rich)[1:] == [("monthly_fee", -10, 90), ("cancellation_write_off", -90, 0)]
    assert (run_of().state, run_of().done_count, run_of().charged_points) == (RunState.DONE, 5, 50)


def test_nothing_is_settled_around_a_fee_that_is_still_refused(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    at_once, leaving = world.customer(), world.customer()
    refuse_lines_of(at_once, leaving)
    tick(CUT)
    now = CUT + dt.timedelta(days=1)
    with pytest.raises(FeeRefused) as refused:
        cancel(world, at_once, now)
    assert refused.value.data == {"billing_date": NOVEMBER}
    cancel(world, leaving, now, on=dt.date(2026, 11, 27))
    caplog.clear()
    report = tick(now + dt.timedelta(days=1))
    assert (report.waiting, report.failed, report.canceled, caplog.records) == ([leaving], [], 0, [])
    for customer in (at_once, leaving):
        assert (account(customer).status, lines(customer)) == (AccountStatus.ACTIVE, [])
    accept_all_lines()
    report = tick(now + dt.timedelta(days=2))
    assert (report.waiting, report.canceled, balance(leaving)) == ([], 1, 0)
    assert lines(leaving)[0] == ("monthly_fee", -10, -10)


def test_workers_take_chunks_side_by_side_and_a_dead_ones_chunk_is_free_at_once(
    app: Flask, world: World
) -> None:
    for _position in range(4):
        world.customer()
    run_id = list_in_chunks(2)
    if db.engine.dialect.name == "sqlite":
        return
    holds, dies = threading.Event(), threading.Event()
    taken: list[int] = []

    def hold_a_chunk_and_die() -> None:
        with app.app_context(), suppress(ZeroDivisionError), transaction():
            chunk = run_chunks.take_chunk(run_id=run_id)
            taken.append(chunk.number if chunk else 0)
            holds.set()
            dies.wait(30)
            raise ZeroDivisionError

    other = threading.Thread(target=hold_a_chunk_and_die)
    other.start()
    assert holds.wait(30)
    assert run_work.post_next_chunk(run_id=run_id, now=CUT) == Posted(2, 20)
    assert [chunk.number for chunk in chunks() if chunk.done_at] == [2]
    # The next level waits for the customer chunk that the other one holds, and takes it when it is free.
    threading.Timer(0.2, dies.set).start()
    assert run_work.post_next_chunk(run_id=run_id, now=CUT) == Posted(2, 20)
    other.join()
    assert taken == [1]
    assert [chunk.number for chunk in chunks() if chunk.done_at] == [1, 2]
