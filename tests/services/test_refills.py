"""必要ポイントの補充: the plan is what is executed, or nothing is."""

from contextlib import nullcontext

import pytest
from sqlalchemy import select

from domain.billing_calendar import tokyo_date
from domain.points import LARGEST_LINE_POINTS
from models import Account, PointLine, db
from services import accounts, billing_runs, points, run_work
from services.access import AccountNotVisible
from services.bulk_transfers import HandedDown, hand_down
from services.ledger import PayerLeaving, PointsOutOfRange
from services.refills import (
    NothingToRefill,
    RefillOutcome,
    RefillPlanChanged,
    RefillResult,
    StockTooSmall,
    plan_refill,
    refill,
)
from services.transaction import transaction
from tests.builders import START, World, balance, lines, request_id, tick, tokyo


def press(world: World, ids: list[int], digest: str, **more: object) -> RefillResult:
    arguments = {"viewer": world.msp_a, "request_id": request_id(), "now": START} | more
    with transaction():
        return refill(account_ids=ids, digest=digest, **arguments)  # type: ignore[arg-type]


def test_a_refill_brings_every_estimate_to_exactly_zero(world: World) -> None:
    short = world.customer(users=48, points_held=15)
    negative = world.customer(users=10)
    world.take_back(negative, 7)
    exact = world.customer(users=12, points_held=12)
    plan = plan_refill(viewer=world.msp_a, account_ids=[short, exact, negative], now=START)
    assert [(row.fee_points, row.estimated_balance, row.refill_points) for row in plan.rows] == [
        (48, -33, 33),
        (12, 0, 0),
        (10, -17, 17),
    ]
    assert plan.rows[1].outcome is RefillOutcome.NOT_SHORT
    assert (plan.payers[0].balance_before, plan.payers[0].balance_after) == (9_973, 9_923)
    assert press(world, [short, exact, negative], plan.digest) == RefillResult(2, 50)
    after = plan_refill(viewer=world.msp_a, account_ids=[short, exact, negative], now=START)
    assert [row.estimated_balance for row in after.rows] == [0, 0, 0]
    newest = select(PointLine.account_id).order_by(PointLine.id.desc()).limit(4)
    payer = world.msp_a.account_id
    # Each transfer's two lines stand one behind the other, in the order of the plan.
    assert list(db.session.execute(newest).scalars())[::-1] == [short, payer, negative, payer]
    assert balance(world.msp_a.account_id) == 9_923


def test_a_line_carries_up_to_the_largest_number_of_points(world: World) -> None:
    payer = world.distributor
    customer = world.customer(parent=payer)
    world.add(payer.account_id, LARGEST_LINE_POINTS, viewer=world.operator)
    for count, refusal in ((LARGEST_LINE_POINTS + 1, PointsOutOfRange), (LARGEST_LINE_POINTS, None)):
        with pytest.raises(refusal) if refusal else nullcontext(), transaction():
            transfers = [HandedDown(payer.account_id, customer, count, count)]
            hand_down(transfers=transfers, viewer=payer, now=START, request_id=request_id())
    assert lines(customer) == [("addition", LARGEST_LINE_POINTS, LARGEST_LINE_POINTS)]


def test_a_second_press_writes_nothing(world: World) -> None:
    short, key = world.customer(users=48), request_id()
    plan = plan_refill(viewer=world.msp_a, account_ids=[short], now=START)
    first = press(world, [short], plan.digest, request_id=key)
    assert press(world, [short], plan.digest, request_id=key) == first
    with pytest.raises(RefillPlanChanged):
        press(world, [short], plan.digest)
    fresh = plan_refill(viewer=world.msp_a, account_ids=[short], now=START)
    with pytest.raises(NothingToRefill):
        press(world, [short], fresh.digest)
    assert lines(short) == [("addition", 48, 48)]


def test_a_plan_that_changed_between_preview_and_button_is_refused_with_the_new_one(world: World) -> None:
    short = world.customer(users=48)
    plan = plan_refill(viewer=world.msp_a, account_ids=[short], now=START)
    with transaction():
        accounts.change_contract_users(
            viewer=world.msp_a, account_id=short, contract_user_count=50, now=START
        )
    with pytest.raises(RefillPlanChanged) as refusal:
        press(world, [short], plan.digest)
    assert refusal.value.data["plan"].total_points == 50
    assert balance(short) == 0


def test_too_little_stock_refuses_all_and_names_what_is_missing(world: World) -> None:
    large, small = world.customer(users=9_000), world.customer(users=2_000)
    plan = plan_refill(viewer=world.msp_a, account_ids=[large, small], now=START)
    assert plan.missing_points == 1_000
    with pytest.raises(StockTooSmall) as refusal:
        press(world, [large, small], plan.digest)
    assert refusal.value.data["missing_points"] == 1_000
    assert balance(large) == balance(small) == 0


def test_what_is_missing_brings_a_stock_below_zero_up_to_what_is_needed(world: World) -> None:
    short, payer = world.customer(users=60), world.msp_a.account_id
    world.take_back(payer, 10_100)
    plan = plan_refill(viewer=world.msp_a, account_ids=[short], now=START)
    assert plan.missing_points == 160
    world.add(payer, plan.missing_points)
    plan = plan_refill(viewer=world.msp_a, account_ids=[short], now=START)
    assert press(world, [short], plan.digest) == RefillResult(1, 60)
    exact = plan_refill(viewer=world.msp_a, account_ids=[short], now=START)
    assert (exact.payers[0].balance_before, exact.missing_points) == (0, 0)


