"""The 25th: as of the cut, once, however late and in however many pieces."""

import datetime as dt
import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from domain.lifecycle import AccountStatus, SuspensionReason
from domain.permissions import AccountType
from domain.points import LARGEST_BALANCE_POINTS, PointKind
from models import BillingItem, BillingRun, OutgoingMail, PointBalance, PriceVersionRow, db
from models.billing import ItemState, RunState
from services import accounts, billing_runs, cancellations, clockwork, ledger, rehearsals, run_work
from services.cancellation_previews import CancellationDateInvalid
from services.fee_posting import Posted
from services.refill_plans import plan_refill
from services.transaction import transaction
from tests.builders import BEGAN, SETTINGS, World, account, balance, lines, tick, tokyo

CUT = tokyo("2026-11-25T00:00:00")
MICROSECOND = dt.timedelta(microseconds=1)
NOVEMBER = dt.date(2026, 11, 25)


def change_users(world: World, account_id: int, users: int, now: dt.datetime) -> None:
    with transaction():
        accounts.change_contract_users(
            viewer=world.msp_a, account_id=account_id, contract_user_count=users, now=now
        )


def fees(account_id: int) -> list[int]:
    return [points for kind, points, _after in lines(account_id) if kind == "monthly_fee"]


@pytest.mark.parametrize(("users", "fee"), [(1, 10), (9, 10), (10, 10), (11, 11), (100_000, 100_000)])
def test_a_run_charges_each_account_once(world: World, users: int, fee: int) -> None:
    customer = world.customer(users=users)
    assert tick(CUT - MICROSECOND).charged_accounts == 0
    report = tick(CUT)
    assert (report.billed_dates, report.charged_accounts) == ([NOVEMBER], 4)
    assert report.charged_points == fee + 30
    assert fees(customer) == [-fee]
    again = tick(CUT + dt.timedelta(days=3))
    assert (again.charged_accounts, again.billed_dates) == (0, [])
    assert fees(customer) == [-fee]


def test_the_distributor_and_the_operator_pay_no_fee(world: World) -> None:
    tick(CUT)
    assert fees(world.distributor.account_id) == []
    assert fees(world.msp_a.account_id) == fees(world.support.account_id) == [-10]


def test_users_changed_at_the_cut_count_and_later_ones_do_not(world: World) -> None:
    at_the_cut, just_after = world.customer(users=10), world.customer(users=10)
    change_users(world, at_the_cut, 50, CUT)
    change_users(world, just_after, 50, CUT + MICROSECOND)
    tick(CUT + dt.timedelta(minutes=1))
    assert fees(at_the_cut) == [-50]
    assert fees(just_after) == [-10]


def test_an_account_provisioned_after_the_cut_is_not_charged(world: World) -> None:
    at_the_cut = world.customer(now=CUT)
    just_after = world.customer(now=CUT + MICROSECOND)
    tick(CUT + dt.timedelta(hours=1))
    assert fees(at_the_cut) == [-10]
    assert fees(just_after) == []


def test_of_two_changes_at_once_the_one_that_was_written_last_counts(world: World) -> None:
    """Who waited for the account may have read the clock before who held it."""
    customer = world.customer()
    change_users(world, customer, 20, CUT - 2 * MICROSECOND)
    change_users(world, customer, 50, CUT - 3 * MICROSECOND)
    assert account(customer).contract_user_count == 50
    tick(CUT)
    assert fees(customer) == [-50]


def test_a_run_that_is_days_late_charges_as_of_the_cut(world: World) -> None:
    late, on_time = world.customer(users=20), world.customer(users=20)
    change_users(world, late, 300, CUT + dt.timedelta(days=1))
    tick(CUT + dt.timedelta(days=4))
    assert fees(late) == fees(on_time) == [-20]


def test_every_missed_25th_is_made_up_in_order(world: World) -> None:
    customer = world.customer(users=20)
    report = tick(tokyo("2027-02-01T00:00:00"))
    assert report.billed_dates == [NOVEMBER, dt.date(2026, 12, 25), dt.date(2027, 1, 25)]
    assert fees(customer) == [-20, -20, -20]


def add_price(valid_from: dt.datetime, *, base: int = 10, extra: int = 0) -> None:
    with transaction() as session:
        session.add(
            PriceVersionRow(
                account_type=AccountType.CUSTOMER,
                valid_from=valid_from,
                base_points=base,
                included_user_count=10,
                points_per_additional_user=extra,
                created_at=BEGAN,
            )
        )


