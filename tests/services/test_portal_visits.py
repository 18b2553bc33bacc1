"""顧客切り替え: who may enter whose portal, what is open there, what is written down."""

from __future__ import annotations

import dataclasses

import pytest
from sqlalchemy import func, select

from domain.lifecycle import AccountStatus, SuspensionReason
from domain.permissions import AccountType, AdminLevel, Viewer
from domain.portal_permissions import PortalPermission
from models import Account, AuditEvent, db
from services import languages, portal_profiles, portal_visits
from services.access import AccountNotVisible, PermissionRefused
from services.ledger import CancellationUnderWay
from services.portal_visits import Limit, PortalReadOnly
from services.profiles import ChangedMeanwhile
from services.transaction import transaction
from tests.builders import START, World, tokyo

PROFILE, ADMINISTRATORS, USERS = (
    PortalPermission.PROFILE_CHANGE,
    PortalPermission.ADMINISTRATORS_CHANGE,
    PortalPermission.USERS_CHANGE,
)


def enterable(viewer: Viewer, search: str = "") -> list[int]:
    return [row.id for row in portal_visits.enterable_accounts(viewer=viewer, search=search, limit=100)]


def changeable(viewer: Viewer, account_id: int) -> set[PortalPermission]:
    visit = portal_visits.find_visit(viewer=viewer, account_id=account_id)
    return {permission for permission in PortalPermission if visit.can(permission)}


def customer_of(account_id: int) -> Viewer:
    """Return a viewer of a customer; nothing is written for it, since only reading is asked of it."""
    return Viewer(
        administrator_id=1,
        user_name="customer",
        account_id=account_id,
        account_type=AccountType.CUSTOMER,
        level=AdminLevel.SYSTEM,
    )


def at_level(viewer: Viewer, level: AdminLevel) -> Viewer:
    return dataclasses.replace(viewer, level=level)


def set_values(account_id: int, **values: object) -> None:
    with transaction():
        account = db.session.get_one(Account, account_id)
        for name, value in values.items():
            setattr(account, name, value)


def test_who_may_enter_whose(world: World) -> None:
    of_a = world.customer(support_account_id=world.support.account_id, company_name="い社")
    other_of_a = world.customer(company_name="あ社")
    of_b = world.customer(parent=world.msp_b, company_name="う社")
    waiting = world.customer(company_name="え社")
    set_values(waiting, status=AccountStatus.APPROVED)
    own = {
        viewer: viewer.account_id for viewer in (world.msp_a, world.msp_b, world.support, world.distributor)
    }
    # The own account first, then by name.
    assert enterable(world.msp_a) == [own[world.msp_a], other_of_a, of_a]
    assert enterable(at_level(world.msp_a, AdminLevel.SYSTEM)) == [own[world.msp_a], other_of_a, of_a]
    assert enterable(at_level(world.msp_a, AdminLevel.CONTRACT)) == []
    assert enterable(world.support) == [own[world.support], of_a]
    assert set(enterable(world.distributor)) == {*own.values(), of_a, other_of_a, of_b}
    assert set(enterable(world.operator)) == {
        world.operator.account_id,
        *own.values(),
        of_a,
        other_of_a,
        of_b,
    }
    assert enterable(customer_of(of_a)) == [of_a]
    for viewer, account_id in (
        (world.msp_a, of_b),
        (world.msp_a, waiting),
        (world.msp_a, world.distributor.account_id),
        (world.support, other_of_a),
        (world.distributor, world.operator.account_id),
        (customer_of(of_a), other_of_a),
        (at_level(world.msp_a, AdminLevel.CONTRACT), of_a),
        (at_level(world.msp_a, AdminLevel.CONTRACT), world.msp_a.account_id),
    ):
        with pytest.raises(AccountNotVisible):
            portal_visits.enter(viewer=viewer, account_id=account_id, now=START)
    others = [portal_visits.has_other_portals(viewer) for viewer in (world.msp_a, world.msp_b, world.support)]
    assert others == [True, True, True]
    set_values(of_a, support_account_id=None)
    assert not portal_visits.has_other_portals(world.support)
    assert not portal_visits.has_other_portals(customer_of(of_a))


def test_choices_are_few_and_say_when_there_are_more(world: World) -> None:
    for position in range(22):
        world.customer(company_name=f"株式会社ﾃｽﾄ{position:02d}")
    single = world.customer(company_name="50%_引き商店")
    found = portal_visits.choices(viewer=world.msp_a, search="テスト")
    assert (len(found.rows), found.has_more) == (20, True)
    found = portal_visits.choices(viewer=world.msp_a, search="ﾃｽﾄ2")
    assert (len(found.rows), found.has_more) == (2, False)
    exactly = portal_visits.choices(viewer=world.msp_a, search="テスト", limit=22)
    assert (len(exactly.rows), exactly.has_more) == (22, False)
    assert enterable(world.msp_a, "%_") == [single]
    assert enterable(world.msp_a, "\x00") == enterable(world.msp_a, "あ" * 201) == []
    assert enterable(world.msp_b, "テスト") == []


