"""Through a 25th: short on the 20th, refilled on the 24th, charged on the 25th; leavers on 24, 25, 26."""

import datetime as dt

from domain.lifecycle import AccountStatus
from services import cancellations
from services.cancellation_previews import preview
from services.refills import plan_refill, refill
from services.transaction import transaction
from tests.builders import START, World, account, balance, lines, request_id, tick, tokyo


def schedule(world: World, account_id: int, day: int) -> None:
    date = dt.date(2026, 11, day)
    found = preview(viewer=world.msp_a, account_id=account_id, scheduled_on=date, now=START)
    with transaction():
        cancellations.schedule(
            viewer=world.msp_a,
            account_id=account_id,
            scheduled_on=date,
            consent=True,
            shown=(found.top_up_points, found.write_off_points),
            now=START,
        )


def kinds(account_id: int) -> list[str]:
    return [line[0] for line in lines(account_id)]


def test_short_on_the_20th_refilled_on_the_24th_and_at_zero_after_the_25th(world: World) -> None:
    customer = world.customer(users=48, points_held=15)
    seen = plan_refill(viewer=world.msp_a, account_ids=[customer], now=START)
    assert seen.rows[0].estimated_balance == -33
    last_minute = tokyo("2026-11-24T23:59:00")
    plan = plan_refill(viewer=world.msp_a, account_ids=[customer], now=last_minute)
    assert plan.rows == seen.rows
    with transaction():
        refill(
            viewer=world.msp_a,
            account_ids=[customer],
            digest=plan.digest,
            request_id=request_id(),
            now=last_minute,
        )
    tick(tokyo("2026-11-25T00:00:30"))
    assert lines(customer) == [("addition", 15, 15), ("addition", 33, 48), ("monthly_fee", -48, 0)]


def test_leavers_of_the_24th_and_25th_pay_no_fee_and_the_one_of_the_26th_does(world: World) -> None:
    leavers = {day: world.customer(points_held=100) for day in (24, 25, 26)}
    for day, account_id in leavers.items():
        schedule(world, account_id, day)
    assert tick(tokyo("2026-11-24T00:00:00")).canceled == 1
    assert tick(tokyo("2026-11-25T00:00:00")).canceled == 1
    assert tick(tokyo("2026-11-26T00:00:00")).canceled == 1
    assert kinds(leavers[24]) == kinds(leavers[25]) == ["addition", "cancellation_write_off"]
    assert kinds(leavers[26]) == ["addition", "monthly_fee", "cancellation_write_off"]


def test_a_worker_that_was_off_for_four_days_comes_to_the_same(world: World) -> None:
    leavers = {day: world.customer(points_held=4) for day in (24, 25, 26)}
    stayer = world.customer(users=30)
    for day, account_id in leavers.items():
        schedule(world, account_id, day)
    report = tick(tokyo("2026-11-28T09:00:00"))
    assert (report.canceled, report.billed_dates) == (3, [dt.date(2026, 11, 25)])
    assert kinds(leavers[24]) == kinds(leavers[25]) == ["addition", "cancellation_write_off"]
    assert lines(leavers[26])[1:] == [("monthly_fee", -10, -6), ("cancellation_top_up", 6, 0)]
    assert all(account(account_id).status is AccountStatus.CANCELED for account_id in leavers.values())
    assert lines(stayer) == [("monthly_fee", -30, -30)]


def test_the_estimate_beforehand_is_the_balance_afterwards(world: World) -> None:
    customers = [
        world.customer(users=users, points_held=held)
        for users, held in ((1, 9), (10, 10), (250, 3_000), (12, 0))
    ]
    before = plan_refill(viewer=world.msp_a, account_ids=customers, now=START)
    tick(tokyo("2026-11-27T10:00:00"))
    assert [row.estimated_balance for row in before.rows] == [balance(customer) for customer in customers]
