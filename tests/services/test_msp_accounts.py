"""MSP, support and 特権MSP accounts: registered, changed, and canceled with the year that they owe."""

import datetime as dt
from typing import Any

import pytest

from domain.lifecycle import AccountStatus
from domain.permissions import AccountType, Viewer
from models import PriceVersionRow, db
from services import (
    account_registrations,
    applications,
    cancellations,
    msp_accounts,
    points,
    provisioning,
)
from services.access import AccountNotVisible, PermissionRefused
from services.account_registrations import AccountTypeNotOffered, registrable_types
from services.applications import DistributorUnknown, ParentUnknown
from services.cancellation_blockers import AccountsBelow
from services.cancellation_previews import CancellationPreview, preview
from services.ledger import AccountNotRunning, CancellationUnderWay
from services.profiles import ChangedMeanwhile
from services.transaction import transaction
from tests.builders import (
    BRAND,
    PROFILE,
    START,
    World,
    account,
    balance,
    events,
    lines,
    request_id,
    tick,
    tokyo,
)


def register(world: World, account_type: AccountType, **more: Any) -> int:
    arguments: dict[str, Any] = {"viewer": world.distributor, "parent_id": None, "now": START} | more
    with transaction():
        return account_registrations.register_account(
            account_type=account_type, profile=PROFILE, **arguments
        ).id


def seen(world: World, account_id: int, day: dt.date | None = None, **more: Any) -> CancellationPreview:
    arguments: dict[str, Any] = {"viewer": world.distributor, "now": START} | more
    return preview(account_id=account_id, scheduled_on=day, **arguments)


def cancel(world: World, account_id: int, **more: Any) -> None:
    found = seen(world, account_id, **more)
    arguments: dict[str, Any] = {"viewer": world.distributor, "now": START} | more
    with transaction():
        cancellations.cancel(
            account_id=account_id,
            consent=True,
            shown=(found.top_up_points, found.write_off_points),
            **arguments,
        )


def schedule(world: World, account_id: int, day: dt.date, viewer: Viewer | None = None) -> None:
    found = seen(world, account_id, day, viewer=viewer or world.distributor)
    with transaction():
        cancellations.schedule(
            viewer=viewer or world.distributor,
            account_id=account_id,
            scheduled_on=day,
            consent=True,
            shown=(found.top_up_points, found.write_off_points),
            now=START,
        )


@pytest.mark.parametrize("account_type", [AccountType.MSP, AccountType.SUPPORT, AccountType.PRIVILEGED_MSP])
def test_each_type_goes_into_service_with_ten_users(world: World, account_type: AccountType) -> None:
    is_top = account_type is AccountType.PRIVILEGED_MSP
    viewer = world.operator if is_top else world.distributor
    key = request_id()
    new, again = (register(world, account_type, viewer=viewer, request_id=key) for _turn in range(2))
    assert new == again
    with transaction():
        applications.approve(viewer=world.operator, account_id=new, brand=BRAND, now=START)
    with transaction():
        applications.request_provisioning(viewer=world.operator, account_id=new, now=START)
    assert provisioning.provision_requested(now=START) == 1
    found = account(new)
    assert (found.account_type, found.status, found.contract_user_count) == (
        account_type,
        AccountStatus.ACTIVE,
        10,
    )
    assert (found.parent_id, found.privileged_msp_id) == (
        (world.operator.account_id, None)
        if is_top
        else (world.distributor.account_id, world.distributor.account_id)
    )
    assert (found.contract_date, balance(new)) == (dt.date(2026, 11, 20), 0)
    world.add(new, 5, viewer=viewer, now=START)
    assert balance(new) == 5


def test_who_may_register_what(world: World) -> None:
    assert registrable_types(viewer=world.msp_a) == []
    with pytest.raises(PermissionRefused):
        register(world, AccountType.MSP, viewer=world.msp_a)
    with pytest.raises(AccountTypeNotOffered):
        register(world, AccountType.PRIVILEGED_MSP)
    with pytest.raises(AccountTypeNotOffered):
        register(world, AccountType.CUSTOMER, viewer=world.operator)
    for parent_id in (None, world.msp_a.account_id, 10**12):
        with pytest.raises(DistributorUnknown):
            register(world, AccountType.MSP, viewer=world.operator, parent_id=parent_id)
    chosen = register(
        world, AccountType.SUPPORT, viewer=world.operator, parent_id=world.distributor.account_id
    )
    assert account(chosen).privileged_msp_id == world.distributor.account_id
    # What a 特権MSP names as the parent does not count: it registers below itself.
    own = register(world, AccountType.MSP, parent_id=world.operator.account_id)
    assert account(own).parent_id == world.distributor.account_id


