"""承認依頼: what waits for a second person is done once, by another, in time, and never more than he was shown."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select, update

from domain.errors import DomainError
from domain.four_eyes import ApprovalKind, ApprovalState
from domain.lifecycle import AccountStatus
from domain.permissions import AdminLevel, Viewer
from models import (
    Account,
    Administrator,
    ApprovalRequest,
    AuditEvent,
    FourEyesRule,
    OutgoingMail,
    PointLine,
    db,
)
from services import (
    accounts,
    approval_asking,
    approval_plans,
    approvals,
    cancellations,
    moves,
    points,
    refills,
)
from services.access import PermissionRefused
from services.approval_access import (
    ApprovalDecided,
    ApprovalExpired,
    ApprovalNotVisible,
    NotTheRequester,
    OwnRequest,
    RequesterMayNot,
)
from services.approval_asking import AlreadyAsked
from services.cancellation_previews import preview
from services.four_eyes import ApprovalRequired
from services.four_eyes_rules import change
from services.move_obstacles import MoveObstacle
from services.points import Movement
from services.transaction import transaction
from tests.builders import (
    BRAND,
    START,
    World,
    account,
    balance,
    colleague,
    lines,
    request_id,
    tick,
    tokyo,
)

CUT = tokyo("2026-11-25T00:00:00")
MOMENT = dt.timedelta(microseconds=1)


@dataclass
class Office:
    """MSP A with a rule of 100 points and two people."""

    world: World
    first: Viewer
    second: Viewer

    def ask(self, account_id: int, count: int, **more: Any) -> ApprovalRequest:
        """Ask for an addition, or what `more` says."""
        values: dict[str, Any] = {
            "viewer": self.first,
            "is_addition": True,
            "remark": None,
            "now": START,
        } | more
        movement = Movement(account_id, values.pop("is_addition"), count, values.pop("remark"))
        key = values.pop("request_id", None) or request_id()
        with transaction():
            request = approval_asking.ask_for_movement(
                movement=movement, request_id=key, brand=BRAND, **values
            )
            db.session.expunge(request)
        return request

    def ask_refill(self, ids: list[int], **more: Any) -> approval_asking.RefillAsked:
        """Ask for a refill of what is short."""
        values: dict[str, Any] = {
            "viewer": self.first,
            "as_far_as_possible": False,
            "request_id": request_id(),
        } | more
        plan = refills.plan_refill(
            viewer=values["viewer"],
            account_ids=ids,
            now=START,
            as_far_as_possible=values["as_far_as_possible"],
        )
        with transaction():
            return approval_asking.ask_for_refill(
                account_ids=ids, digest=plan.digest, brand=BRAND, now=START, **values
            )

    def ask_cancellation(self, account_id: int, day: dt.date | None = None) -> ApprovalRequest:
        """Ask for a cancellation, at once or on a day."""
        found = preview(viewer=self.first, account_id=account_id, scheduled_on=day, now=START)
        with transaction():
            request = approval_asking.ask_for_cancellation(
                viewer=self.first,
                account_id=account_id,
                scheduled_on=day,
                consent=True,
                shown=(found.top_up_points, found.write_off_points),
                brand=BRAND,
                now=START,
            )
            db.session.expunge(request)
        return request

    def shown(self, approval_id: int, *, now: dt.datetime = START) -> tuple[int, ...]:
        """Return the amounts that the second person sees."""
        return self.plan(approval_id, now=now).amounts

    def plan(self, approval_id: int, *, now: dt.datetime = START) -> approval_plans.ApprovalPlan:
        """Return what the second person sees."""
        request = db.session.get_one(ApprovalRequest, approval_id, populate_existing=True)
        plan = approval_plans.plan_now(request=request, viewer=self.second, now=now)
        db.session.rollback()
        return plan

    def approve(self, approval_id: int, **more: Any) -> approvals.ApprovalDone:
        """Let the second person approve what he sees."""
        values: dict[str, Any] = {"viewer": self.second, "consent": True, "now": START} | more
        if "shown" not in values:
            values["shown"] = self.shown(approval_id)
        with transaction():
            return approvals.approve(approval_id=approval_id, brand=BRAND, **values)


def put_under(account_id: int, owner: Viewer) -> None:
    """Let another account pay for a customer: rows of old may have gone so, with a request open."""
    with transaction():
        db.session.get_one(Account, account_id).parent_id = owner.account_id


def plan_of_move(world: World, account_ids: list[int], *, now: dt.datetime = START) -> moves.MovePlan:
    return moves.plan_move(
        viewer=world.distributor, account_ids=account_ids, target_id=world.msp_b.account_id, now=now
    )


def move_as(plan: moves.MovePlan, world: World, *, now: dt.datetime = START) -> None:
    """Move to MSP B what a plan has shown."""
    with transaction():
        moves.move(
            viewer=world.distributor,
            account_ids=[row.account_id for row in plan.rows],
            target_id=plan.target_id,
            digest=plan.digest,
            request_id=request_id(),
            now=now,
        )


@pytest.fixture
def office(world: World) -> Office:
    second = colleague(world.msp_a, "second-a")
    set_rule(world.msp_a, 100)
    return Office(world, world.msp_a, second)


def set_rule(viewer: Viewer, threshold: int | None, shown: int | None = None) -> ApprovalRequest | None:
    with transaction():
        return change(
            viewer=viewer,
            account_id=viewer.account_id,
            shown=shown,
            threshold_points=threshold,
            brand=BRAND,
            now=START,
        )


def state_of(approval_id: int) -> ApprovalState:
    db.session.rollback()
    return db.session.get_one(ApprovalRequest, approval_id, populate_existing=True).state


def events(action: str) -> list[AuditEvent]:
    db.session.rollback()
    statement = select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.id)
    return list(db.session.execute(statement).scalars())


def mails(kind: str) -> list[str]:
    db.session.rollback()
    statement = select(OutgoingMail.recipient_email).where(OutgoingMail.kind == kind)
    return list(db.session.execute(statement.order_by(OutgoingMail.id)).scalars())


# No door around it


@pytest.mark.one_engine
def test_below_the_threshold_everything_runs_as_before(office: Office) -> None:
    customer = office.world.customer(users=99)
    office.world.add(customer, 99, viewer=office.first)
    assert balance(customer) == 99


def test_every_service_refuses_what_waits_whoever_presses(office: Office) -> None:
    world = office.world
    rich, short = world.customer(points_held=99), world.customer(users=120)
    world.add(rich, 99)
    plan = refills.plan_refill(viewer=office.first, account_ids=[short], now=START)
    found = preview(viewer=office.first, account_id=rich, scheduled_on=None, now=START)
    later = tokyo("2026-11-23T00:00:00").date()
    values: dict[str, Any] = {"now": START, "remark": "x"}
    agreed: dict[str, Any] = {
        "consent": True,
        "shown": (found.top_up_points, found.write_off_points),
        "now": START,
    }
    for viewer in (office.first, world.distributor, world.operator):
        refused = [
            lambda v=viewer: points.add(
                viewer=v, account_id=rich, points=100, request_id=request_id(), **values
            ),
            lambda v=viewer: points.take_back(
                viewer=v, account_id=rich, points=100, request_id=request_id(), **values
            ),
            lambda v=viewer: refills.refill(
                viewer=v, account_ids=[short], digest=plan.digest, request_id=request_id(), now=START
            ),
            lambda v=viewer: cancellations.cancel(viewer=v, account_id=rich, **agreed),
            lambda v=viewer: cancellations.schedule(viewer=v, account_id=rich, scheduled_on=later, **agreed),
        ]
        for do in refused:
            with pytest.raises(ApprovalRequired), transaction():
                do()
    assert (balance(rich), balance(short)) == (198, 0)
    assert account(rich).cancellation_date is None


@pytest.mark.one_engine
def test_the_rule_is_that_of_who_pays(office: Office) -> None:
    world = office.world
    of_b = world.customer(parent=world.msp_b)
    world.add(of_b, 500, viewer=world.msp_b)
    # MSP A itself is paid for by the distributor, whose rule there is none of.
    world.add(world.msp_a.account_id, 500)
    world.add(world.distributor.account_id, 500, viewer=world.operator)
    assert balance(of_b) == 500


# Asking


@pytest.mark.one_engine
def test_asking_moves_nothing_and_tells_who_may_approve(office: Office) -> None:
    customer = office.world.customer()
    request = office.ask(customer, 100)
    assert lines(customer) == []
    assert (request.kind, request.state, request.asked_points) == (
        ApprovalKind.ADDITION,
        ApprovalState.OPEN,
        100,
    )
    assert (request.account_id, request.expires_at) == (office.first.account_id, CUT)
    assert mails("approval_request") == ["second-a@example.jp"]
    told = events("approval.requested")[0]
    assert (told.account_id, told.administrator_id) == (
        office.first.account_id,
        office.first.administrator_id,
    )
    assert told.details["approval_points"] == 100


def test_the_same_form_sent_twice_is_one_request(office: Office) -> None:
    customer, key = office.world.customer(), request_id()
    first = office.ask(customer, 100, request_id=key)
    assert office.ask(customer, 100, request_id=key).id == first.id
    with pytest.raises(ApprovalRequired):
        office.world.add(customer, 100, viewer=office.first)
    with pytest.raises(AlreadyAsked) as refusal:
        office.ask(customer, 300)
    assert refusal.value.data["number"] == first.id
    assert len(mails("approval_request")) == 1


@pytest.mark.one_engine
def test_the_form_that_became_a_request_never_runs_directly(office: Office) -> None:
    customer, key = office.world.customer(), request_id()
    office.ask(customer, 100, request_id=key)
    with pytest.raises(ApprovalRequired), transaction():
        points.add(
            viewer=office.first, account_id=customer, points=100, remark=None, request_id=key, now=START
        )


@pytest.mark.one_engine
def test_a_refill_that_became_a_request_never_runs_directly(office: Office) -> None:
    short, key = office.world.customer(users=120), request_id()
    office.ask_refill([short], request_id=key)
    digest = refills.plan_refill(viewer=office.first, account_ids=[short], now=START).digest
    with pytest.raises(ApprovalRequired), transaction():
        refills.refill(viewer=office.first, account_ids=[short], digest=digest, request_id=key, now=START)


@pytest.mark.one_engine
def test_a_cancellation_asked_for_twice_is_one_request(office: Office) -> None:
    customer = office.world.customer(points_held=90)
    office.world.add(customer, 90)
    first = office.ask_cancellation(customer)
    assert office.ask_cancellation(customer).id == first.id
    with pytest.raises(AlreadyAsked):
        office.ask_cancellation(customer, dt.date(2026, 12, 1))


@pytest.mark.one_engine
def test_what_could_not_be_done_cannot_be_asked_for(office: Office) -> None:
    customer = office.world.customer()
    for refused in (
        lambda: office.ask(customer, 10_001),
        lambda: office.ask(customer, 100, is_addition=False),
        lambda: office.ask(customer, 0),
        lambda: office.ask(office.world.customer(parent=office.world.msp_b), 100),
    ):
        with pytest.raises(DomainError):
            refused()
    assert db.session.execute(select(ApprovalRequest)).first() is None


# Approving


def test_another_person_approves_and_both_are_named(office: Office) -> None:
    customer = office.world.customer()
    asked = office.ask(customer, 250, remark="1年分")
    done = office.approve(asked.id)
    assert done.moved_points == 250
    assert lines(customer) == [("addition", 250, 250)]
    line = db.session.execute(select(PointLine).where(PointLine.account_id == customer)).scalar_one()
    assert (line.administrator_id, line.request_id, line.remark) == (
        office.second.administrator_id,
        asked.request_id,
        "1年分",
    )
    told = events("points.added")[-1]
    assert told.administrator_id == office.second.administrator_id
    assert told.details["requester_id"] == office.first.administrator_id
    assert told.details["approval_number"] == asked.id
    assert mails("approval_decision") == ["msp-a@example.jp"]


@pytest.mark.one_engine
def test_the_same_approver_twice_is_once_and_another_is_too_late(office: Office) -> None:
    customer = office.world.customer()
    asked = office.ask(customer, 250)
    office.approve(asked.id)
    assert office.approve(asked.id, shown=(250,)).moved_points == 250
    with pytest.raises(ApprovalDecided):
        office.approve(asked.id, shown=(250,), viewer=office.world.distributor)
    assert lines(customer) == [("addition", 250, 250)]


@pytest.mark.one_engine
def test_who_may_not_approve(office: Office) -> None:
    world = office.world
    asked = office.ask(world.customer(), 250)
    for viewer, refusal in (
        (office.first, OwnRequest),
        (world.operator, PermissionRefused),
        (world.msp_b, ApprovalNotVisible),
        (world.support, PermissionRefused),
        (colleague(world.msp_a, "system", level=AdminLevel.SYSTEM), PermissionRefused),
    ):
        with pytest.raises(refusal):
            office.approve(asked.id, viewer=viewer, shown=(250,))
    with pytest.raises(ApprovalNotVisible):
        office.approve(10**6, shown=(250,))
    assert state_of(asked.id) is ApprovalState.OPEN


@pytest.mark.one_engine
def test_the_level_above_may_approve_and_may_ask(office: Office) -> None:
    world, customer = office.world, office.world.customer()
    office.approve(office.ask(customer, 250).id, viewer=world.distributor)
    office.approve(office.ask(customer, 250, viewer=world.distributor).id)
    office.approve(office.ask(customer, 250, viewer=world.operator).id)
    assert balance(customer) == 750


@pytest.mark.one_engine
def test_a_requester_who_may_not_any_more_is_carried_out_by_nobody(office: Office) -> None:
    customer = office.world.customer()
    asked = office.ask(customer, 250)
    with transaction():
        db.session.execute(
            update(Administrator)
            .where(Administrator.id == office.first.administrator_id)
            .values(is_disabled=True)
        )
    with pytest.raises(RequesterMayNot):
        office.approve(asked.id)
    with transaction():
        approvals.reject(viewer=office.second, approval_id=asked.id, reason="退職", brand=BRAND, now=START)
    assert (state_of(asked.id), balance(customer)) == (ApprovalState.REJECTED, 0)


def test_the_exact_cut_ends_it_even_if_nothing_ran(office: Office) -> None:
    before, after = office.world.customer(), office.world.customer()
    early, late = office.ask(before, 250), office.ask(after, 250)
    office.approve(early.id, now=CUT - MOMENT)
    for now in (CUT, CUT + MOMENT):
        with pytest.raises(ApprovalExpired):
            office.approve(late.id, now=now)
        with pytest.raises(ApprovalExpired), transaction():
            approvals.reject(viewer=office.second, approval_id=late.id, reason="x", brand=BRAND, now=now)
    assert (balance(before), balance(after)) == (250, 0)
    assert office.ask(after, 250, now=CUT).expires_at == tokyo("2026-12-25T00:00:00")
    assert tick(CUT).expired == 1
    assert tick(CUT).expired == 0
    assert state_of(late.id) is ApprovalState.EXPIRED
    assert len(events("approval.expired")) == 1


@pytest.mark.one_engine
def test_a_scheduled_cancellation_is_asked_for_until_its_date(office: Office) -> None:
    customer = office.world.customer(points_held=90)
    office.world.add(customer, 90)
    asked = office.ask_cancellation(customer, dt.date(2026, 11, 22))
    assert asked.expires_at == tokyo("2026-11-22T00:00:00")
    with pytest.raises(ApprovalExpired):
        office.approve(asked.id, now=asked.expires_at)
    done = office.approve(asked.id, now=asked.expires_at - MOMENT)
    assert account(customer).cancellation_date == dt.date(2026, 11, 22)
    assert done.moved_points == 180
    tick(tokyo("2026-11-22T00:00:00"))
    assert account(customer).status is AccountStatus.CANCELED


# Never more than was shown


def test_a_refill_that_grew_is_asked_again_and_one_that_shrank_runs_with_less(office: Office) -> None:
    world = office.world
    one, other = world.customer(users=80), world.customer(users=60)
    asked = office.ask_refill([one, other])
    assert (asked.asked_points, asked.done.refilled_count) == (140, 0)
    approval_id = db.session.execute(select(ApprovalRequest.id)).scalar_one()
    shown = office.shown(approval_id)
    # The sum falls, but one row needs more than was shown.
    with transaction():
        for account_id, users in ((one, 81), (other, 20)):
            accounts.change_contract_users(
                viewer=office.first, account_id=account_id, contract_user_count=users, now=START
            )
    with pytest.raises(approvals.ApprovalGrew):
        office.approve(approval_id, shown=shown)
    assert (balance(one), balance(other)) == (0, 0)
    assert office.approve(approval_id).moved_points == 101
    assert (balance(one), balance(other)) == (81, 20)
    assert events("points.refilled")[0].details["requester_id"] == office.first.administrator_id


@pytest.mark.one_engine
def test_rows_that_dropped_out_are_left(office: Office) -> None:
    world = office.world
    kept, full, moved = (world.customer(users=users) for users in (50, 40, 30))
    office.ask_refill([kept, full, moved])
    approval_id = db.session.execute(select(ApprovalRequest.id)).scalar_one()
    shown = office.shown(approval_id)
    world.add(full, 40)
    put_under(moved, world.msp_b)
    assert office.approve(approval_id, shown=shown).moved_points == 50
    assert [balance(row) for row in (kept, full, moved)] == [50, 40, 0]


@pytest.mark.one_engine
def test_a_return_that_would_destroy_more_is_asked_again(office: Office) -> None:
    customer = office.world.customer(points_held=90)
    office.world.add(customer, 60)
    asked = office.ask(customer, 150, is_addition=False, remark="訂正")
    shown = office.shown(asked.id)
    assert shown == (150, 0)
    office.world.take_back(customer, 50)
    with pytest.raises(approvals.ApprovalGrew):
        office.approve(asked.id, shown=shown)
    assert office.approve(asked.id).moved_points == 150
    assert balance(customer) == -50


@pytest.mark.one_engine
def test_a_return_without_a_reason_is_not_offered_once_it_would_end_below_zero(office: Office) -> None:
    customer = office.world.customer(points_held=99)
    office.world.add(customer, 51)
    asked = office.ask(customer, 120, is_addition=False)
    assert office.plan(asked.id).against is None
    office.world.take_back(customer, 31)
    assert isinstance(office.plan(asked.id).against, approval_plans.RequestWithoutRemark)
    with pytest.raises(approval_plans.RequestWithoutRemark):
        office.approve(asked.id, shown=(120, 1))
    office.world.add(customer, 1)
    assert office.approve(asked.id).moved_points == 120
    assert balance(customer) == 0


def test_a_cancellation_binds_both_amounts_and_wants_consent(office: Office) -> None:
    customer = office.world.customer(points_held=90)
    office.world.add(customer, 60)
    asked = office.ask_cancellation(customer)
    shown = office.shown(asked.id)
    assert shown == (0, 150)
    office.world.add(customer, 1)
    with pytest.raises(approvals.ApprovalGrew):
        office.approve(asked.id, shown=shown)
    with pytest.raises(cancellations.ConsentMissing):
        office.approve(asked.id, consent=False)
    assert account(customer).status is AccountStatus.ACTIVE
    office.world.take_back(customer, 11)
    assert office.approve(asked.id, shown=shown).moved_points == 140
    assert lines(customer)[-1] == ("cancellation_write_off", -140, 0)


@pytest.mark.one_engine
def test_a_row_that_has_another_payer_by_now_is_not_moved(office: Office) -> None:
    world, customer = office.world, office.world.customer()
    asked = office.ask(customer, 250)
    put_under(customer, world.msp_b)
    for viewer in (office.second, world.distributor):
        with pytest.raises(DomainError):
            office.approve(asked.id, viewer=viewer, shown=(250,))
    assert balance(customer) == 0


def test_what_a_request_is_open_about_is_not_moved(office: Office) -> None:
    world = office.world
    added, refilled, free = world.customer(), world.customer(users=120), world.customer()
    shown = plan_of_move(world, [added, refilled, free])
    assert shown.obstructed_count == 0
    asked = office.ask(added, 250)
    office.ask_refill([refilled])
    waits = MoveObstacle.AWAITING_APPROVAL
    rows = plan_of_move(world, [added, refilled, free]).rows
    assert [row.obstacle for row in rows] == [waits, waits, None]
    # Asked for after the move was shown: looked for again under the locks.
    with pytest.raises(moves.MoveObstructed):
        move_as(shown, world)
    move_as(plan_of_move(world, [free]), world)
    with transaction():
        approvals.withdraw(viewer=office.first, approval_id=asked.id, brand=BRAND, now=START)
    move_as(plan_of_move(world, [added]), world)
    assert account(added).parent_id == account(free).parent_id == world.msp_b.account_id


@pytest.mark.one_engine
def test_what_is_over_or_of_another_payer_stands_against_no_move(office: Office) -> None:
    world = office.world
    late, elsewhere = world.customer(points_held=60), world.customer()
    office.ask(late, 250)
    office.ask(elsewhere, 250)
    put_under(elsewhere, world.distributor)
    db.session.execute(update(ApprovalRequest).values(expires_at=START + MOMENT))
    db.session.commit()
    rows = plan_of_move(world, [late, elsewhere]).rows
    assert [row.obstacle for row in rows] == [MoveObstacle.AWAITING_APPROVAL, None]
    move_as(plan_of_move(world, [late, elsewhere], now=START + MOMENT), world, now=START + MOMENT)


def test_points_that_need_a_second_person_do_not_go_where_none_is_asked(office: Office) -> None:
    world = office.world
    rich, poor = world.customer(points_held=99), world.customer(points_held=99)
    shown = plan_of_move(world, [rich, poor])
    assert shown.obstructed_count == 0
    world.add(rich, 1)
    rows = plan_of_move(world, [rich, poor]).rows
    assert [row.obstacle for row in rows] == [MoveObstacle.WEAKER_RULE, None]
    # Nobody stands against a look at the rows before an MSP is chosen.
    free = moves.plan_move(viewer=world.distributor, account_ids=[rich], target_id=None, now=START)
    assert free.obstructed_count == 0
    with pytest.raises(moves.MoveObstructed):
        move_as(plan_of_move(world, [rich]), world)
    assert account(rich).parent_id == world.msp_a.account_id
    move_as(plan_of_move(world, [poor]), world)


@pytest.mark.one_engine
@pytest.mark.parametrize(("threshold", "is_obstacle"), [(99, False), (100, False), (101, True)])
def test_where_a_second_person_is_asked_as_soon_points_may_go(
    office: Office, threshold: int, is_obstacle: bool
) -> None:
    world = office.world
    colleague(world.msp_b, "second-b")
    set_rule(world.msp_b, threshold)
    rich = world.customer(points_held=99)
    world.add(rich, 1)
    obstacle = plan_of_move(world, [rich]).rows[0].obstacle
    assert obstacle is (MoveObstacle.WEAKER_RULE if is_obstacle else None)


@pytest.mark.one_engine
def test_a_rule_that_ends_after_the_preview_of_a_move_is_asked_under_the_locks(office: Office) -> None:
    world = office.world
    colleague(world.msp_b, "second-b")
    set_rule(world.msp_b, 100)
    rich = world.customer(points_held=99)
    world.add(rich, 1)
    shown = plan_of_move(world, [rich])
    assert shown.obstructed_count == 0
    with transaction():
        db.session.delete(db.session.get_one(FourEyesRule, world.msp_b.account_id))
    with pytest.raises(moves.MoveObstructed):
        move_as(shown, world)


@pytest.mark.one_engine
def test_each_payer_of_a_plan_is_asked_and_the_others_run(office: Office) -> None:
    world = office.world
    of_a, of_b = world.customer(users=120), world.customer(users=130, parent=world.msp_b)
    key = request_id()
    asked = office.ask_refill([of_a, of_b], viewer=world.distributor, request_id=key)
    assert (asked.done, asked.asked_points) == (refills.RefillResult(1, 130), 120)
    assert (balance(of_a), balance(of_b)) == (0, 130)
    office.approve(db.session.execute(select(ApprovalRequest.id)).scalar_one())
    assert (balance(of_a), balance(of_b)) == (120, 130)


# Rejecting and withdrawing


@pytest.mark.one_engine
def test_a_rejection_says_why_and_a_withdrawal_is_the_requester_s(office: Office) -> None:
    customer = office.world.customer()
    rejected = office.ask(customer, 250)
    with pytest.raises(approvals.RejectionReasonMissing), transaction():
        approvals.reject(viewer=office.second, approval_id=rejected.id, reason="", brand=BRAND, now=START)
    with pytest.raises(OwnRequest), transaction():
        approvals.reject(viewer=office.first, approval_id=rejected.id, reason="x", brand=BRAND, now=START)
    with transaction():
        approvals.reject(viewer=office.second, approval_id=rejected.id, reason="多い", brand=BRAND, now=START)
    withdrawn = office.ask(customer, 200)
    with pytest.raises(NotTheRequester), transaction():
        approvals.withdraw(viewer=office.second, approval_id=withdrawn.id, brand=BRAND, now=START)
    with transaction():
        approvals.withdraw(viewer=office.first, approval_id=withdrawn.id, brand=BRAND, now=START)
    for decided in (rejected, withdrawn):
        with pytest.raises(ApprovalDecided):
            office.approve(decided.id, shown=(250,))
    assert (state_of(rejected.id), state_of(withdrawn.id)) == (
        ApprovalState.REJECTED,
        ApprovalState.WITHDRAWN,
    )
    assert mails("approval_decision") == ["msp-a@example.jp"]
    assert lines(customer) == []