def test_a_fee_that_takes_the_last_points_leaves_nothing_below_zero(world: World) -> None:
    customer = world.customer(points_held=10)
    report = tick(CUT)
    assert (report.charged_accounts, report.failed) == (4, [])
    assert lines(customer)[-1] == ("monthly_fee", -10, 0)
    assert db.session.get_one(PointBalance, customer).negative_since is None


def test_the_price_at_the_cut_holds(world: World) -> None:
    customer = world.customer(users=15)
    add_price(CUT, extra=3)
    add_price(CUT + MICROSECOND, extra=9)
    tick(CUT + dt.timedelta(days=1))
    assert fees(customer) == [-25]


@pytest.mark.parametrize(("base", "written"), [(0, []), (1, [-1])])
def test_a_fee_of_nothing_is_charged_without_a_line(world: World, base: int, written: list[int]) -> None:
    customer = world.customer(users=10)
    add_price(CUT, base=base)
    assert tick(CUT).charged_accounts == 4
    assert fees(customer) == written
    assert lines(customer)[-1:] == [("monthly_fee", points, points) for points in written]


def test_a_fee_of_zero_leaves_an_item_and_no_line(world: World) -> None:
    customer = world.customer()
    with transaction():
        db.session.add(
            PriceVersionRow(
                account_type=AccountType.CUSTOMER,
                valid_from=CUT,
                base_points=0,
                included_user_count=10,
                points_per_additional_user=1,
                created_at=BEGAN,
            )
        )
    tick(CUT)
    item = db.session.execute(select(BillingItem).where(BillingItem.account_id == customer)).scalar_one()
    assert (item.fee_points, item.state) == (0, ItemState.DONE)
    assert lines(customer) == []


def test_a_run_goes_on_where_it_stopped(world: World) -> None:
    customers = [world.customer(users=10 + position) for position in range(7)]
    with transaction():
        run_id = billing_runs.list_run(billing_date=NOVEMBER, now=CUT, chunk_size=3).id
    posted = run_work.post_next_chunk(run_id=run_id, now=CUT)
    assert posted == Posted(3, 33)
    assert tick(CUT + dt.timedelta(minutes=5)).charged_accounts == 7
    assert [fees(customer) for customer in customers] == [[-10 - position] for position in range(7)]
    run = db.session.execute(select(BillingRun)).scalar_one()
    assert (run.state, run.account_count, run.done_count) == (RunState.DONE, 10, 10)
    assert run.charged_points == 10 * 7 + 21 + 30


def test_a_rehearsal_is_what_the_run_does(world: World) -> None:
    for users in (1, 11, 250):
        world.customer(users=users)
    rehearsed = {
        row.account_number: (row.fee_points, row.balance_after)
        for row in rehearsals.rehearse(billing_date=NOVEMBER)
    }
    tick(CUT)
    items = db.session.execute(select(BillingItem)).scalars().all()
    assert len(items) == len(rehearsed) == 6
    for item in items:
        number = account(item.account_id).account_number or ""
        assert rehearsed[number] == (item.fee_points, balance(item.account_id))


def test_lasting_shortage_suspends_and_points_resume(world: World) -> None:
    customer = world.customer()
    tick(CUT)
    assert balance(customer) == -10
    due = CUT + dt.timedelta(days=SETTINGS.suspend_after_days)
    tick(due - dt.timedelta(days=7))
    assert tick(due).suspended == 0
    assert tick(due + MICROSECOND).suspended == 1
    found = account(customer)
    assert (found.status, found.suspension_reason) == (AccountStatus.SUSPENDED, SuspensionReason.SHORTAGE)
    assert fees(customer) == [-10, -10]  # charged all the same on 25 December
    world.add(customer, 19, now=due)
    assert tick(due + dt.timedelta(hours=1)).resumed == 0
    world.add(customer, 1, now=due)
    assert tick(due + dt.timedelta(hours=2)).resumed == 1
    assert account(customer).status is AccountStatus.ACTIVE


def test_nobody_is_suspended_unwarned_after_an_outage(world: World) -> None:
    customer = world.customer()
    nobody: dict[str, Any] = {
        f"{kind}contact_{field}": None for kind in ("", "reseller_") for field in ("name", "email")
    }
    unreachable = world.customer(**nobody)
    tick(CUT)
    late = CUT + dt.timedelta(days=32)
    report = tick(late)
    assert (report.suspended, report.mails_written) == (1, 2)
    assert account(unreachable).status is AccountStatus.SUSPENDED
    mail = db.session.scalars(select(OutgoingMail).where(OutgoingMail.account_id == customer)).first()
    assert mail is not None
    assert "2027年1月3日" in mail.body_text
    week = dt.timedelta(days=7)
    assert [tick(late + week - MICROSECOND).suspended, tick(late + week).suspended] == [0, 1]
    assert account(customer).status is AccountStatus.SUSPENDED


