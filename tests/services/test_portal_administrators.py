"""Administrators of an account: who registers, changes and removes whom, and who must stay."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select, update

from domain.administrator_levels import guarding_sets, offered_levels
from domain.lifecycle import AccountStatus, SuspensionReason
from domain.permissions import AccountType, AdminLevel, Viewer
from models import Account, Administrator, AuditEvent, OneTimeLink, OutgoingMail, SignIn, db
from models.mails import MailKind
from services import administrators, one_time_links, portal_administrators, sign_ins
from services.access import AccountNotVisible, PermissionRefused
from services.administrator_access import AdministratorNotVisible, LastAdministrator, find_person
from services.administrator_list import administrators_source
from services.application_mails import queue_approval_mail
from services.lists import ListArguments, fetch_page
from services.portal_administrators import AdministratorChanged, AdministratorDisabled, PersonValues
from services.portal_visits import PortalReadOnly
from services.requests import RequestIdReused
from services.transaction import transaction
from tests.builders import BRAND, START, World, request_id

#: Stands for the hash of a password that was typed.
HASHED = "hash"
OVERALL, CONTRACT, SYSTEM = AdminLevel.OVERALL, AdminLevel.CONTRACT, AdminLevel.SYSTEM


def values(name: str = "new-1", level: AdminLevel = SYSTEM, **changed: Any) -> PersonValues:
    given = {"full_name": f"管理 {name}", "email": f"{name}@example.jp", "level": level}
    return PersonValues(**{**given, **changed})


def register(
    viewer: Viewer,
    account_id: int,
    name: str = "new-1",
    level: AdminLevel = SYSTEM,
    *,
    password_hash: str | None = HASHED,
    key: str = "",
    **changed: Any,
) -> int:
    with transaction():
        return portal_administrators.register(
            viewer=viewer,
            account_id=account_id,
            user_name=name,
            values=values(name, level, **changed),
            password_hash=password_hash,
            request_id=key or request_id(),
            brand=BRAND,
            now=START,
        ).id


def act(function: Any, viewer: Viewer, account_id: int, administrator_id: int, **more: Any) -> Any:
    with transaction():
        return function(
            viewer=viewer, account_id=account_id, administrator_id=administrator_id, now=START, **more
        )


def edit(viewer: Viewer, account_id: int, administrator_id: int, **changed: Any) -> Any:
    found = person(administrator_id)
    given = PersonValues(full_name=found.full_name, email=found.email, level=found.level)
    version = changed.pop("version", found.version)
    new = dataclasses.replace(given, **changed)
    return act(
        portal_administrators.update, viewer, account_id, administrator_id, version=version, values=new
    )


def disable(viewer: Viewer, account_id: int, administrator_id: int, *, to: bool = True) -> Any:
    return act(portal_administrators.set_disabled, viewer, account_id, administrator_id, is_disabled=to)


def delete(viewer: Viewer, account_id: int, administrator_id: int) -> Any:
    return act(portal_administrators.delete, viewer, account_id, administrator_id)


def send_link(viewer: Viewer, account_id: int, administrator_id: int, key: str = "") -> Any:
    more = {"request_id": key or request_id(), "brand": BRAND}
    return act(portal_administrators.send_link, viewer, account_id, administrator_id, **more)


def person(administrator_id: int) -> Administrator:
    db.session.rollback()
    return db.session.get_one(Administrator, administrator_id, populate_existing=True)


def viewer_of(administrator_id: int) -> Viewer:
    return sign_ins.viewer_of(person(administrator_id))


def mails(kind: MailKind) -> list[OutgoingMail]:
    db.session.rollback()
    return list(db.session.scalars(select(OutgoingMail).where(OutgoingMail.kind == kind)))


def open_links(administrator_id: int) -> int:
    db.session.rollback()
    found = select(OneTimeLink.id).where(
        OneTimeLink.administrator_id == administrator_id, OneTimeLink.used_at.is_(None)
    )
    return len(db.session.execute(found).all())


def open_sessions(administrator_id: int) -> int:
    db.session.rollback()
    found = select(SignIn.id).where(SignIn.administrator_id == administrator_id, SignIn.ended_at.is_(None))
    return len(db.session.execute(found).all())


def start_session(administrator_id: int) -> None:
    with transaction():
        sign_ins.sign_in(
            administrator_id=administrator_id, now=START, remote_address="127.0.0.1", user_agent="tests"
        )


def lock(administrator_id: int) -> None:
    until = START + dt.timedelta(minutes=15)
    with transaction() as session:
        session.execute(
            update(Administrator).where(Administrator.id == administrator_id).values(locked_until=until)
        )


def events(action: str) -> list[dict[str, Any]]:
    db.session.rollback()
    found = select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.id)
    return [
        {"account_id": event.account_id, "by": event.actor_name, **event.details}
        for event in db.session.scalars(found)
    ]


def test_the_first_administrator_of_a_customer_gets_a_notice_and_a_link(world: World) -> None:
    customer = world.customer()
    new = register(world.msp_a, customer, password_hash=None, email="New-1@Example.jp")
    found = person(new)
    assert (found.user_name, found.email, found.level) == ("new-1", "new-1@example.jp", SYSTEM)
    assert (found.password_hash, found.is_disabled) == (None, False)
    (notice,), (link,) = mails(MailKind.ADMINISTRATOR_REGISTERED), mails(MailKind.PASSWORD_LINK)
    assert {notice.recipient_email, link.recipient_email} == {"new-1@example.jp"}
    assert notice.account_id == link.account_id == customer
    assert "new-1" in notice.body_text
    assert "/set-password/" not in notice.body_text
    token = link.body_text.partition("/set-password/")[2].split()[0]
    assert f"{BRAND.portal_url}/set-password/{token}" in link.body_text
    assert one_time_links.find_link_holder(token=token, now=START).id == new
    with pytest.raises(one_time_links.OneTimeLinkInvalid):
        one_time_links.find_link_holder(token=token, now=START + dt.timedelta(days=1))
    (event,) = events("administrator.created")
    assert (event["account_id"], event["by"], event["user_name"]) == (customer, "msp-a", "new-1")
    assert token not in str(events("administrator.created"))


def test_a_typed_password_brings_a_notice_without_it_and_no_link(world: World) -> None:
    customer = world.customer(language="en")
    new = register(world.distributor, customer, password_hash="$argon2-of-it")
    assert person(new).password_hash == "$argon2-of-it"
    (notice,) = mails(MailKind.ADMINISTRATOR_REGISTERED)
    assert "You have been registered" in notice.body_text
    assert "argon2" not in notice.body_text
    assert mails(MailKind.PASSWORD_LINK) == []


def test_a_request_sent_twice_registers_once(world: World) -> None:
    customer, key = world.customer(), request_id()
    ids = {register(world.msp_a, customer, key=key, password_hash=None) for _time in range(2)}
    assert len(ids) == 1
    assert len(mails(MailKind.ADMINISTRATOR_REGISTERED)) == len(mails(MailKind.PASSWORD_LINK)) == 1
    with pytest.raises(RequestIdReused):
        register(world.msp_a, customer, "new-2", key=key)
    with pytest.raises(RequestIdReused):
        register(world.distributor, customer, key=key, password_hash=None)


def test_user_names_are_taken_for_ever_and_addresses_until_deletion(world: World) -> None:
    customer, other = world.customer(), world.customer(parent=world.msp_b)
    first = register(world.msp_a, customer)
    register(world.msp_a, customer, "second-1")
    with pytest.raises(administrators.UserNameTaken):
        register(world.msp_b, other, email="free@example.jp")
    with pytest.raises(administrators.UserNameTaken):
        register(world.msp_b, other, "SECOND-1", email="free@example.jp")
    with pytest.raises(administrators.EmailTaken):
        register(world.msp_b, other, "new-2", email="NEW-1@example.jp")
    delete(world.msp_a, customer, first)
    with pytest.raises(administrators.UserNameTaken):
        register(world.msp_b, other, email="free@example.jp")
    again = register(world.msp_b, other, "new-2", email="new-1@example.jp")
    with pytest.raises(administrators.EmailTaken):
        edit(world.msp_b, other, again, email="second-1@example.jp")
    assert edit(world.msp_b, other, again, email="new-1@example.jp").email == "new-1@example.jp"


def test_what_the_database_knows_better_is_refused_in_the_same_words(world: World) -> None:
    """Two accounts take the same name between each other's look and writing."""
    for name, email, refusal in (
        ("msp-a", "free@example.jp", administrators.UserNameTaken),
        ("administrators.email", "msp-a@example.jp", administrators.EmailTaken),
    ):
        with pytest.raises(refusal):
            write_unseen(world.msp_b.account_id, name, email)


