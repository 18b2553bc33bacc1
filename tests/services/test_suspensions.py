"""一時停止 by hand: who may, what it keeps, and that the clockwork leaves it alone."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import select, text

from domain.lifecycle import AccountStatus, SuspensionReason
from domain.permissions import AccountType, AdminLevel, Viewer
from models import Account, AuditEvent, db
from services import clockwork, manual_suspensions, portal_settings
from services.access import AccountNotVisible, PermissionRefused
from services.ledger import CancellationUnderWay
from services.manual_suspensions import NotActive, NotManuallySuspended, SuspensionReasonRequired
from services.transaction import transaction
from tests.builders import World, account, balance, tick
from tests.support.databases import START, as_owner


def suspend(
    world: World, account_id: int, reason: str = "料金未納のため", viewer: Viewer | None = None
) -> None:
    with transaction():
        manual_suspensions.suspend(
            viewer=viewer or world.msp_a, account_id=account_id, reason=reason, now=START
        )


def resume(world: World, account_id: int, now: dt.datetime = START) -> None:
    with transaction():
        manual_suspensions.resume(viewer=world.msp_a, account_id=account_id, now=now)


def state(account_id: int) -> tuple[AccountStatus, SuspensionReason | None]:
    found: Account = account(account_id)
    return found.status, found.suspension_reason


BY_HAND = (AccountStatus.SUSPENDED, SuspensionReason.MANUAL)
SHORT = (AccountStatus.SUSPENDED, SuspensionReason.SHORTAGE)
IN_USE = (AccountStatus.ACTIVE, None)


def test_suspended_and_resumed_by_hand_with_the_reason_in_the_log(world: World) -> None:
    account_id = world.customer(points_held=100)
    with pytest.raises(SuspensionReasonRequired):
        suspend(world, account_id, "")
    suspend(world, account_id)
    assert state(account_id) == BY_HAND
    with pytest.raises(NotActive):
        suspend(world, account_id)
    event = manual_suspensions.latest_suspension(account_id)
    assert event is not None
    assert (event.details["reason"], event.details["remark"]) == ("manual", "料金未納のため")
    assert event.administrator_id == world.msp_a.administrator_id
    resume(world, account_id)
    assert state(account_id) == IN_USE
    with pytest.raises(NotManuallySuspended):
        resume(world, account_id)
    actions = select(AuditEvent.action).where(AuditEvent.account_id == account_id).order_by(AuditEvent.id)
    assert list(db.session.scalars(actions))[-2:] == ["account.suspended", "account.resumed"]


def test_the_clockwork_neither_lifts_nor_renames_it_and_fees_go_on(world: World) -> None:
    rich, poor = world.customer(points_held=100), world.customer(points_held=5)
    suspend(world, rich)
    suspend(world, poor)
    tick(START + dt.timedelta(days=6))
    assert balance(rich) == 90
    assert balance(poor) == -5
    tick(START + dt.timedelta(days=40))
    assert (state(rich), state(poor)) == (BY_HAND, BY_HAND)
    # Resumed while the shortage lasts, it is warned of that, suspended for it, and then lifts by itself.
    later = START + dt.timedelta(days=41)
    resume(world, poor, later)
    tick(later)
    assert state(poor) == IN_USE
    later += dt.timedelta(days=7)
    tick(later)
    assert state(poor) == SHORT
    with pytest.raises(NotManuallySuspended):
        resume(world, poor, later)
    world.add(poor, 100, now=later)
    tick(later)
    assert (state(poor), state(rich)) == (IN_USE, BY_HAND)


def test_only_those_above_and_only_what_runs(world: World) -> None:
    own, foreign = world.customer(), world.customer(parent=world.msp_b)
    for wrong_id in (foreign, world.msp_a.account_id, world.support.account_id, 2**62):
        with pytest.raises(AccountNotVisible):
            suspend(world, wrong_id)
    for refused in (world.support, replace(world.msp_a, level=AdminLevel.SYSTEM)):
        with pytest.raises(PermissionRefused):
            suspend(world, own, viewer=refused)
    assert world.support.account_type is AccountType.SUPPORT
    with transaction():
        account(own).cancellation_date = START.date()
    with pytest.raises(CancellationUnderWay):
        suspend(world, own)
    with transaction():
        account(own).cancellation_date = None
    for viewer in (world.distributor, world.operator):
        suspend(world, own, viewer=viewer)
        with transaction():
            manual_suspensions.resume(viewer=viewer, account_id=own, now=START)
    assert state(own) == IN_USE


def refuse_suspension_of(account_id: int) -> None:
    """Let the database refuse to suspend an account, as a constraint of tomorrow would."""
    is_sqlite = db.engine.dialect.name == "sqlite"
    action = "BEGIN SELECT RAISE(ABORT, 'no'); END" if is_sqlite else "EXECUTE FUNCTION refuse_change()"
    statement = (
        "CREATE TRIGGER refuse_suspension BEFORE UPDATE ON accounts FOR EACH ROW "
        f"WHEN (NEW.id = {account_id} AND NEW.status = 'suspended') {action}"
    )
    db.session.rollback()
    with as_owner() as connection:
        connection.execute(text(statement))


def test_one_account_that_cannot_be_suspended_holds_up_nothing_else(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    odd, short = world.customer(), world.customer()
    for account_id in (odd, short):
        world.take_back(account_id, 1, now=START)
    refuse_suspension_of(odd)
    for days in range(1, 40):
        day = START + dt.timedelta(days=days)
        report = tick(day)
    assert (state(odd), state(short), report.failed) == (IN_USE, SHORT, [odd])
    assert f"suspension of account {odd} failed" in caplog.text
    # What comes after it in a tick is done as well.
    world.add(short, 100, now=day)
    assert (tick(day).resumed, state(short)) == (1, IN_USE)
    assert portal_settings.kept(clockwork.LAST_TICK) == day.isoformat()
