"""登録 to provisioning: apply, change, withdraw, approve, reject, provision with retries."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from domain.lifecycle import AccountStatus, TransitionRefused
from domain.permissions import AdminLevel
from models import Account, Administrator, AuditEvent, OutgoingMail, db
from services import applications, provisioning
from services.access import AccountNotVisible, PermissionRefused
from services.accounts import UserCountOutOfRange
from services.applications import ParentUnknown, ReasonRequired
from services.profiles import ChangedMeanwhile
from services.provisioning import ORDER_VOID, RETRY_WAITS, ProvisioningError
from services.transaction import transaction
from tests.builders import BRAND, PROFILE, START, World, account, balance


def register(world: World, **more: Any) -> int:
    arguments = {"viewer": world.msp_a, "parent_id": None, "contract_user_count": 20} | more
    with transaction():
        return applications.register(profile=PROFILE, now=START, **arguments).id


def approve(world: World, account_id: int) -> None:
    with transaction():
        applications.approve(viewer=world.operator, account_id=account_id, brand=BRAND, now=START)


def order(world: World, account_id: int, now: dt.datetime = START) -> None:
    with transaction():
        applications.request_provisioning(viewer=world.operator, account_id=account_id, now=now)


class RefusingProvisioner:
    """An identity service that refuses a number of times."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals

    def provision(self, *, account_number: str, company_name: str, contract_user_count: int) -> None:
        if self.refusals:
            self.refusals -= 1
            raise ProvisioningError("the service is away")


def test_an_application_goes_into_service(world: World) -> None:
    customer = register(world)
    found = account(customer)
    assert (found.status, found.account_number, found.parent_id) == (
        AccountStatus.PENDING_APPROVAL,
        None,
        world.msp_a.account_id,
    )
    assert found.approval_due_on == dt.date(2026, 11, 26)
    approve(world, customer)
    number = account(customer).account_number or ""
    assert len(number) == 8
    assert number[0] != "0"
    assert provisioning.provision_requested(now=START) == 0  # nobody has ordered it yet
    order(world, customer)
    assert provisioning.provision_requested(now=START) == 1
    found = account(customer)
    assert (found.status, found.contract_date) == (AccountStatus.ACTIVE, dt.date(2026, 11, 20))
    assert balance(customer) == 0
    kinds = db.session.execute(select(OutgoingMail.kind)).scalars().all()
    assert [kind.value for kind in kinds] == ["approval"]
    actions = db.session.execute(
        select(AuditEvent.action).where(AuditEvent.account_id == customer).order_by(AuditEvent.id)
    ).scalars()
    assert list(actions) == [
        "application.registered",
        "application.approved",
        "provisioning.requested",
        "provisioning.done",
    ]


def test_a_rejection_names_its_reason_and_can_be_applied_for_again(world: World) -> None:
    customer = register(world)
    with pytest.raises(ReasonRequired), transaction():
        applications.reject(
            viewer=world.operator, account_id=customer, rejection_reason="", brand=BRAND, now=START
        )
    with transaction():
        applications.reject(
            viewer=world.operator, account_id=customer, rejection_reason="住所不備", brand=BRAND, now=START
        )
    assert account(customer).rejection_reason == "住所不備"
    with transaction():
        applications.change_application(
            viewer=world.msp_a,
            account_id=customer,
            version=account(customer).version,
            profile=PROFILE | {"city": "港区"},
            contract_user_count=21,
            now=START + dt.timedelta(days=1),
        )
    found = account(customer)
    assert (found.status, found.city, found.rejection_reason) == (
        AccountStatus.PENDING_APPROVAL,
        "港区",
        None,
    )


def test_provisioning_is_tried_again_with_growing_waits(world: World) -> None:
    customer = register(world)
    approve(world, customer)
    order(world, customer)
    port, now = RefusingProvisioner(len(RETRY_WAITS) + 1), START
    for wait in RETRY_WAITS:
        provisioning.provision_requested(now=now, provisioner=port)
        found = account(customer)
        assert found.status is AccountStatus.PROVISIONING_FAILED
        assert found.provisioning_next_attempt_at == now + wait
        assert provisioning.provision_requested(now=now, provisioner=port) == 0
        now += wait
    provisioning.provision_requested(now=now, provisioner=port)
    assert account(customer).provisioning_next_attempt_at is None
    order(world, customer, now)
    assert provisioning.provision_requested(now=now, provisioner=port) == 1


class BrokenProvisioner:
    """An identity service that breaks over one account in a way that nobody foresaw."""

    def __init__(self, account_number: str) -> None:
        self.account_number = account_number

    def provision(self, *, account_number: str, company_name: str, contract_user_count: int) -> None:
        if account_number == self.account_number:
            raise ConnectionResetError(f"of {company_name}")