def write_unseen(account_id: int, user_name: str, email: str) -> None:
    with transaction() as session:
        new = Administrator(account_id=account_id, user_name=user_name, email=email, created_at=START)
        new.full_name, new.level = "x", SYSTEM
        session.add(new)
        administrators.flush_unique()


@pytest.mark.parametrize("name", ["", "-a", "a@b", "a b", "あ", "x" * 61])
def test_user_names_have_a_shape(world: World, name: str) -> None:
    with pytest.raises(administrators.UserNameRefused):
        register(world.msp_a, world.customer(), name, email="free@example.jp")


def test_levels_are_offered_by_account_type_and_by_ones_own() -> None:
    assert offered_levels(AccountType.MSP, OVERALL) == (OVERALL, CONTRACT, SYSTEM)
    assert offered_levels(AccountType.MSP, SYSTEM) == (SYSTEM,)
    assert offered_levels(AccountType.MSP, CONTRACT) == ()
    assert offered_levels(AccountType.SUPPORT, OVERALL) == (OVERALL, SYSTEM)
    assert offered_levels(AccountType.CUSTOMER, OVERALL) == (SYSTEM,)
    every, some = guarding_sets(AccountType.MSP)
    assert every == frozenset({OVERALL})
    assert some == frozenset({OVERALL, SYSTEM})
    assert SYSTEM in guarding_sets(AccountType.CUSTOMER)[0]


