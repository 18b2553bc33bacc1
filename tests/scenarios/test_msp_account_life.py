"""The life of an MSP account: applied for, in service, with customers that move, and canceled early."""

import datetime as dt

from sqlalchemy import select

from domain.lifecycle import AccountStatus
from domain.permissions import AccountType, AdminLevel, Viewer
from models import Account, Administrator, PointBalance, PointLine, db
from services import (
    account_registrations,
    administrators,
    applications,
    cancellations,
    moves,
    points,
    provisioning,
)
from services.cancellation_previews import preview
from services.transaction import transaction
from tests.builders import BRAND, PROFILE, START, World, account, balance, lines, request_id, tick, tokyo


def totals() -> tuple[int, int]:
    """Return the points issued less consumed, and the sum of all balances."""
    db.session.rollback()
    single = select(PointLine.points).where(PointLine.transfer_id.is_(None))
    held = select(PointBalance.point_balance)
    return sum(db.session.execute(single).scalars()), sum(db.session.execute(held).scalars())


def into_service(world: World, account_id: int) -> None:
    with transaction():
        applications.approve(viewer=world.operator, account_id=account_id, brand=BRAND, now=START)
    with transaction():
        applications.request_provisioning(viewer=world.operator, account_id=account_id, now=START)
    provisioning.provision_requested(now=START)


def new_msp(world: World) -> Viewer:
    """Register an MSP, put it into service, give it points and its first administrator."""
    with transaction():
        msp = account_registrations.register_account(
            viewer=world.distributor,
            account_type=AccountType.MSP,
            profile=PROFILE | {"company_name": "株式会社新販売店"},
            parent_id=None,
            now=START,
            request_id=request_id(),
        ).id
    into_service(world, msp)
    world.add(msp, 500, now=START)
    with transaction():
        administrators.create(
            account_number=account(msp).account_number or "",
            user_name="new-msp",
            email="new-msp@example.jp",
            full_name="新 販売",
            level=AdminLevel.OVERALL,
            now=START,
        )
    person = db.session.execute(select(Administrator).where(Administrator.account_id == msp)).scalar_one()
    viewer = Viewer(person.id, person.user_name, msp, AccountType.MSP, AdminLevel.OVERALL)
    db.session.rollback()
    return viewer


def test_an_msp_comes_sells_and_leaves_early(world: World) -> None:
    seller = new_msp(world)
    msp = seller.account_id
    with transaction():
        own = applications.register(
            viewer=seller, profile=PROFILE, contract_user_count=20, parent_id=None, now=START
        ).id
    into_service(world, own)
    given = world.customer(points_held=100)
    plan = moves.plan_move(viewer=world.distributor, account_ids=[given], target_id=msp, now=START)
    with transaction():
        moves.move(
            viewer=world.distributor,
            account_ids=[given],
            target_id=msp,
            digest=plan.digest,
            request_id=request_id(),
            now=START,
        )
    with transaction():
        points.add(viewer=seller, account_id=own, points=60, remark=None, request_id=request_id(), now=START)
    assert tick(tokyo("2027-01-26T09:00:00")).billed_dates == [
        dt.date(2026, 11, 25),
        dt.date(2026, 12, 25),
        dt.date(2027, 1, 25),
    ]
    assert (balance(msp), balance(own), balance(given)) == (500 - 60 - 30, 0, 100 - 30)
    assert totals()[0] == totals()[1]
    leave(world, [own, given], dt.date(2027, 2, 1))
    leave(world, [msp], dt.date(2027, 2, 1))
    above = balance(world.distributor.account_id)
    assert tick(tokyo("2027-02-03T12:00:00")).canceled == 3
    # Nine 25ths, February to October, are left of the year: they are consumed, and the rest is lost.
    assert lines(msp)[-1] == ("cancellation_write_off", -410, 0)
    assert lines(given)[-1] == ("cancellation_write_off", -70, 0)
    assert balance(world.distributor.account_id) == above
    assert {account(key).status for key in (msp, own, given)} == {AccountStatus.CANCELED}
    assert totals()[0] == totals()[1]
    visible = db.session.execute(
        select(Account.id).where(Account.parent_id == msp, Account.status == AccountStatus.ACTIVE)
    )
    assert visible.first() is None


def leave(world: World, account_ids: list[int], day: dt.date) -> None:
    """Set 解約予定日 with what the dialog shows."""
    now = tokyo("2027-01-26T10:00:00")
    for account_id in account_ids:
        found = preview(viewer=world.distributor, account_id=account_id, scheduled_on=day, now=now)
        assert not found.blockers.account_count
        if found.remaining:
            assert (found.remaining.month_count, found.remaining_fee_points) == (9, 90)
            assert found.excess_points == 410 - 90
        with transaction():
            cancellations.schedule(
                viewer=world.distributor,
                account_id=account_id,
                scheduled_on=day,
                consent=True,
                shown=(found.top_up_points, found.write_off_points),
                now=now,
            )