def test_an_application_keeps_its_ten_users_when_it_is_changed(world: World) -> None:
    new = register(world, AccountType.MSP)
    with pytest.raises(AccountNotVisible), transaction():
        applications.withdraw(viewer=world.msp_a, account_id=new, now=START)
    with transaction():
        applications.change_application(
            viewer=world.distributor,
            account_id=new,
            version=account(new).version,
            profile=PROFILE | {"company_name": "新しい名前"},
            contract_user_count=500,
            now=START,
        )
    assert (account(new).company_name, account(new).contract_user_count) == ("新しい名前", 10)


def test_a_profile_is_changed_by_who_stands_above(world: World) -> None:
    msp = world.msp_a.account_id
    version = account(msp).version
    change: dict[str, Any] = {"account_id": msp, "profile": {"city": "港区"}, "now": START}
    for viewer, refusal in ((world.msp_a, PermissionRefused), (world.support, PermissionRefused)):
        with pytest.raises(refusal), transaction():
            msp_accounts.update_account(viewer=viewer, version=version, **change)
    with transaction():
        msp_accounts.update_account(viewer=world.distributor, version=version, **change)
    assert events(msp, "account.updated") == [{"changes": {"city": ["千代田区", "港区"]}}]
    with pytest.raises(ChangedMeanwhile), transaction():
        msp_accounts.update_account(viewer=world.distributor, version=version, **change)
    customer = world.customer()
    with pytest.raises(AccountNotVisible), transaction():
        msp_accounts.update_account(
            viewer=world.distributor, version=1, **(change | {"account_id": customer})
        )


@pytest.mark.parametrize(
    ("held", "top_up", "excess"), [(0, 120, 0), (70, 50, 0), (120, 0, 0), (400, 0, 280), (-30, 150, 0)]
)
def test_an_early_cancellation_consumes_the_rest_of_the_year(
    world: World, held: int, top_up: int, excess: int
) -> None:
    """Twelve 25ths of 10 points are left of a contract that began yesterday."""
    msp, stock = world.msp_b.account_id, 10_000
    world.take_back(msp, stock - held)
    above = balance(world.distributor.account_id)
    found = seen(world, msp)
    assert found.remaining is not None
    assert (found.remaining.month_count, found.remaining.ends_on) == (12, dt.date(2027, 11, 19))
    assert (found.remaining_fee_points, found.top_up_points, found.excess_points) == (120, top_up, excess)
    cancel(world, msp)
    assert (account(msp).status, balance(msp)) == (AccountStatus.CANCELED, 0)
    assert lines(msp)[-1] == ("cancellation_write_off", -max(120, held), 0)
    assert balance(world.distributor.account_id) == above - top_up
    assert events(msp, "cancellation.executed")[0]["remaining_fee_points"] == 120


def test_after_the_year_nothing_is_owed_and_prices_count_as_they_are_known(world: World) -> None:
    msp = world.msp_b.account_id
    with transaction():
        db.session.add(
            PriceVersionRow(
                account_type=AccountType.MSP,
                valid_from=tokyo("2027-09-01T00:00:00"),
                base_points=50,
                included_user_count=10,
                points_per_additional_user=1,
                created_at=START,
            )
        )
    days = {"2026-11-25": 250 - 50, "2027-08-26": 100, "2027-10-25": 50, "2027-10-26": 0, "2028-01-01": 0}
    for text, owed in days.items():
        assert seen(world, msp, dt.date.fromisoformat(text)).remaining_fee_points == owed, text


def test_a_scheduled_one_comes_to_the_same_however_late(world: World) -> None:
    for viewer in (world.msp_a, world.msp_b):
        world.take_back(viewer.account_id, 10_000)
        schedule(world, viewer.account_id, dt.date(2026, 12, 25))
    assert seen(world, world.support.account_id, dt.date(2026, 12, 25)).fee_points == 10
    tick(tokyo("2026-11-25T00:00:10"))
    assert tick(tokyo("2027-03-03T00:00:00")).canceled == 2
    for viewer in (world.msp_a, world.msp_b):
        assert lines(viewer.account_id)[-3:] == [
            ("monthly_fee", -10, -10),
            ("cancellation_top_up", 120, 110),
            ("cancellation_write_off", -110, 0),
        ]


def test_what_runs_or_is_applied_for_below_blocks(world: World) -> None:
    customer = world.customer(points_held=5)
    with transaction():
        waiting = applications.register(
            viewer=world.msp_a, profile=PROFILE, contract_user_count=1, parent_id=None, now=START
        ).id
    found = seen(world, world.msp_a.account_id).blockers
    assert (found.account_count, {row.account_id: row.is_application for row in found.named}) == (
        2,
        {customer: False, waiting: True},
    )
    assert seen(world, world.distributor.account_id, viewer=world.operator).blockers.account_count == 3
    with pytest.raises(AccountsBelow):
        cancel(world, world.msp_a.account_id)
    with pytest.raises(AccountsBelow):
        schedule(world, world.msp_a.account_id, dt.date(2026, 12, 1))
    with transaction():
        applications.withdraw(viewer=world.msp_a, account_id=waiting, now=START)
    # What leaves by then does not block, and leaves first.
    schedule(world, customer, dt.date(2026, 12, 1))
    with pytest.raises(AccountsBelow):
        schedule(world, world.msp_a.account_id, dt.date(2026, 11, 30))
    schedule(world, world.msp_a.account_id, dt.date(2026, 12, 1))
    assert tick(tokyo("2026-12-01T00:00:00")).canceled == 2
    assert account(world.msp_a.account_id).status is AccountStatus.CANCELED