def test_nobody_grants_or_touches_a_level_above_his_own(world: World) -> None:
    own = world.msp_a.account_id
    with pytest.raises(administrators.LevelNotOffered):
        register(world.msp_a, world.customer(), level=OVERALL)
    system = viewer_of(register(world.msp_a, own, "system-1"))
    with pytest.raises(PermissionRefused):
        register(system, own, "boss-1", OVERALL)
    peer = register(system, own, "system-2")
    with pytest.raises(PermissionRefused):
        edit(system, own, peer, level=CONTRACT)
    boss = world.msp_a.administrator_id
    lock(boss)
    for work in (edit, delete, disable, send_link):
        with pytest.raises(PermissionRefused):
            work(system, own, boss)
    with pytest.raises(PermissionRefused):
        act(portal_administrators.unlock, system, own, boss)
    assert person(boss).locked_until is not None
    assert edit(world.msp_a, own, peer, level=CONTRACT).level is CONTRACT
    contract = viewer_of(peer)
    with pytest.raises((PermissionRefused, AccountNotVisible)):
        register(contract, own, "new-3")


def test_who_may_change_in_whose_portal(world: World) -> None:
    customer = world.customer(support_account_id=world.support.account_id)
    own = register(world.msp_a, customer)
    for viewer in (world.operator, world.support):
        with pytest.raises(PermissionRefused):
            register(viewer, customer, "new-2")
        assert find_person(viewer=viewer, account_id=customer, administrator_id=own).id == own
    with pytest.raises(AccountNotVisible):
        register(world.msp_b, customer, "new-2")
    with pytest.raises(AdministratorNotVisible):
        find_person(viewer=world.msp_b, account_id=customer, administrator_id=own)
    register(world.operator, world.distributor.account_id, "new-2", OVERALL)
    with pytest.raises(PermissionRefused):
        register(world.operator, world.msp_a.account_id, "new-3", OVERALL)
    register(world.distributor, world.msp_a.account_id, "new-3", OVERALL)
    register(viewer_of(own), customer, "new-4")
    foreign = world.msp_b.administrator_id
    for work in (edit, delete, disable, send_link):
        with pytest.raises(AdministratorNotVisible):
            work(world.msp_a, customer, foreign)
    with transaction() as session:
        suspended = {"status": AccountStatus.SUSPENDED, "suspension_reason": SuspensionReason.MANUAL}
        session.execute(update(Account).where(Account.id == customer).values(**suspended))
    with pytest.raises(PortalReadOnly):
        delete(world.msp_a, customer, own)


