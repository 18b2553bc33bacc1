"""ポイント数更新: what people add, take back and issue by hand."""

import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.points import LARGEST_LINE_POINTS
from models import db
from services import points
from services.access import AccountNotVisible, PermissionRefused, find_account
from services.ledger import (
    AccountNotRunning,
    DistributorStockTooSmall,
    InsufficientStock,
    PointsOutOfRange,
)
from services.points import MovementResult, RemarkRequired
from services.requests import RequestIdMissing, RequestIdReused
from services.transaction import NestedTransaction, transaction
from tests.builders import BEGAN, World, account, balance, events, lines, request_id

Move = Callable[..., MovementResult]


def move(use_case: Move, viewer: object, account_id: int, count: int, **more: object) -> MovementResult:
    arguments = {"remark": None, "request_id": request_id()} | more
    with transaction():
        return use_case(viewer=viewer, account_id=account_id, points=count, now=BEGAN, **arguments)


def test_an_addition_is_paid_by_the_direct_parent_whoever_presses(world: World) -> None:
    customer = world.customer()
    for count, viewer in enumerate((world.msp_a, world.distributor, world.operator), start=1):
        assert move(points.add, viewer, customer, 100) == MovementResult(100 * count, 10_000 - 100 * count)
    assert balance(customer) == 300
    assert balance(world.msp_a.account_id) == 9_700
    assert balance(world.distributor.account_id) == 10_000
    assert lines(customer) == [("addition", 100, 100), ("addition", 100, 200), ("addition", 100, 300)]
    assert lines(world.msp_a.account_id)[1:] == [
        ("addition", -100, 9_900),
        ("addition", -100, 9_800),
        ("addition", -100, 9_700),
    ]


def test_an_addition_beyond_the_stock_is_refused_with_what_is_missing(world: World) -> None:
    customer = world.customer()
    with pytest.raises(InsufficientStock) as refusal:
        move(points.add, world.msp_a, customer, 10_001)
    assert refusal.value.data["missing_points"] == 1
    assert type(refusal.value) is InsufficientStock
    assert balance(customer) == 0


def test_below_zero_the_whole_gap_is_missing(world: World) -> None:
    customer, payer = world.customer(), world.msp_a.account_id
    world.take_back(payer, 10_100)
    with pytest.raises(InsufficientStock) as refusal:
        move(points.add, world.msp_a, customer, 60)
    assert refusal.value.data["missing_points"] == 160
    world.add(payer, 160)
    assert move(points.add, world.msp_a, customer, 60) == MovementResult(60, 0)


def test_only_of_a_distributor_it_is_said_that_the_operator_refills_it(world: World) -> None:
    customer = world.customer(parent=world.distributor)
    with pytest.raises(DistributorStockTooSmall):
        move(points.add, world.distributor, customer, balance(world.distributor.account_id) + 1)


def test_both_accounts_of_a_movement_have_it_in_their_log(world: World) -> None:
    customer = world.customer()
    move(points.add, world.msp_a, customer, 100, remark="初回分")
    own = {"points": 100, "balance_after": 100, "remark": "初回分"}
    assert events(customer, "points.added") == [own]
    paid = events(world.msp_a.account_id, "points.handed_down")[0]
    assert (paid["points"], paid["balance_after"], paid["company_name"]) == (
        -100,
        9_900,
        account(customer).company_name,
    )


def test_a_return_credits_only_what_was_held(world: World) -> None:
    customer = world.customer(points_held=30)
    result = move(points.take_back, world.msp_a, customer, 50, remark="誤って追加")
    assert result.point_balance == -20
    assert lines(customer)[1:] == [("return", -30, 0), ("return", -20, -20)]
    assert balance(world.msp_a.account_id) == 10_000


def test_a_return_below_zero_must_say_why(world: World) -> None:
    customer = world.customer(points_held=30)
    with pytest.raises(RemarkRequired):
        move(points.take_back, world.msp_a, customer, 31)
    assert balance(customer) == 30
    assert move(points.take_back, world.msp_a, customer, 30).point_balance == 0


def test_a_return_from_an_account_below_zero_gives_the_parent_nothing(world: World) -> None:
    customer = world.customer(points_held=5)
    move(points.take_back, world.msp_a, customer, 10, remark="1")
    move(points.take_back, world.msp_a, customer, 10, remark="2")
    assert balance(customer) == -15
    assert balance(world.msp_a.account_id) == 10_000