def test_msps_are_never_suspended_by_themselves(world: World) -> None:
    world.take_back(world.msp_a.account_id, 10_001)
    tick(CUT + dt.timedelta(days=90))
    assert account(world.msp_a.account_id).status is AccountStatus.ACTIVE


def test_two_ticks_side_by_side_come_to_one(world: World) -> None:
    customer = world.customer()
    first = clockwork.run_due_work(now=CUT, settings=SETTINGS)
    second = clockwork.run_due_work(now=CUT, settings=SETTINGS)
    assert (first.charged_accounts, second.charged_accounts) == (4, 0)
    assert fees(customer) == [-10]


def test_a_change_that_read_the_clock_before_the_list_and_comes_after_it_counts_from_after_the_cut(
    world: World,
) -> None:
    changed, leaving, lifted = (world.customer(users=20) for _position in range(3))
    with transaction():
        billing_runs.list_run(billing_date=NOVEMBER, now=CUT)
    just_before = CUT - dt.timedelta(seconds=1)
    change_users(world, changed, 50, just_before)
    with pytest.raises(CancellationDateInvalid), transaction():
        cancellations.schedule(
            viewer=world.msp_a,
            account_id=leaving,
            scheduled_on=NOVEMBER,
            consent=True,
            shown=(0, 0),
            now=just_before,
        )
    newcomer = world.customer(now=just_before)
    tick(CUT)
    assert [fees(each) for each in (changed, leaving, lifted, newcomer)] == [[-20], [-20], [-20], []]


def test_an_account_that_cannot_be_charged_is_parked_and_the_others_are_done(world: World) -> None:
    odd, fine = world.customer(users=100_000), world.customer()
    lowest = -LARGEST_BALANCE_POINTS + 5
    with transaction():
        drafts = [
            ledger.LineDraft(odd, PointKind.RETURN, -points)
            for points in ledger.in_lines(balance(odd) - lowest)
        ]
        ledger.post(drafts=drafts, viewer=world.msp_a, now=BEGAN)
    tick(CUT)
    run = db.session.execute(select(BillingRun)).scalar_one()
    assert run.state is RunState.PARTLY_PARKED
    item = db.session.execute(select(BillingItem).where(BillingItem.account_id == odd)).scalar_one()
    assert (item.state, item.parked_reason) == (ItemState.PARKED, "balance_out_of_range")
    assert (fees(odd), fees(fine)) == ([], [-10])


def test_a_fee_larger_than_a_line_is_parked_and_the_others_are_done(world: World) -> None:
    odd, fine = world.customer(users=1_000_000), world.customer()
    with transaction():
        db.session.add(
            PriceVersionRow(
                account_type=AccountType.CUSTOMER,
                valid_from=CUT,
                base_points=10,
                included_user_count=10,
                points_per_additional_user=2_000,
                created_at=BEGAN,
            )
        )
    tick(CUT)
    item = db.session.execute(select(BillingItem).where(BillingItem.account_id == odd)).scalar_one()
    assert (item.state, item.parked_reason) == (ItemState.PARKED, "fee_out_of_range")
    assert (fees(odd), fees(fine)) == ([], [-10])


def test_a_rehearsal_leaves_out_what_is_charged_already(world: World) -> None:
    world.customer()
    assert len(rehearsals.rehearse(billing_date=NOVEMBER)) == 4
    tick(CUT)
    assert rehearsals.rehearse(billing_date=NOVEMBER) == []


def test_a_fee_stays_in_the_estimate_while_its_run_is_being_listed(app: Flask, world: World) -> None:
    customer = world.customer(users=30, points_held=10)
    begun: list[str] = []

    def list_it() -> None:
        with app.app_context(), transaction():
            billing_runs.list_run(billing_date=NOVEMBER, now=CUT)

    def list_in_between(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "billing_runs" in statement and not begun:
            begun.append(statement)
            other = threading.Thread(target=list_it)
            other.start()
            other.join(30)

    db.session.rollback()
    event.listen(db.engine, "after_cursor_execute", list_in_between)
    try:
        found = [
            plan_refill(viewer=world.msp_a, account_ids=[customer], now=CUT).rows[0] for _look in range(2)
        ]
    finally:
        event.remove(db.engine, "after_cursor_execute", list_in_between)
    assert begun
    assert [row.estimated_balance for row in found] == [-20, -20]