def test_editing_a_locked_administrator_neither_disables_nor_unlocks_him(world: World) -> None:
    """The real product once disabled him for ever."""
    customer = world.customer()
    new = register(world.msp_a, customer)
    lock(new)
    before = person(new).locked_until
    edit(world.msp_a, customer, new, full_name="改名 太郎")
    found = person(new)
    assert (found.full_name, found.is_disabled, found.locked_until) == ("改名 太郎", False, before)
    register(world.msp_a, customer, "new-2")
    disable(world.msp_a, customer, new)
    disable(world.msp_a, customer, new, to=False)
    found = person(new)
    assert (found.is_disabled, found.locked_until) == (False, before)
    disable(world.msp_a, customer, new)
    assert act(portal_administrators.unlock, world.msp_a, customer, new)[1] is True
    assert act(portal_administrators.unlock, world.msp_a, customer, new)[1] is False
    found = person(new)
    assert (found.is_disabled, found.locked_until) == (True, None)
    assert [event["by"] for event in events("administrator.unlocked")] == ["msp-a"]
    edit(world.msp_a, customer, new, full_name="改名 次郎")
    assert person(new).is_disabled
    (event, _second) = events("administrator.updated")
    assert event["changes"] == {"full_name": ["管理 new-1", "改名 太郎"]}


def test_nobody_lifts_his_own_lock(world: World) -> None:
    lock(world.msp_a.administrator_id)
    with pytest.raises(PermissionRefused):
        act(
            portal_administrators.unlock,
            world.msp_a,
            world.msp_a.account_id,
            world.msp_a.administrator_id,
        )


def test_a_form_opened_before_anothers_change_is_refused(world: World) -> None:
    customer = world.customer()
    new = register(world.msp_a, customer)
    shown = person(new).version
    edit(world.msp_a, customer, new, full_name="改名 太郎")
    with pytest.raises(AdministratorChanged):
        edit(world.msp_a, customer, new, full_name="改名 次郎", version=shown)
    assert person(new).full_name == "改名 太郎"


def test_a_new_address_ends_the_link_to_the_old_one(world: World) -> None:
    customer = world.customer()
    new = register(world.msp_a, customer, password_hash=None)
    edit(world.msp_a, customer, new, full_name="改名 太郎")
    assert open_links(new) == 1
    edit(world.msp_a, customer, new, email="other@example.jp")
    assert open_links(new) == 0
    send_link(world.msp_a, customer, new)
    assert open_links(new) == 1
    assert [mail.recipient_email for mail in mails(MailKind.PASSWORD_LINK)] == [
        "new-1@example.jp",
        "other@example.jp",
    ]