def test_points_are_issued_to_a_distributor_by_the_operator_alone(world: World) -> None:
    distributor_id = world.distributor.account_id
    assert move(points.add, world.operator, distributor_id, 500) == MovementResult(10_500, None)
    assert lines(distributor_id)[-1] == ("issue", 500, 10_500)
    move(points.take_back, world.operator, distributor_id, 400)
    assert lines(distributor_id)[-1] == ("issue", -400, 10_100)
    with pytest.raises(InsufficientStock):
        move(points.take_back, world.operator, distributor_id, 10_101)


def test_nobody_moves_the_points_of_its_own_account_or_of_another_tree(world: World) -> None:
    customer_of_b = world.customer(parent=world.msp_b)
    for viewer, account_id in (
        (world.msp_a, world.msp_a.account_id),
        (world.distributor, world.distributor.account_id),
        (world.msp_a, customer_of_b),
        (world.msp_a, world.msp_b.account_id),
        (world.msp_a, 10**15),
    ):
        with pytest.raises(AccountNotVisible):
            move(points.add, viewer, account_id, 1)


def test_support_reads_and_changes_nothing(world: World) -> None:
    customer = world.customer(support_account_id=world.support.account_id)
    assert find_account(viewer=world.support, account_id=customer).id == customer
    with pytest.raises(PermissionRefused):
        move(points.add, world.support, customer, 1)


def test_the_same_request_moves_once_and_gets_the_first_answer(world: World) -> None:
    customer, key = world.customer(), request_id()
    first = move(points.add, world.msp_a, customer, 10, request_id=key)
    move(points.add, world.msp_a, customer, 7)
    assert move(points.add, world.msp_a, customer, 10, request_id=key) == first
    assert balance(customer) == 17


def test_a_request_id_is_for_one_body_and_one_person(world: World) -> None:
    customer, key = world.customer(), request_id()
    move(points.add, world.msp_a, customer, 10, request_id=key)
    with pytest.raises(RequestIdReused):
        move(points.add, world.msp_a, customer, 11, request_id=key)
    with pytest.raises(RequestIdReused):
        move(points.add, world.distributor, customer, 10, request_id=key)
    for unusable in (None, "", "1", str(uuid.uuid4()).upper(), "0" * 36):
        with pytest.raises(RequestIdMissing):
            move(points.add, world.msp_a, customer, 10, request_id=unusable)
    assert balance(customer) == 10


@pytest.mark.parametrize("count", [0, -1, LARGEST_LINE_POINTS + 1])
def test_points_outside_the_range_of_a_line_are_refused(world: World, count: int) -> None:
    for use_case in (points.add, points.take_back):
        with pytest.raises(PointsOutOfRange):
            move(use_case, world.msp_a, world.customer(), count)


def test_an_account_that_is_not_in_service_takes_no_points(world: World) -> None:
    customer = world.customer()
    with transaction():
        db.session.execute(
            text("UPDATE accounts SET status = 'pending_approval' WHERE id = :id"), {"id": customer}
        )
    with pytest.raises(AccountNotRunning):
        move(points.add, world.msp_a, customer, 1)
    with transaction():
        db.session.execute(text("UPDATE accounts SET status = 'active' WHERE id = :id"), {"id": customer})


@pytest.mark.parametrize("statement", ["UPDATE point_lines SET points = 1", "DELETE FROM point_lines"])
@pytest.mark.parametrize("table", ["point_lines", "audit_events"])
def test_the_database_refuses_changes_of_ledger_and_audit(world: World, statement: str, table: str) -> None:
    world.customer(points_held=5)
    wanted = statement.replace("point_lines", table).replace("points = 1", "actor_name = 'x'")
    with pytest.raises(DBAPIError), transaction():
        db.session.execute(text(wanted))


def test_transactions_do_not_nest(world: World) -> None:
    with pytest.raises(NestedTransaction), transaction(), transaction():
        pass


def test_a_failed_use_case_leaves_nothing(world: World) -> None:
    customer = world.customer()

    def add_twice() -> None:
        for count in (5, 10_000):
            points.add(
                viewer=world.msp_a,
                account_id=customer,
                points=count,
                remark=None,
                request_id=request_id(),
                now=BEGAN,
            )

    with pytest.raises(InsufficientStock), transaction():
        add_twice()
    assert balance(customer) == 0


def test_who_may_not_move_points_is_not_shown_the_stock(world: World) -> None:
    customer = world.customer(support_account_id=world.support.account_id)
    with pytest.raises(PermissionRefused):
        points.preview_movement(viewer=world.support, account_id=customer)