def test_a_stock_may_be_used_up_to_the_last_point(world: World) -> None:
    large = world.customer(users=10_000)
    plan = plan_refill(viewer=world.msp_a, account_ids=[large], now=START)
    assert press(world, [large], plan.digest) == RefillResult(1, 10_000)
    assert balance(world.msp_a.account_id) == 0


def test_as_far_as_the_points_go_takes_the_list_in_its_order(world: World) -> None:
    first, large, last = (world.customer(users=users) for users in (100, 9_950, 50))
    ids = [first, large, last]
    plan = plan_refill(viewer=world.msp_a, account_ids=ids, now=START, as_far_as_possible=True)
    assert [row.outcome for row in plan.rows] == [
        RefillOutcome.REFILLED,
        RefillOutcome.STOCK_USED_UP,
        RefillOutcome.REFILLED,
    ]
    assert press(world, ids, plan.digest, as_far_as_possible=True) == RefillResult(2, 150)
    assert [balance(account_id) for account_id in ids] == [100, 0, 50]


def test_rows_of_several_parents_are_paid_by_each(world: World) -> None:
    of_a, of_b = world.customer(users=20), world.customer(users=30, parent=world.msp_b)
    plan = plan_refill(viewer=world.distributor, account_ids=[of_a, of_b], now=START)
    assert [payer.paid_points for payer in plan.payers] == [20, 30]
    press(world, [of_a, of_b], plan.digest, viewer=world.distributor)
    assert balance(world.msp_a.account_id) == 9_980
    assert balance(world.msp_b.account_id) == 9_970


def test_one_foreign_row_refuses_the_whole_selection(world: World) -> None:
    own, foreign = world.customer(users=20), world.customer(users=20, parent=world.msp_b)
    for ids in ([own, foreign], [own, 10**12], [foreign]):
        with pytest.raises(AccountNotVisible):
            plan_refill(viewer=world.msp_a, account_ids=ids, now=START)
    with pytest.raises(NothingToRefill):
        plan_refill(viewer=world.msp_a, account_ids=[], now=START)


def test_after_the_fee_is_posted_only_what_is_negative_is_short(world: World) -> None:
    paid, unpaid = world.customer(points_held=10), world.customer(points_held=4)
    later = tokyo("2026-11-26T09:00:00")
    before_posting = plan_refill(viewer=world.msp_a, account_ids=[paid, unpaid], now=later)
    assert [row.estimated_balance for row in before_posting.rows] == [0, -6]
    tick(later)
    plan = plan_refill(viewer=world.msp_a, account_ids=[paid, unpaid], now=later)
    assert [(row.point_balance, row.estimated_balance, row.refill_points) for row in plan.rows] == [
        (0, 0, 0),
        (-6, -6, 6),
    ]


def test_nothing_moves_to_or_from_a_payer_whose_own_cancellation_is_under_way(world: World) -> None:
    """It is kept by the accounts below it, which leave it for another MSP or are canceled: R12 of docs/rules.md."""
    short, held = world.customer(users=48), world.customer(users=10, points_held=20)
    with transaction() as session:
        payer = session.get_one(Account, world.msp_a.account_id)
        payer.cancellation_date = tokyo_date(START)
    plan = plan_refill(viewer=world.msp_a, account_ids=[short, held], now=START)
    assert [(row.outcome.value, row.refill_points) for row in plan.rows] == [
        ("payer_leaving", 0),
        ("not_short", 0),
    ]
    with pytest.raises(NothingToRefill):
        press(world, [short, held], plan.digest)
    for move in (points.add, points.take_back):
        asked = {"viewer": world.msp_a, "account_id": held, "points": 5, "remark": None, "now": START}
        with pytest.raises(PayerLeaving), transaction():
            move(request_id=request_id(), **asked)  # type: ignore[arg-type]
    assert (balance(short), balance(held)) == (0, 20)
    with transaction() as session:
        session.get_one(Account, world.msp_a.account_id).cancellation_date = None


def test_a_clock_that_is_behind_the_worker_s_takes_no_fee_twice(world: World) -> None:
    customer, other = world.customer(users=30), world.customer(users=20)
    behind, cut = tokyo("2026-11-24T23:59:58.5"), tokyo("2026-11-25T00:00:00.3")
    with transaction():
        run_id = billing_runs.list_run(billing_date=tokyo_date(cut), now=cut, chunk_size=1).id
    for posted in (0, 1):
        found = plan_refill(viewer=world.msp_a, account_ids=[customer, other], now=behind)
        # What is listed is due, as its item says, until it is posted; then the balance has it.
        assert [(row.fee_points, row.refill_points) for row in found.rows] == [
            (30 * (1 - posted), 30),
            (20, 20),
        ]
        run_work.post_next_chunk(run_id=run_id, now=cut)
    tick(cut)
    plan = plan_refill(viewer=world.msp_a, account_ids=[customer, other], now=behind)
    press(world, [customer, other], plan.digest, now=behind)
    assert (balance(customer), balance(other)) == (0, 0)