def test_a_new_link_is_sent_once_for_a_request_and_to_nobody_disabled(world: World) -> None:
    customer, key = world.customer(), request_id()
    new = register(world.msp_a, customer)
    for _time in range(2):
        send_link(world.msp_a, customer, new, key)
    assert len(mails(MailKind.PASSWORD_LINK)) == open_links(new) == 1
    send_link(world.msp_a, customer, new)
    assert (len(mails(MailKind.PASSWORD_LINK)), open_links(new)) == (2, 1)
    assert person(new).password_hash == HASHED
    assert len(events("administrator.password_link_sent")) == 2
    register(world.msp_a, customer, "new-2")
    disable(world.msp_a, customer, new)
    with pytest.raises(AdministratorDisabled):
        send_link(world.msp_a, customer, new)


def test_disabling_and_deleting_end_sessions_and_links_at_once(world: World) -> None:
    customer = world.customer()
    register(world.msp_a, customer, "stays-1")
    for work, action in ((disable, "disabled"), (delete, "deleted")):
        new = register(world.msp_a, customer, f"new-{action}", password_hash=None)
        start_session(new)
        work(world.msp_a, customer, new)
        assert (open_sessions(new), open_links(new)) == (0, 0)
        assert sign_ins.viewer_named(f"new-{action}") is None
        assert events(f"administrator.{action}")[0]["user_name"] == f"new-{action}"
        if work is delete:
            for again in (edit, delete, disable, send_link):
                with pytest.raises(AdministratorNotVisible):
                    again(world.msp_a, customer, new)
    source = administrators_source(
        viewer=world.msp_a, account_id=customer, account_type=AccountType.CUSTOMER, now=START
    )
    rows = fetch_page(source, ListArguments()).rows
    assert [row.user_name for row in rows] == ["new-disabled", "stays-1"]
    stranger = administrators_source(
        viewer=world.msp_b, account_id=customer, account_type=AccountType.CUSTOMER, now=START
    )
    assert fetch_page(stranger, ListArguments()).total == 0


def test_the_last_administrator_of_a_customer_stays(world: World) -> None:
    customer = world.customer()
    first, second = (register(world.msp_a, customer, f"new-{number}") for number in (1, 2))
    disable(world.msp_a, customer, second)
    for viewer in (world.msp_a, world.distributor, viewer_of(first)):
        for work in (disable, delete):
            with pytest.raises(LastAdministrator):
                work(viewer, customer, first)
    assert not person(first).is_disabled
    delete(world.msp_a, customer, second)
    with pytest.raises(LastAdministrator):
        delete(world.msp_a, customer, first)
    third = register(world.msp_a, customer, "new-3")
    lock(third)
    delete(viewer_of(first), customer, first)
    assert person(first).deleted_at == START
    with pytest.raises(LastAdministrator):
        delete(viewer_of(third), customer, third)


def test_the_last_overall_administrator_of_an_msp_stays_so(world: World) -> None:
    own, boss = world.msp_a.account_id, world.msp_a.administrator_id
    register(world.msp_a, own, "system-1")
    register(world.msp_a, own, "contract-1", CONTRACT)
    for level in (CONTRACT, SYSTEM):
        with pytest.raises(LastAdministrator):
            edit(world.msp_a, own, boss, level=level)
    for work in (disable, delete):
        with pytest.raises(LastAdministrator):
            work(world.distributor, own, boss)
    second = register(world.msp_a, own, "boss-2", OVERALL)
    assert edit(world.msp_a, own, boss, level=SYSTEM).level is SYSTEM
    with pytest.raises(LastAdministrator):
        delete(world.distributor, own, second)


def test_an_application_is_not_answered_to_the_address_of_a_deleted_person(world: World) -> None:
    own = world.msp_a.account_id
    applicant = register(world.msp_a, own, "system-1")
    customer = world.customer()
    delete(world.msp_a, own, applicant)
    with transaction():
        account = db.session.get_one(Account, customer)
        account.applied_by_id = applicant
        assert queue_approval_mail(account=account, brand=BRAND, now=START) is None
