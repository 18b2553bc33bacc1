"""Rehearsals: what the run will do, by the run's own rows; kept, and each viewer's own."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select, update

from domain.billing_calendar import next_month
from domain.permissions import AccountType
from models import (
    Account,
    AuditEvent,
    BillingItem,
    BillingRehearsal,
    BillingRehearsalItem,
    PointBalance,
    PriceVersionRow,
    db,
)
from models.billing import ItemState
from services import accounts, billing_runs, cancellations, rehearsal_choice, rehearsals, saved_rehearsals
from services.access import AccountNotVisible, PermissionRefused
from services.cancellation_previews import preview
from services.estimates import estimate_columns
from services.lists import ListArguments, fetch_page
from services.rehearsal_choice import AccountNumbersUnknown, TooManyAccountNumbers
from services.rehearsal_list import rehearsal_source
from services.rehearsals import BillingDateUnknown, Expectation, RunFinished
from services.saved_rehearsals import NothingToRehearse, TooManyRehearsals
from services.transaction import transaction
from tests.builders import BEGAN, World, account, balance, tick, tokyo
from tests.support.databases import START

NOVEMBER, DECEMBER, JANUARY = dt.date(2026, 11, 25), dt.date(2026, 12, 25), dt.date(2027, 1, 25)
CUT = tokyo("2026-11-25T00:00:00")


def rehearsed(billing_date: dt.date = NOVEMBER) -> dict[str, tuple[int, int, int]]:
    """Return users, fee and balance after, by account number."""
    return {
        row.account_number: (row.contract_user_count, row.fee_points, row.balance_after)
        for row in rehearsals.rehearse(billing_date=billing_date)
    }


def of(account_id: int, billing_date: dt.date = NOVEMBER) -> tuple[int, int, int] | None:
    return rehearsed(billing_date).get(account(account_id).account_number or "")


def leave(world: World, account_id: int, on: dt.date | None, now: dt.datetime) -> None:
    shown = preview(viewer=world.msp_a, account_id=account_id, scheduled_on=on, now=now)
    amounts = (shown.top_up_points, shown.write_off_points)
    with transaction():
        if on is None:
            cancellations.cancel(
                viewer=world.msp_a, account_id=account_id, consent=True, shown=amounts, now=now
            )
        else:
            cancellations.schedule(
                viewer=world.msp_a,
                account_id=account_id,
                scheduled_on=on,
                consent=True,
                shown=amounts,
                now=now,
            )


def test_each_viewer_expects_what_the_run_then_does_to_its_accounts(world: World) -> None:
    world.customer(users=20, points_held=50)
    world.customer(users=30, points_held=29)
    world.customer(parent=world.msp_b)
    with transaction():
        db.session.add(
            PriceVersionRow(
                account_type=AccountType.CUSTOMER,
                valid_from=CUT,
                base_points=10,
                included_user_count=10,
                points_per_additional_user=2,
                created_at=BEGAN,
            )
        )
    expected = {
        viewer.user_name: rehearsals.expected(billing_date=NOVEMBER, viewer=viewer, now=START)
        for viewer in (world.operator, world.distributor, world.msp_a, world.msp_b)
    }
    assert expected == {
        "operator": Expectation(6, 30 + 50 + 10 + 30, 2),
        "distributor": Expectation(6, 120, 2),
        "msp-a": Expectation(3, 90, 1),
        "msp-b": Expectation(2, 20, 1),
    }
    with pytest.raises(PermissionRefused):
        rehearsals.expected(billing_date=NOVEMBER, viewer=world.support, now=START)
    before = rehearsed()
    tick(CUT)
    run = db.session.execute(select(BillingItem.account_id, BillingItem.fee_points)).all()
    done = {account(row.account_id).account_number: (row.fee_points, balance(row.account_id)) for row in run}
    assert done == {number: row[1:] for number, row in before.items()}
    with pytest.raises(RunFinished):
        rehearsals.expected(billing_date=NOVEMBER, viewer=world.msp_a, now=CUT)


def test_what_is_scheduled_and_what_is_posted_is_left_out(world: World) -> None:
    on_the_day, before, after, gone = (world.customer(users=20, points_held=100) for _position in range(4))
    leave(world, on_the_day, NOVEMBER, BEGAN)
    leave(world, before, dt.date(2026, 11, 24), BEGAN)
    leave(world, after, dt.date(2026, 11, 26), BEGAN)
    assert (of(on_the_day), of(before), of(after)) == (None, None, (20, 20, 80))
    assert of(after, DECEMBER) is None
    # After the cut and before the list: its fee is posted by its own cancellation.
    leave(world, gone, None, CUT + dt.timedelta(minutes=1))
    assert of(gone) is None
    assert len(rehearsed()) == 4
    # The list is written: its rows are the rehearsal, whatever changes since.
    with transaction():
        billing_runs.list_run(billing_date=NOVEMBER, now=CUT + dt.timedelta(minutes=2))
    listed = rehearsed()
    late = CUT + dt.timedelta(minutes=3)
    with transaction():
        accounts.change_contract_users(viewer=world.msp_a, account_id=after, contract_user_count=99, now=late)
    assert rehearsed() == listed
    assert rehearsals.expected(billing_date=NOVEMBER, viewer=world.operator, now=late) == (4, 50, 0)
    tick(late)
    assert rehearsed() == {}


def test_a_25th_further_ahead_has_the_fees_in_between_off_the_balance(world: World) -> None:
    customer = world.customer(users=20, points_held=50)
    assert [of(customer, day) for day in (NOVEMBER, DECEMBER, JANUARY)] == [
        (20, 20, 30),
        (20, 20, 10),
        (20, 20, -10),
    ]
    assert rehearsals.dates_before(JANUARY) == [NOVEMBER, DECEMBER]
    # Two 25ths late: the older of them comes first, with the users that held then.
    late = tokyo("2026-12-26T00:00:00")
    with transaction():
        accounts.change_contract_users(
            viewer=world.msp_a, account_id=customer, contract_user_count=40, now=tokyo("2026-12-01T00:00:00")
        )
    assert (of(customer), of(customer, DECEMBER)) == ((20, 20, 30), (40, 40, -10))
    dates = rehearsals.rehearsal_dates(late)
    assert dates[:3] == [NOVEMBER, DECEMBER, JANUARY]
    assert (len(dates), dates[-1]) == (2 + rehearsals.MONTHS_AHEAD, dt.date(2027, 12, 25))
    for unknown in (dt.date(2026, 10, 25), next_month(dates[-1])):
        with pytest.raises(BillingDateUnknown):
            rehearsals.check_date(unknown, late)
    tick(late)
    assert balance(customer) == -10
    assert of(customer, JANUARY) == (40, 40, -50)


def test_rehearsal_and_estimate_are_one_number(world: World) -> None:
    for held in (0, 10, 33):
        world.customer(users=20 + held, points_held=held)
    for now in (START, CUT + dt.timedelta(hours=1)):
        found = db.session.execute(
            select(Account.account_number, estimate_columns(now).estimated_balance)
            .join(PointBalance, PointBalance.account_id == Account.id)
            .where(Account.account_type != AccountType.PRIVILEGED_MSP)
        )
        estimates = {number: estimate for number, estimate in found if number is not None}
        assert {number: row[2] for number, row in rehearsed().items()} == estimates


def test_a_parked_fee_stays_in_the_rehearsals_to_come(world: World) -> None:
    customer = world.customer(users=20, points_held=100)
    tick(CUT)
    with transaction() as session:
        # As if the fee of November had been put aside.
        item = session.get_one(BillingItem, (NOVEMBER, customer))
        assert of(customer, DECEMBER) == (20, 20, 60)
        item.state, item.parked_reason = ItemState.PARKED, "database_refused"
        session.flush()
        assert [row.earlier_fee_points for row in shown(world, DECEMBER, [customer])] == [20]
        item.state, item.parked_reason = ItemState.DONE, None


def shown(world: World, billing_date: dt.date, account_ids: list[int] | None) -> list[Any]:
    source = rehearsal_source(viewer=world.msp_a, billing_date=billing_date, account_ids=account_ids, now=CUT)
    return list(fetch_page(source, ListArguments(page_size=100)).rows)


def test_a_saved_rehearsal_keeps_its_rows_and_is_in_the_log(world: World) -> None:
    short, chosen = world.customer(users=20, points_held=5), world.customer(users=30, points_held=60)
    with transaction():
        saved_rehearsals.save(viewer=world.msp_a, billing_date=DECEMBER, account_ids=None, now=START)
        saved_rehearsals.save(viewer=world.msp_a, billing_date=DECEMBER, account_ids=[chosen], now=START)
    whole, part = db.session.execute(select(BillingRehearsal).order_by(BillingRehearsal.id)).scalars()
    assert (whole.account_count, whole.fee_points, whole.negative_count, whole.is_of_chosen) == (
        3,
        60,
        1,
        False,
    )
    assert (part.account_count, part.fee_points, part.negative_count, part.is_of_chosen) == (1, 30, 0, True)
    item = db.session.get_one(BillingRehearsalItem, (whole.id, short))
    assert (item.fee_points, item.earlier_fee_points, item.balance_after, item.last_line_number) == (
        20,
        20,
        -35,
        1,
    )
    event = db.session.execute(
        select(AuditEvent).where(AuditEvent.action == "billing_rehearsal.saved").order_by(AuditEvent.id)
    ).scalars().first()  # fmt: skip
    assert event is not None
    assert (event.account_id, event.actor_name) == (world.msp_a.account_id, "msp-a")
    assert event.details == {
        "billing_date": "2026-12-25",
        "account_count": 3,
        "fee_points": 60,
        "negative_count": 1,
    }
    for viewer, count in ((world.msp_a, 2), (world.msp_b, 0), (world.distributor, 2), (world.operator, 2)):
        seen = saved_rehearsals.saved_rehearsals(viewer=viewer, billing_date=DECEMBER)
        assert len(seen) == count
        found = saved_rehearsals.find_saved(viewer=viewer, billing_date=DECEMBER, rehearsal_id=None)
        assert (found.id if found else None) == (part.id if count else None)
    assert not saved_rehearsals.saved_rehearsals(viewer=world.msp_a, billing_date=NOVEMBER)
    foreign = world.customer(parent=world.msp_b)
    with pytest.raises(NothingToRehearse), transaction():
        saved_rehearsals.save(viewer=world.msp_a, billing_date=DECEMBER, account_ids=[foreign], now=START)
    for _position in range(saved_rehearsals.LARGEST_SAVED - 2):
        with transaction():
            saved_rehearsals.save(viewer=world.msp_a, billing_date=DECEMBER, account_ids=[chosen], now=START)
    with pytest.raises(TooManyRehearsals), transaction():
        saved_rehearsals.save(viewer=world.msp_a, billing_date=DECEMBER, account_ids=None, now=START)
    assert db.session.execute(select(func.count()).select_from(BillingRehearsal)).scalar_one() == 20


def test_numbers_choose_accounts_of_ones_own_only(world: World) -> None:
    one, other = world.customer(), world.customer()
    foreign = world.customer(parent=world.msp_b)
    numbers = {each: account(each).account_number or "" for each in (one, other, foreign)}
    typed = f" {numbers[other]},\r\n{numbers[one]}、{numbers[other]}　"
    assert rehearsal_choice.chosen_accounts(viewer=world.msp_a, typed=typed) == [other, one]
    assert rehearsal_choice.chosen_accounts(viewer=world.msp_a, typed=" , \n") is None
    assert [row.id for row in shown(world, NOVEMBER, [one])] == [one]
    assert [row.id for row in shown(world, NOVEMBER, [one, foreign])] == [one]
    with pytest.raises(AccountNumbersUnknown) as refused:
        rehearsal_choice.chosen_accounts(viewer=world.msp_a, typed=f"{numbers[one]} {numbers[foreign]} x\0")
    assert refused.value.data == {"numbers": f"{numbers[foreign]}, x\0"}
    with pytest.raises(TooManyAccountNumbers):
        rehearsal_choice.chosen_accounts(viewer=world.msp_a, typed=" ".join(str(n) for n in range(201)))
    assert rehearsal_choice.numbers_of(viewer=world.msp_a, account_ids=[other, one]) == [
        numbers[other],
        numbers[one],
    ]
    with pytest.raises(AccountNotVisible):
        rehearsal_choice.numbers_of(viewer=world.msp_a, account_ids=[one, foreign])


def test_before_the_first_price_nothing_is_charged(world: World) -> None:
    with transaction() as session:
        session.execute(update(PriceVersionRow).values(valid_from=tokyo("2026-11-26T00:00:00")))
        assert rehearsed() == {}
        session.rollback()
