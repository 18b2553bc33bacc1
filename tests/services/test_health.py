"""稼働状況: what is red, what is amber, who is told and how often."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import Update, func, select, text, update

from jobs import tasks
from jobs.watch import Watch
from models import (
    Administrator,
    AuditEvent,
    BillingRun,
    OutgoingMail,
    PointBalance,
    Verification,
    WorkerBeat,
    db,
)
from models.billing import RunState
from models.mails import MailKind, MailState
from services import (
    alarms,
    audit_seals,
    billing_runs,
    health,
    health_beats,
    health_facts,
    health_verification,
    invariants,
    portal_settings,
    run_work,
)
from services.health_states import Check, State, ago
from services.health_verification import verify_when_due
from services.transaction import transaction
from tests.builders import BRAND, SETTINGS, World, tick, tokyo
from tests.support.databases import START, MovableClock

CUT = tokyo("2026-11-25T00:00:00")
HOUR = dt.timedelta(hours=1)
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture(autouse=True)
def words(app: Flask, world: World) -> Iterator[None]:
    """Let findings be read outside of a request."""
    with app.test_request_context():
        yield


def checks(now: dt.datetime) -> dict[str, Check]:
    db.session.rollback()
    return {found.name: found for found in health.judge(health_facts.collect(now=now, settings=SETTINGS))}


def mails(kind: MailKind) -> list[OutgoingMail]:
    db.session.rollback()
    statement = select(OutgoingMail).where(OutgoingMail.kind == kind).order_by(OutgoingMail.id)
    return list(db.session.execute(statement).scalars())


def test_a_portal_that_works_is_all_right_and_one_without_workers_is_not(
    app: Flask, clock: MovableClock, world: World
) -> None:
    nothing = checks(START)
    assert {name for name, check in nothing.items() if check.state is State.BROKEN} == {"tick", "workers"}
    assert {name for name, check in nothing.items() if check.state is State.WARNING} == {
        "verification",
        "queue",
        "seals",
    }
    for job in (tasks.tick, tasks.send_mails, tasks.provision, tasks.seal, tasks.verify):
        job()
    working = checks(START)
    assert {name for name, check in working.items() if check.state is not State.OK} == {"queue"}
    assert working["workers"].rows == (f"{tasks.WORKER_NAME} (1分以内)",)
    later = {minutes: checks(START + minutes * MINUTE) for minutes in (2, 4, 16)}
    assert [later[minutes]["tick"].state for minutes in later] == [State.OK, State.WARNING, State.BROKEN]
    assert [later[minutes]["workers"].state for minutes in later] == [State.OK, State.WARNING, State.BROKEN]
    assert checks(START + 3 * HOUR)["verification"].state is State.WARNING
    assert health.worst(list(working.values())) is State.WARNING
    assert [ago(age) for age in (0 * MINUTE, 119 * MINUTE, 2 * HOUR, 48 * HOUR)] == [
        "1分以内",
        "119分前",
        "2時間前",
        "2日前",
    ]


def test_a_run_that_did_not_begin_is_red_after_15_minutes_and_told_once(
    app: Flask, clock: MovableClock, world: World
) -> None:
    world.customer(users=30)
    world.customer(parent=world.msp_b)
    watch = Watch(app)
    for minutes, state, count in (
        (-1, State.OK, 0),
        (15, State.OK, 0),
        (16, State.BROKEN, 1),
        (17, State.BROKEN, 1),
    ):
        clock.instant = CUT + minutes * MINUTE
        watch.look()
        assert checks(clock.instant)["run"].state is state, minutes
        assert len(mails(MailKind.OPERATOR_ALARM)) == count, minutes
    # No worker lives: the watch has sent it itself, and no other mail.
    [mail] = mails(MailKind.OPERATOR_ALARM)
    assert (mail.state, mail.recipient_email) == (MailState.KEPT, "operator@example.jp")
    assert "16分たっても始まっていません" in mail.body_text
    assert "2026年11月25日0時" in mail.body_text
    [event] = db.session.execute(select(AuditEvent).where(AuditEvent.action == "alarm.raised")).scalars()
    assert (event.account_id, event.details["alarm"], event.details["mail_count"]) == (None, "late_run", 1)
    # The worker comes back two days late: nothing more to tell, and the run is done.
    clock.instant = CUT + 48 * HOUR
    tasks.tick()
    assert len(mails(MailKind.OPERATOR_ALARM)) == 1
    run = checks(clock.instant)["run"]
    assert (run.state, "2026/11/25" in run.finding, "2026/12/25" in run.finding) == (State.OK, True, True)


def test_the_tick_tells_of_a_late_run_before_it_does_it(
    app: Flask, clock: MovableClock, world: World
) -> None:
    world.customer()
    clock.instant = CUT + HOUR
    tasks.tick()
    [mail] = mails(MailKind.OPERATOR_ALARM)
    assert "60分たっても" in mail.body_text
    assert checks(clock.instant)["run"].state is State.OK
    Watch(app).look()
    [mail] = mails(MailKind.OPERATOR_ALARM)
    assert mail.state is MailState.WAITING  # a worker lives: it sends


def test_runs_that_wait_stand_or_have_parked_accounts_are_shown(world: World) -> None:
    account_id = world.customer()
    tick(CUT + MINUTE)
    run = db.session.execute(select(BillingRun)).scalar_one()
    found = {}
    for state, finished_at in (
        (RunState.REVIEW, None),
        (RunState.RUNNING, None),
        (RunState.PARTLY_PARKED, CUT + MINUTE),
    ):
        with transaction() as session:
            run = session.get_one(BillingRun, run.id)
            run.state, run.finished_at = state, finished_at
        found[state] = [checks(CUT + minutes * MINUTE)["run"].state for minutes in (10, 20)]
        alarm_count = alarms.raise_run_alarms(now=CUT + 20 * MINUTE, brand=BRAND)
        assert alarm_count == (1 if state is RunState.REVIEW else 0)
    assert found[RunState.REVIEW] == [State.WARNING, State.WARNING]
    assert found[RunState.RUNNING] == [State.OK, State.BROKEN]
    with transaction() as session:
        session.execute(
            text(
                "UPDATE billing_items SET state = 'parked', parked_reason = 'balance_closed' "
                "WHERE account_id = :account_id"
            ),
            {"account_id": account_id},
        )
    assert checks(CUT + HOUR)["run"].state is State.WARNING
    # As it was: every invariant holds again at the end of the test.
    with transaction() as session:
        session.execute(text("UPDATE billing_items SET state = 'done', parked_reason = NULL"))
        session.execute(text("UPDATE billing_runs SET state = 'done'"))


def test_due_work_that_is_left_turns_red(world: World) -> None:
    tick(START)
    with transaction() as session:
        session.execute(
            text("UPDATE accounts SET cancellation_date = '2026-11-20' WHERE account_type = 'support'")
        )
    day = tokyo("2026-11-20T00:00:00")
    states = [checks(day + minutes * MINUTE)["due"].state for minutes in (1, 5, 16)]
    assert states == [State.OK, State.WARNING, State.BROKEN]
    assert "解約: 1 件" in checks(START)["due"].finding
    with transaction() as session:
        session.execute(text("UPDATE accounts SET cancellation_date = NULL"))
        session.execute(
            text("UPDATE accounts SET cancellation_date = '2026-11-20' WHERE account_type = 'msp'")
        )
    world.customer()
    world.customer(parent=world.msp_b)
    blocked = checks(START)["due"]
    assert (blocked.state, "2 件" in blocked.finding) == (State.WARNING, True)
    with transaction() as session:
        session.execute(text("UPDATE accounts SET cancellation_date = NULL"))
        alarms.raise_alarm(
            alarms.broken_laws_alarm(laws=["L1"], after_id=0, now=START), now=START, brand=BRAND
        )
    states = [checks(START + minutes * MINUTE)["mails"].state for minutes in (1, 5, 16)]
    assert states == [State.OK, State.WARNING, State.BROKEN]
    assert "1 通です。" in checks(START)["mails"].finding


def test_a_broken_law_is_kept_shown_and_told_once_until_it_holds_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    account_id = world.customer(points_held=100)

    def shift(points: int) -> None:
        with transaction() as session:
            session.execute(
                text(
                    "UPDATE point_balances SET point_balance = point_balance + :points WHERE account_id = :id"
                ),
                {"points": points, "id": account_id},
            )

    found = verify_when_due(now=START, settings=SETTINGS)
    assert found is not None
    assert (found.broken, found.check_count, found.is_whole_chain) == ([], invariants.check_count() + 1, True)
    assert verify_when_due(now=START + 54 * MINUTE, settings=SETTINGS) is None
    shift(7)
    told = []
    for hours in (1, 2, 3):
        found = verify_when_due(now=START + hours * HOUR, settings=SETTINGS)
        assert found is not None
        told.append(len(mails(MailKind.OPERATOR_ALARM)))
    assert told == [1, 1, 1]
    assert {law["law"][:2] for law in found.broken} == {"L1", "L2"}
    [mail] = mails(MailKind.OPERATOR_ALARM)
    assert "・L2 a balance is the sum of its lines" in mail.body_text
    shown = checks(START + 3 * HOUR)["verification"]
    assert shown.state is State.BROKEN
    assert any(row.strip() == f"{account_id}, 107, 100" for row in shown.rows)
    shift(-7)
    found = verify_when_due(now=START + 4 * HOUR, settings=SETTINGS)
    assert found is not None
    assert found.broken == []
    shift(7)
    verify_when_due(now=START + 5 * HOUR, settings=SETTINGS)
    assert len(mails(MailKind.OPERATOR_ALARM)) == 2
    shift(-7)
    # The head of the audit chain went out once this Tokyo day, and goes out again on the next.
    assert len(mails(MailKind.AUDIT_HEAD)) == 1
    verify_when_due(now=START + 24 * HOUR, settings=SETTINGS)
    [first, second] = mails(MailKind.AUDIT_HEAD)
    kept = alarms.told_head()
    assert kept is not None
    assert str(kept) in second.body_text.replace("ledger verify --audit-head ", "")
    assert first.body_text != second.body_text
    assert audit_seals.holds(kept)
    assert f"audit chain head {kept}" in [
        line.message for line in caplog.records if line.levelname == "WARNING"
    ]
    verify_when_due(now=START + 2400 * HOUR, settings=SETTINGS)
    assert db.session.execute(select(func.count()).select_from(Verification)).scalar_one() == 1


def test_a_chain_that_was_changed_is_told_and_its_head_is_not_handed_out(world: World) -> None:
    verify_when_due(now=START, settings=SETTINGS)
    with transaction():
        portal_settings.keep(health_verification.VERIFIED_HEAD, f"{audit_seals.head().number}:{'1' * 64}")
    found = verify_when_due(now=START + HOUR, settings=SETTINGS)
    assert found is not None
    assert [law["law"] for law in found.broken] == [health_verification.A1]
    assert len(mails(MailKind.AUDIT_HEAD)) == 1
    # After a fault the next check begins at the beginning.
    found = verify_when_due(now=START + 2 * HOUR, settings=SETTINGS)
    assert found is not None
    assert (found.broken, found.is_whole_chain) == ([], True)
    found = verify_when_due(now=START + 3 * HOUR, settings=SETTINGS)
    assert found is not None
    assert (found.is_whole_chain, found.seal_count < audit_seals.head().number) == (False, True)


def test_of_two_workers_that_check_at_once_one_keeps_the_result(world: World, app: Flask) -> None:
    found: list[Verification | None] = []

    def check() -> None:
        with app.app_context():
            found.append(verify_when_due(now=START, settings=SETTINGS))

    threads = [threading.Thread(target=check) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 2
    assert db.session.execute(select(func.count()).select_from(Verification)).scalar_one() >= 1
    assert len(mails(MailKind.AUDIT_HEAD)) == 1


def test_a_check_sees_one_moment_while_points_move(world: World, app: Flask) -> None:
    """Lines and balances change between any two of its statements; none is seen half."""
    account_id = world.customer()
    stop = threading.Event()

    def move() -> None:
        with app.app_context():
            while not stop.is_set():
                world.add(account_id, 1, now=START)

    thread = threading.Thread(target=move)
    thread.start()
    try:
        seen = [health_verification.verify_all().violations for _ in range(4)]
    finally:
        stop.set()
        thread.join(60)
    assert seen == [[], [], [], []]
    balance = select(PointBalance.point_balance).where(PointBalance.account_id == account_id)
    assert db.session.execute(balance).scalar_one() > 0


def test_a_check_in_the_middle_of_a_run_finds_nothing_wrong(world: World) -> None:
    world.customer(users=30)
    with transaction():
        run_id = billing_runs.list_run(billing_date=CUT.date(), now=CUT + MINUTE).id
    seen = [health_verification.verify_all().violations]
    while run_work.post_next_chunk(run_id=run_id, now=CUT + MINUTE) is not None:
        assert checks(CUT + 2 * MINUTE)["run"].state is State.OK
        seen.append(health_verification.verify_all().violations)
    with transaction():
        billing_runs.finish_run(run_id=run_id, now=CUT + MINUTE)
    assert seen == [[], [], []]  # listed, customers charged, their MSPs charged


def test_beats_are_kept_the_later_one_counts_and_old_ones_go(world: World) -> None:
    with transaction():
        health_beats.beat(worker_name="host:1", now=START)
        health_beats.beat(worker_name="host:1", now=START - MINUTE)
        health_beats.beat(worker_name="x" * 200, now=START + MINUTE)
    seen = health_beats.seen_workers(now=START + 4 * MINUTE)
    assert [(worker.name[:6], worker.is_alive) for worker in seen] == [("xxxxxx", False), ("host:1", False)]
    assert [worker.is_alive for worker in health_beats.seen_workers(now=START + 3 * MINUTE)] == [True, False]
    with transaction():
        health_beats.beat(worker_name="host:2", now=START + 25 * HOUR)
    assert db.session.execute(select(func.count()).select_from(WorkerBeat)).scalar_one() == 1


def test_only_people_of_the_operator_who_can_sign_in_are_told(world: World) -> None:
    def disabled(value: bool) -> Update:
        return update(Administrator).where(Administrator.user_name == "operator").values(is_disabled=value)

    with transaction() as session:
        session.execute(disabled(True))
    alarm = alarms.broken_laws_alarm(laws=["L1"], after_id=0, now=START)
    with transaction():
        assert alarms.raise_alarm(alarm, now=START, brand=BRAND) == 0
    with transaction() as session:
        session.execute(disabled(False))
    with transaction():
        assert alarms.raise_alarm(replace(alarm), now=START, brand=BRAND) == 1
        assert alarms.raise_alarm(alarm, now=START + HOUR, brand=BRAND) == 0
