"""設定＞二人承認: two possible approvers to begin with, and a second person to end it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from domain.four_eyes import ApprovalKind
from domain.fresh_sign_in import Authentication, FreshSignInNeeded
from domain.permissions import AdminLevel, Viewer
from models import Administrator, ApprovalRequest, OutgoingMail, db
from services import approval_asking, approvals
from services.access import AccountNotVisible, PermissionRefused
from services.approval_asking import AlreadyAsked
from services.approval_plans import ApprovalOutdated
from services.four_eyes import count_approvers, threshold_of
from services.four_eyes_rules import RuleChangedMeanwhile, TooFewApprovers, change
from services.points import Movement
from services.transaction import transaction
from tests.builders import BRAND, START, World, balance, colleague, request_id

pytestmark = pytest.mark.one_engine


def set_rule(
    viewer: Viewer, threshold: int | None, *, shown: int | None = None, account_id: int | None = None
) -> int | None:
    """Set the rule of the viewer's own account, or of another; return the number of the request, if it waits."""
    with transaction():
        request = change(
            viewer=viewer,
            account_id=account_id or viewer.account_id,
            shown=shown,
            threshold_points=threshold,
            brand=BRAND,
            now=START,
        )
        return request.id if request else None


def approve(viewer: Viewer, number: int | None) -> None:
    with transaction():
        approvals.approve(
            viewer=viewer, approval_id=number or 0, shown=(), consent=False, brand=BRAND, now=START
        )


def disable(viewer: Viewer) -> None:
    with transaction():
        who = Administrator.id == viewer.administrator_id
        db.session.execute(update(Administrator).where(who).values(is_disabled=True))


def test_it_is_off_and_takes_two_people_who_can_sign_in(world: World) -> None:
    own = world.msp_a.account_id
    assert threshold_of(own) is None
    # Nobody of the world has set a password yet.
    assert count_approvers(own) == 0
    second = colleague(world.msp_a, "second-a")
    colleague(world.msp_a, "system-a", level=AdminLevel.SYSTEM)
    assert count_approvers(own) == 2
    assert count_approvers(own, without=second.administrator_id) == 1
    disable(second)
    with pytest.raises(TooFewApprovers) as refusal:
        set_rule(world.msp_a, 100)
    assert refusal.value.data["approver_count"] == 1
    # Those of the account above count.
    colleague(world.distributor, "second-d")
    assert set_rule(world.msp_a, 100) is None
    assert threshold_of(own) == 100


def test_sooner_counts_at_once_and_later_waits_for_a_second_person(world: World) -> None:
    second, own = colleague(world.msp_a, "second-a"), world.msp_a.account_id
    set_rule(world.msp_a, 100)
    assert set_rule(world.msp_a, 50, shown=100) is None
    for wanted in (None, 51):
        number = set_rule(second, wanted, shown=50)
        assert threshold_of(own) == 50
        with pytest.raises(AlreadyAsked):
            set_rule(world.msp_a, 10_000, shown=50)
        approve(world.msp_a, number)
        assert threshold_of(own) == wanted
        set_rule(world.msp_a, 50, shown=wanted)
    kinds = set(db.session.execute(select(ApprovalRequest.kind)).scalars())
    assert kinds == {ApprovalKind.RULE_CHANGE}


def test_a_change_of_a_rule_that_is_another_by_now_is_nobody_s(world: World) -> None:
    second = colleague(world.msp_a, "second-a")
    set_rule(world.msp_a, 100)
    number = set_rule(second, None, shown=100)
    with pytest.raises(RuleChangedMeanwhile):
        set_rule(world.msp_a, 60, shown=99)
    set_rule(world.msp_a, 60, shown=100)
    with pytest.raises(ApprovalOutdated):
        approve(world.msp_a, number)
    assert threshold_of(world.msp_a.account_id) == 60


def test_a_session_that_was_left_open_takes_no_second_person_away(world: World) -> None:
    second = colleague(world.msp_a, "second-a")
    set_rule(world.msp_a, 100)
    number = set_rule(second, None, shown=100)
    left_open = Authentication(authenticated_at=START - dt.timedelta(hours=1), large_points=1_000)
    with pytest.raises(FreshSignInNeeded):
        approve(replace(world.msp_a, authentication=left_open), number)
    assert threshold_of(world.msp_a.account_id) == 100


def test_whose_rule_one_may_set(world: World) -> None:
    colleague(world.msp_a, "second-a")
    colleague(world.distributor, "second-d")
    own = world.msp_a.account_id
    set_rule(world.distributor, 100, account_id=own)
    set_rule(world.operator, 100, account_id=world.distributor.account_id)
    customer = world.customer()
    for viewer, account_id in (
        (world.msp_b, own),
        (world.operator, own),
        (world.msp_a, world.distributor.account_id),
        (world.msp_a, customer),
        (world.distributor, world.support.account_id),
    ):
        with pytest.raises(AccountNotVisible):
            set_rule(viewer, 50, shown=100, account_id=account_id)
    with pytest.raises(PermissionRefused):
        set_rule(world.support, 50)


def test_when_nobody_of_the_account_is_left_those_above_are_told_and_may(world: World) -> None:
    second = colleague(world.msp_a, "second-a")
    colleague(world.distributor, "second-d")
    set_rule(world.msp_a, 100)
    disable(second)
    customer = world.customer()
    with transaction():
        number = approval_asking.ask_for_movement(
            movement=Movement(customer, True, 100),
            viewer=world.msp_a,
            request_id=request_id(),
            brand=BRAND,
            now=START,
        ).id
    told = select(OutgoingMail.recipient_email, OutgoingMail.account_id).order_by(OutgoingMail.id)
    assert [tuple(row) for row in db.session.execute(told)] == [
        ("distributor@example.jp", world.msp_a.account_id),
        ("second-d@example.jp", world.msp_a.account_id),
    ]
    with transaction():
        approvals.approve(
            viewer=world.distributor,
            approval_id=number,
            shown=(100,),
            consent=False,
            brand=BRAND,
            now=START,
        )
    assert balance(customer) == 100