def test_what_is_open_and_why_not(world: World) -> None:
    account_id = world.customer(support_account_id=world.support.account_id)
    expected = {
        world.msp_a: ({PROFILE, ADMINISTRATORS, USERS}, None),
        world.distributor: ({PROFILE, ADMINISTRATORS, USERS}, None),
        world.support: ({PROFILE, USERS}, Limit.SUPPORT),
        world.operator: (set(), Limit.OPERATOR),
        customer_of(account_id): ({PROFILE, ADMINISTRATORS, USERS}, None),
    }
    for viewer, (permissions, limit) in expected.items():
        assert changeable(viewer, account_id) == permissions
        assert portal_visits.find_visit(viewer=viewer, account_id=account_id).limit is limit
    top = portal_visits.find_visit(viewer=world.operator, account_id=world.distributor.account_id)
    assert top.limit is Limit.OPERATOR_BEGINS
    assert top.can(ADMINISTRATORS)
    assert portal_visits.find_visit(viewer=world.support, account_id=world.support.account_id).limit is None
    set_values(account_id, status=AccountStatus.SUSPENDED, suspension_reason=SuspensionReason.MANUAL)
    for viewer in expected:
        assert changeable(viewer, account_id) == set()
        assert portal_visits.find_visit(viewer=viewer, account_id=account_id).limit is Limit.SUSPENDED


def test_a_change_is_refused_with_its_reason(world: World) -> None:
    account_id = world.customer(support_account_id=world.support.account_id)

    def ask(viewer: Viewer, permission: PortalPermission) -> None:
        with transaction():
            portal_visits.account_to_change(
                viewer=viewer, account_id=account_id, permission=permission, now=START
            )

    ask(world.msp_a, USERS)
    ask(world.support, USERS)
    with pytest.raises(PermissionRefused):
        ask(world.support, ADMINISTRATORS)
    with pytest.raises(PermissionRefused):
        ask(world.operator, USERS)
    with pytest.raises(AccountNotVisible):
        ask(world.msp_b, USERS)
    set_values(account_id, cancellation_date=tokyo("2026-11-20T00:00:00").date())
    with pytest.raises(CancellationUnderWay):
        ask(world.msp_a, USERS)
    set_values(account_id, cancellation_date=None)
    set_values(account_id, status=AccountStatus.SUSPENDED, suspension_reason=SuspensionReason.MANUAL)
    with pytest.raises(PortalReadOnly) as refusal:
        ask(world.msp_a, USERS)
    assert refusal.value.http_status == 409
    # Who may not change it at all is told so, whatever the state.
    with pytest.raises(PermissionRefused):
        ask(world.operator, USERS)


def test_hidden_menus(world: World) -> None:
    account_id = world.customer()
    set_values(account_id, hidden_menu_keys=["log", "auth.ldap", "manage.administrators"])
    own = portal_visits.find_visit(viewer=customer_of(account_id), account_id=account_id)
    hidden = {"log", "log.radius", "log.sso", "auth.ldap", "manage.administrators"}
    keys = {*hidden, "auth", "auth.radius", "apps", "support", "", "log.operations", "manage.profile"}
    assert {key for key in keys if own.is_hidden(key)} == hidden
    msp = portal_visits.find_visit(viewer=world.msp_a, account_id=account_id)
    assert {key for key in keys if msp.is_hidden(key)} == hidden - {"manage.administrators"}
    assert [key for key in keys if msp.is_open_though_hidden(key)] == ["manage.administrators"]
    # What is left over on an account that is no customer hides nothing.
    set_values(world.msp_a.account_id, hidden_menu_keys=["log"])
    visit = portal_visits.find_visit(viewer=world.msp_a, account_id=world.msp_a.account_id)
    assert not visit.is_hidden("log")


def test_entering_is_written_down_on_both_sides(world: World) -> None:
    account_id = world.customer(company_name="株式会社入口")
    with transaction():
        portal_visits.enter(viewer=world.msp_a, account_id=account_id, now=START)
        portal_visits.enter(viewer=world.msp_a, account_id=world.msp_a.account_id, now=START)
    found = db.session.execute(
        select(AuditEvent.action, AuditEvent.account_id, AuditEvent.actor_name)
        .where(AuditEvent.action.startswith("portal.entered"))
        .order_by(AuditEvent.id)
    )
    assert [tuple(row) for row in found] == [
        ("portal.entered", account_id, "msp-a"),
        ("portal.entered_other", world.msp_a.account_id, "msp-a"),
    ]


def test_the_profile_takes_nothing_else(world: World) -> None:
    account_id = world.customer(reseller_company_name="販売店")
    account = db.session.get_one(Account, account_id)
    version = account.version
    profile = {"company_name": "株式会社改名", "reseller_company_name": "別", "contract_user_count": 99}

    def change(viewer: Viewer, version: int) -> bool:
        with transaction():
            return portal_profiles.change_profile(
                viewer=viewer, account_id=account_id, version=version, profile=profile, now=START
            )

    assert change(world.msp_a, version) is True
    db.session.refresh(account)
    assert (account.company_name, account.reseller_company_name) == ("株式会社改名", "販売店")
    assert (account.contract_user_count, account.version) == (10, version + 1)
    assert change(world.msp_a, version + 1) is False
    with pytest.raises(ChangedMeanwhile):
        change(world.msp_a, version)
    contacts = portal_profiles.find_contacts(viewer=world.msp_a, account_id=account_id)
    assert contacts.msp_company_name == "会社 msp_a"
    assert contacts.support_company_name is None
    assert contacts.reseller["reseller_company_name"] == "販売店"
    assert "reseller_remark" not in contacts.reseller
    top = portal_profiles.find_contacts(viewer=world.distributor, account_id=world.distributor.account_id)
    assert top.msp_company_name is None
    with pytest.raises(AccountNotVisible):
        portal_profiles.find_contacts(viewer=world.msp_b, account_id=account_id)


def test_the_language_is_written_down_when_it_changes(world: World) -> None:
    for language in ("en", "en", "ja"):
        with transaction():
            languages.choose(viewer=world.msp_a, language=language, now=START)
    count = select(func.count()).where(AuditEvent.action == "administrator.language_chosen")
    assert db.session.execute(count).scalar_one() == 2