def test_one_that_is_blocked_at_its_date_waits_and_is_told_once(world: World) -> None:
    msp = world.msp_a.account_id
    schedule(world, msp, dt.date(2026, 12, 1))
    customer = world.customer(points_held=100)
    for text in ("2026-12-01T00:00:00", "2026-12-01T00:01:00"):
        report = tick(tokyo(text))
        assert (report.canceled, report.blocked, report.failed) == (0, [msp], [])
    assert account(msp).status is AccountStatus.ACTIVE
    assert events(msp, "cancellation.blocked") == [{"scheduled_on": "2026-12-01", "account_count": 1}]
    later = tokyo("2026-12-02T10:00:00")
    with pytest.raises(CancellationUnderWay), transaction():
        applications.register(
            viewer=world.msp_a, profile=PROFILE, contract_user_count=1, parent_id=None, now=later
        )
    cancel(world, customer, now=later)
    assert tick(later).canceled == 1
    assert account(msp).status is AccountStatus.CANCELED


def test_an_application_is_not_renewed_below_a_canceled_account(world: World) -> None:
    with transaction():
        rejected = applications.register(
            viewer=world.msp_b, profile=PROFILE, contract_user_count=1, parent_id=None, now=START
        ).id
    with transaction():
        applications.reject(
            viewer=world.operator, account_id=rejected, rejection_reason="不備", brand=BRAND, now=START
        )
    cancel(world, world.msp_b.account_id)
    with pytest.raises(AccountNotRunning), transaction():
        applications.change_application(
            viewer=world.distributor,
            account_id=rejected,
            version=account(rejected).version,
            profile=PROFILE,
            contract_user_count=1,
            now=START,
        )
    with pytest.raises(ParentUnknown), transaction():
        applications.register(
            viewer=world.distributor,
            profile=PROFILE,
            contract_user_count=1,
            parent_id=world.msp_b.account_id,
            now=START,
        )


@pytest.mark.parametrize("scheduled", [False, True])
def test_a_support_account_that_leaves_is_taken_off_its_customers(world: World, scheduled: bool) -> None:
    desk = world.support.account_id
    mine, others = world.customer(support_account_id=desk), world.customer(parent=world.msp_b)
    gone = world.customer(support_account_id=desk)
    cancel(world, gone)
    if scheduled:
        schedule(world, desk, dt.date(2026, 12, 1))
        tick(tokyo("2026-12-01T00:00:00"))
    else:
        cancel(world, desk)
    assert account(desk).status is AccountStatus.CANCELED
    assert account(mine).support_account_id is None
    assert account(others).support_account_id is None
    assert account(gone).support_account_id == desk
    assert events(mine, "account.updated") == [{"changes": {"support_account_id": [desk, None]}}]
    assert events(others, "account.updated") == []
    assert events(desk, "cancellation.executed")[0]["unassigned_count"] == 1


@pytest.mark.parametrize("held", [0, 500, -200])
def test_a_distributor_owes_no_year_and_is_balanced_by_the_operator(world: World, held: int) -> None:
    top = world.distributor.account_id
    for viewer in (world.msp_a, world.msp_b, world.support):
        cancel(world, viewer.account_id)
    stock = balance(top)
    if held < 0:
        # A customer's shortfall drives it below zero.
        customer = world.customer(parent=world.distributor)
        world.take_back(customer, stock - held)
        cancel(world, customer)
    else:
        with transaction():
            points.take_back(
                viewer=world.operator,
                account_id=top,
                points=stock - held,
                remark=None,
                request_id=request_id(),
                now=START,
            )
    found = seen(world, top, viewer=world.operator)
    assert (found.remaining, found.is_issued, found.payer_balance) == (None, True, 0)
    assert (found.top_up_points, found.write_off_points) == (max(0, -held), max(0, held))
    with pytest.raises(AccountNotVisible):
        seen(world, top)
    cancel(world, top, viewer=world.operator)
    assert (account(top).status, balance(top)) == (AccountStatus.CANCELED, 0)
    kinds = {-200: ("issue", 200, 0), 500: ("cancellation_write_off", -500, 0)}
    assert held == 0 or lines(top)[-1] == kinds[held]
