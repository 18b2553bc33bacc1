"""別のMSPへ移動: lines and points stay with the account, scope follows, all or none."""

import datetime as dt
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from domain.permissions import AccountType, Viewer
from models import Account, AuditEvent, db
from services import access, accounts, cancellations, moves, points
from services.access import AccountNotVisible, PermissionRefused
from services.cancellation_previews import preview
from services.move_obstacles import MoveObstacle
from services.moves import (
    MoveObstructed,
    MovePlan,
    MovePlanChanged,
    NothingToMove,
    TargetUnknown,
    TooManyToMove,
    possible_targets,
)
from services.provisioning import start_service
from services.requests import RequestIdReused
from services.transaction import transaction
from tests.builders import BEGAN, PROFILE, START, World, account, balance, lines, request_id, tick, tokyo


def plan(
    world: World,
    ids: Sequence[int],
    target: Viewer | None,
    *,
    viewer: Viewer | None = None,
    now: dt.datetime = START,
) -> MovePlan:
    return moves.plan_move(
        viewer=viewer or world.distributor,
        account_ids=ids,
        target_id=target.account_id if target else None,
        now=now,
    )


def move(
    world: World,
    ids: Sequence[int],
    target: Viewer,
    *,
    key: str = "",
    digest: str = "",
    now: dt.datetime = START,
) -> MovePlan:
    digest = digest or plan(world, ids, target, now=now).digest
    with transaction():
        return moves.move(
            viewer=world.distributor,
            account_ids=ids,
            target_id=target.account_id,
            digest=digest,
            request_id=key or request_id(),
            now=now,
        )


def visible_to(viewer: Viewer, account_id: int) -> bool:
    db.session.rollback()
    found = select(Account.id).where(Account.id == account_id, access.scope(viewer))
    return db.session.execute(found).first() is not None


def test_a_customer_moves_with_its_lines_its_points_and_its_support(world: World) -> None:
    desk = world.support.account_id
    first = world.customer(points_held=120, support_account_id=desk)
    second = world.customer(parent=world.distributor)
    stocks = [balance(who.account_id) for who in (world.msp_a, world.msp_b, world.distributor)]
    done = move(world, [first, second], world.msp_b)
    assert (done.total_points, done.obstructed_count) == (120, 0)
    assert account(first).parent_id == account(second).parent_id == world.msp_b.account_id
    assert (account(first).support_account_id, balance(first)) == (desk, 120)
    assert stocks == [balance(who.account_id) for who in (world.msp_a, world.msp_b, world.distributor)]
    assert (visible_to(world.msp_a, first), visible_to(world.msp_b, first)) == (False, True)
    actions = db.session.execute(
        select(AuditEvent.action, AuditEvent.account_id, AuditEvent.details)
        .where(AuditEvent.action.startswith("customer"))
        .order_by(AuditEvent.id)
    ).all()
    assert [(action, account_id) for action, account_id, _details in actions] == [
        ("customer.moved", first),
        ("customer.moved", second),
        ("customers.moved_out", world.msp_a.account_id),
        ("customers.moved_out", world.distributor.account_id),
        ("customers.moved_in", world.msp_b.account_id),
    ]
    assert actions[0].details["old_parent_id"] == world.msp_a.account_id
    assert (actions[-1].details["account_count"], actions[-1].details["total_points"]) == (2, 120)
    # From now on the new MSP pays and gets; the fee of the 25th is the account's own, as ever.
    world.add(first, 7, viewer=world.msp_b, now=START)
    assert balance(world.msp_b.account_id) == stocks[1] - 7
    tick(tokyo("2026-11-25T00:00:10"))
    assert lines(first)[-1] == ("monthly_fee", -10, 117)
    move(world, [first], world.msp_a, now=tokyo("2026-11-26T00:00:00"))
    assert account(first).parent_id == world.msp_a.account_id


def test_one_row_that_cannot_move_keeps_all(world: World) -> None:
    well, negative, leaving = world.customer(), world.customer(), world.customer()
    there = world.customer(parent=world.msp_b)
    world.take_back(negative, 5)
    with transaction():
        cancellations.schedule(
            viewer=world.msp_a,
            account_id=leaving,
            scheduled_on=dt.date(2026, 11, 24),
            consent=True,
            shown=(0, 0),
            now=START,
        )
    ids = [well, negative, leaving, there]
    assert [row.obstacle for row in plan(world, ids, world.msp_b).rows] == [
        None,
        MoveObstacle.BELOW_ZERO,
        None,
        MoveObstacle.ALREADY_THERE,
    ]
    assert plan(world, ids, None).obstructed_count == 1
    with pytest.raises(MoveObstructed) as refusal:
        move(world, ids, world.msp_b)
    assert refusal.value.data["account_count"] == 2
    assert account(well).parent_id == world.msp_a.account_id
    after_cut = tokyo("2026-11-25T00:00:01")
    assert [row.obstacle for row in plan(world, [well, leaving], world.msp_b, now=after_cut).rows] == [
        MoveObstacle.FEE_DUE,
        MoveObstacle.CANCELLATION_UNDER_WAY,
    ]
    tick(after_cut)
    assert [row.obstacle for row in plan(world, [well, leaving], world.msp_b, now=after_cut).rows] == [
        MoveObstacle.BELOW_ZERO,
        MoveObstacle.NOT_RUNNING,
    ]