def test_an_order_that_breaks_holds_up_no_later_one(world: World, caplog: pytest.LogCaptureFixture) -> None:
    broken, well = register(world), register(world)
    for customer in (broken, well):
        approve(world, customer)
        order(world, customer)
    port = BrokenProvisioner(account(broken).account_number or "")
    assert provisioning.provision_requested(now=START, provisioner=port) == 1
    assert account(well).status is AccountStatus.ACTIVE
    found = account(broken)
    assert (found.status, found.provisioning_error) == (
        AccountStatus.PROVISIONING_FAILED,
        "ConnectionResetError",
    )
    assert found.provisioning_next_attempt_at == START + RETRY_WAITS[0]
    assert f"provisioning of account {broken} failed" in caplog.text
    assert provisioning.provision_requested(now=START + RETRY_WAITS[0]) == 1


def demote(person: Administrator) -> None:
    person.level = AdminLevel.SYSTEM


def disable(person: Administrator) -> None:
    person.is_disabled = True


def delete(person: Administrator) -> None:
    person.deleted_at, person.is_disabled = START, True


def lock_out(person: Administrator) -> None:
    person.locked_until = START + dt.timedelta(hours=1)


@pytest.mark.parametrize("change", [demote, disable, delete])
def test_an_order_is_void_when_who_gave_it_may_not_give_it_any_more(
    world: World, change: Callable[[Administrator], None]
) -> None:
    customer = register(world)
    approve(world, customer)
    order(world, customer)
    with transaction():
        change(db.session.get_one(Administrator, world.operator.administrator_id))
    assert provisioning.provision_requested(now=START) == 0
    found = account(customer)
    assert (found.status, found.provisioning_error) == (AccountStatus.PROVISIONING_FAILED, ORDER_VOID)
    assert found.provisioning_next_attempt_at is None
    assert found.provisioning_requested_by_id == world.operator.administrator_id


def test_an_order_is_carried_out_for_who_is_only_locked_out(world: World) -> None:
    customer = register(world)
    approve(world, customer)
    order(world, customer)
    with transaction():
        lock_out(db.session.get_one(Administrator, world.operator.administrator_id))
    assert provisioning.provision_requested(now=START) == 1


def test_a_withdrawn_application_is_over(world: World) -> None:
    customer = register(world)
    with transaction():
        applications.withdraw(viewer=world.msp_a, account_id=customer, now=START)
    with pytest.raises(TransitionRefused):
        approve(world, customer)


def test_an_approved_application_is_neither_changed_nor_withdrawn(world: World) -> None:
    customer = register(world)
    approve(world, customer)
    with pytest.raises(TransitionRefused), transaction():
        applications.withdraw(viewer=world.msp_a, account_id=customer, now=START)
    with pytest.raises(TransitionRefused), transaction():
        applications.change_application(
            viewer=world.msp_a,
            account_id=customer,
            version=account(customer).version,
            profile=PROFILE,
            contract_user_count=5,
            now=START,
        )


def test_a_form_opened_before_someone_else_s_change_is_refused(world: World) -> None:
    customer = register(world)
    arguments: dict[str, Any] = {"viewer": world.msp_a, "account_id": customer}
    arguments["version"] = account(customer).version
    arguments |= {"contract_user_count": 20, "now": START}
    with transaction():
        applications.change_application(profile=PROFILE | {"city": "港区"}, **arguments)
    with pytest.raises(ChangedMeanwhile) as refusal, transaction():
        applications.change_application(profile=PROFILE | {"city": "新宿区"}, **arguments)
    assert refusal.value.data["current"]["city"] == "港区"


def test_a_distributor_registers_under_its_msps_and_an_msp_under_itself_alone(world: World) -> None:
    under_a = register(world, viewer=world.distributor, parent_id=world.msp_a.account_id)
    own = register(world, viewer=world.distributor)
    assert (
        account(under_a).privileged_msp_id == account(own).privileged_msp_id == world.distributor.account_id
    )
    for parent_id in (world.msp_b.account_id, world.support.account_id, 10**12):
        with pytest.raises(ParentUnknown):
            register(world, parent_id=parent_id)


def test_only_the_operator_decides_and_support_does_nothing(world: World) -> None:
    customer = register(world)
    for viewer in (world.msp_a, world.distributor, world.support):
        with pytest.raises(PermissionRefused), transaction():
            applications.approve(viewer=viewer, account_id=customer, brand=BRAND, now=START)
    with pytest.raises(PermissionRefused):
        register(world, viewer=world.support)
    with pytest.raises(AccountNotVisible), transaction():
        applications.withdraw(viewer=world.msp_b, account_id=customer, now=START)


@pytest.mark.parametrize("users", [0, -1, 1_000_001])
def test_users_outside_the_range_are_refused(world: World, users: int) -> None:
    with pytest.raises(UserCountOutOfRange):
        register(world, contract_user_count=users)
    assert db.session.execute(select(Account.id).where(Account.applied_by_id.is_not(None))).first() is None


def test_fields_that_the_form_does_not_offer_change_nothing(world: World) -> None:
    with transaction():
        customer = applications.register(
            viewer=world.msp_a,
            profile=PROFILE | {"parent_id": world.msp_b.account_id, "status": "active", "id": 5},
            contract_user_count=20,
            parent_id=None,
            now=START,
        ).id
    found = account(customer)
    assert (found.parent_id, found.status) == (world.msp_a.account_id, AccountStatus.PENDING_APPROVAL)