def test_what_was_shown_is_bound_and_a_repeat_is_harmless(world: World) -> None:
    customer, key = world.customer(), request_id()
    shown = plan(world, [customer], world.msp_b).digest
    with pytest.raises(MovePlanChanged):
        move(world, [customer], world.distributor, digest=shown)
    world.add(customer, 3)
    with pytest.raises(MovePlanChanged):
        move(world, [customer], world.msp_b, digest=shown)
    fresh = plan(world, [customer], world.msp_b).digest
    for _turn in range(2):
        move(world, [customer], world.msp_b, key=key, digest=fresh)
    events = db.session.execute(select(AuditEvent.id).where(AuditEvent.action == "customer.moved"))
    assert len(events.all()) == 1
    with pytest.raises(RequestIdReused):
        move(world, [customer], world.distributor, key=key, digest=fresh)


def test_a_repeat_gets_its_answer_though_the_msp_takes_no_customers_any_more(world: World) -> None:
    customer, key = world.customer(), request_id()
    fresh = plan(world, [customer], world.msp_b).digest
    first = move(world, [customer], world.msp_b, key=key, digest=fresh)
    for leaving in (customer, world.msp_b.account_id):
        day = dt.date(2026, 12, 1)
        shown = preview(viewer=world.distributor, account_id=leaving, scheduled_on=day, now=START)
        with transaction():
            cancellations.schedule(
                viewer=world.distributor,
                account_id=leaving,
                scheduled_on=day,
                consent=True,
                shown=(shown.top_up_points, shown.write_off_points),
                now=START,
            )
    with pytest.raises(TargetUnknown):
        plan(world, [customer], world.msp_b)
    again = move(world, [customer], world.msp_b, key=key, digest=fresh)
    assert (len(again.rows), again.target_name) == (len(first.rows), first.target_name)


def test_who_may_move_what_where(world: World) -> None:
    customer = world.customer()
    with pytest.raises(PermissionRefused):
        plan(world, [customer], world.msp_b, viewer=world.msp_a)
    for ids in ([customer, world.msp_b.account_id], [customer, 10**12]):
        with pytest.raises(AccountNotVisible):
            plan(world, ids, world.msp_b)
    with pytest.raises(NothingToMove):
        plan(world, [], world.msp_b)
    with pytest.raises(TooManyToMove):
        plan(world, range(10_001), world.msp_b)
    for target in (world.support, world.operator):
        with pytest.raises(TargetUnknown):
            plan(world, [customer], target)
    with pytest.raises(TargetUnknown), transaction():
        moves.move(
            viewer=world.distributor,
            account_ids=[customer],
            target_id=None,
            digest="",
            request_id=request_id(),
            now=START,
        )
    names = [
        words.partition(" ")[2]
        for _key, words in possible_targets(viewer=world.distributor, account_ids=[customer])
    ]
    assert names == [PROFILE["company_name"], "会社 msp_a", "会社 msp_b"]


def test_nobody_crosses_to_another_distributor(world: World) -> None:
    with transaction():
        other = Account(
            **PROFILE,
            account_type=AccountType.PRIVILEGED_MSP,
            status="approved",
            parent_id=world.operator.account_id,
            account_number="30000001",
            contract_user_count=10,
            hidden_menu_keys=[],
            applied_at=BEGAN,
        )
        db.session.add(other)
        db.session.flush()
        start_service(account=other, now=BEGAN)
        other_id = other.id
    customer = world.customer()
    elsewhere = Viewer(
        world.operator.administrator_id, "", other_id, AccountType.PRIVILEGED_MSP, world.operator.level
    )
    for viewer in (world.operator, world.distributor):
        with pytest.raises(TargetUnknown):
            plan(world, [customer], elsewhere, viewer=viewer)
    foreign = world.customer(parent=elsewhere)
    both = plan(world, [customer, foreign], world.msp_b, viewer=world.operator)
    assert [row.obstacle for row in both.rows] == [None, MoveObstacle.OTHER_DISTRIBUTOR]
    with pytest.raises(AccountNotVisible):
        plan(world, [foreign], world.msp_b)


def test_an_msp_that_is_leaving_gets_nobody(world: World) -> None:
    msp = world.msp_b.account_id
    customer = world.customer()
    with transaction():
        cancellations.schedule(
            viewer=world.distributor,
            account_id=msp,
            scheduled_on=dt.date(2026, 12, 1),
            consent=True,
            shown=(0, 9_990),
            now=START,
        )
    with pytest.raises(TargetUnknown):
        plan(world, [customer], world.msp_b)
    with transaction():
        cancellations.lift(viewer=world.distributor, account_id=msp, now=START)
    move(world, [customer], world.msp_b)
    with transaction():
        accounts.change_contract_users(
            viewer=world.msp_b, account_id=customer, contract_user_count=12, now=START
        )
    with pytest.raises(AccountNotVisible), transaction():
        points.add(
            viewer=world.msp_a,
            account_id=customer,
            points=1,
            remark=None,
            request_id=request_id(),
            now=START,
        )
