"""ユーザ一覧: the cap from both sides, what is refused, the import, and what the operation log says of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from domain.errors import DomainError
from domain.permissions import AdminLevel, Viewer
from domain.service_users import UserValues
from models import Account, AuditEvent, ServiceUser, db
from services import accounts, cancellations, portal_administrators, service_users
from services.access import AccountNotVisible, PermissionRefused
from services.cancellation_previews import preview
from services.portal_administrators import PersonValues
from services.portal_visits import PortalReadOnly
from services.service_user_import import (
    ImportHasErrors,
    ImportOutcome,
    ImportPlanChanged,
    NothingToImport,
    import_users,
    plan_import,
)
from services.service_user_list import user_counts
from services.transaction import transaction
from tests.builders import BRAND, START, World, request_id

HEADER = "ユーザ名,名前,Eメール,部署,状態\r\n"


def register(viewer: Viewer, account_id: int, *names: str) -> list[int]:
    """Register users; return their ids."""
    ids = []
    for name in names:
        with transaction():
            values = UserValues(full_name=f"名 {name}", email=f"{name}@example.jp", department=None)
            user = service_users.register(
                viewer=viewer, account_id=account_id, user_name=name, values=values, now=START
            )
            ids.append(user.id)
    return ids


def users(account_id: int) -> dict[str, ServiceUser]:
    """Return an account's users as the database has them now, by name."""
    db.session.rollback()
    statement = select(ServiceUser).where(ServiceUser.account_id == account_id)
    return {user.user_name: user for user in db.session.execute(statement).scalars()}


def events(action: str) -> list[dict[str, Any]]:
    """Return the details of all events of an action, oldest first."""
    statement = select(AuditEvent.details).where(AuditEvent.action == action).order_by(AuditEvent.id)
    return list(db.session.execute(statement).scalars())


def load(viewer: Viewer, account_id: int, rows: str, **options: Any) -> Any:
    """Import a text below the header as its preview shows it."""
    text = HEADER + rows
    overwrite = options.pop("overwrite", False)
    digest = (
        options.pop("digest", None)
        or plan_import(account_id=account_id, text=text, overwrite=overwrite).digest
    )
    with transaction():
        return import_users(
            viewer=viewer,
            account_id=account_id,
            text=text,
            overwrite=overwrite,
            digest=digest,
            file_name="C:\\users.csv",
            now=START,
        )


def test_a_user_lives_and_the_log_tells_of_it(world: World) -> None:
    customer = world.customer()
    (key,) = register(world.msp_a, customer, "taro")
    with pytest.raises(service_users.ServiceUserNameTaken):
        register(world.msp_a, customer, "taro")
    assert register(world.msp_a, world.customer(), "taro")
    values = UserValues(full_name="山田", email=None, department="営業部")
    with transaction():
        service_users.update_user(
            viewer=world.msp_a, account_id=customer, user_id=key, version=1, values=values, now=START
        )
    with pytest.raises(service_users.ServiceUserChanged), transaction():
        service_users.update_user(
            viewer=world.msp_a, account_id=customer, user_id=key, version=1, values=values, now=START
        )
    assert users(customer)["taro"].search_text == "taro 山田 営業部"
    for is_disabled in (True, True, False):
        with transaction():
            service_users.change_state(
                viewer=world.msp_a,
                account_id=customer,
                user_ids=[key],
                is_disabled=is_disabled,
                now=START,
            )
        assert users(customer)["taro"].is_disabled is is_disabled
    with transaction():
        service_users.delete_user(viewer=world.msp_a, account_id=customer, user_id=key, now=START)
    assert users(customer) == {}
    assert events("service_user.updated")[0]["changes"] == {
        "full_name": ["名 taro", "山田"],
        "email": ["taro@example.jp", None],
        "department": [None, "営業部"],
    }
    assert [event["user_names"] for event in events("service_user.disabled")] == [["taro"]]
    assert len(events("service_user.enabled")) == 1
    assert events("service_user.deleted")[0]["user_name"] == "taro"


def test_the_cap_holds_from_both_sides(world: World) -> None:
    customer = world.customer(users=2)
    first, _second = register(world.msp_a, customer, "a", "b")
    with transaction():
        service_users.change_state(
            viewer=world.msp_a, account_id=customer, user_ids=[first], is_disabled=True, now=START
        )
    with pytest.raises(service_users.ServiceUserLimitReached) as full:
        register(world.msp_a, customer, "c")
    assert full.value.data == {"registered": 2, "contracted": 2, "wanted": 1}
    with pytest.raises(service_users.ServiceUserLimitReached):
        load(world.msp_a, customer, "c,名,,,\r\n")
    with pytest.raises(accounts.UserCountBelowRegistered) as below:
        change_contract(world.msp_a, customer, 1)
    assert below.value.data == {"registered": 2}
    change_contract(world.msp_a, customer, 3)
    register(world.msp_a, customer, "c")
    assert user_counts(customer).remaining == 0
    # One user fewer is room for another, and for a smaller contract.
    with transaction():
        service_users.delete_user(viewer=world.msp_a, account_id=customer, user_id=first, now=START)
    change_contract(world.msp_a, customer, 2)


def test_administrators_are_not_users(world: World) -> None:
    customer = world.customer(users=1)
    register(world.msp_a, customer, "only")
    with transaction():
        portal_administrators.register(
            viewer=world.msp_a,
            account_id=customer,
            user_name="their-admin",
            values=PersonValues("管理 花子", "their-admin@example.jp", AdminLevel.SYSTEM),
            password_hash=None,
            request_id=request_id(),
            brand=BRAND,
            now=START,
        )
    counts = user_counts(customer)
    assert (counts.registered, counts.contracted) == (1, 1)


def test_registering_and_lowering_the_contract_at_once_never_cross(app: Flask, world: World) -> None:
    for turn in range(3):
        customer = world.customer(users=2)
        register(world.msp_a, customer, "a")

        def registering(name: str, account_id: int = customer) -> Callable[[], Any]:
            return lambda: register(world.msp_a, account_id, name)

        def lowering(account_id: int = customer) -> None:
            change_contract(world.msp_a, account_id, 1)

        works = [registering("b"), lowering, registering("c"), lowering]
        answers = together(app, works if turn % 2 else works[::-1])
        counts = user_counts(customer)
        assert counts.registered <= counts.contracted
        assert set(answers) == {"", "ServiceUserLimitReached", "UserCountBelowRegistered"} or (
            counts.contracted == 1 and set(answers) == {"", "ServiceUserLimitReached"}
        )


def together(app: Flask, works: list[Callable[[], Any]]) -> list[str]:
    """Run each in a thread of its own; return "" or the name of the refusal."""
    db.session.remove()

    def run(work: Callable[[], Any]) -> str:
        with app.app_context():
            try:
                work()
            except DomainError as refusal:
                return type(refusal).__name__
            return ""

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def change_contract(viewer: Viewer, account_id: int, count: int) -> None:
    """Set 契約ユーザ数."""
    with transaction():
        accounts.change_contract_users(
            viewer=viewer, account_id=account_id, contract_user_count=count, now=START
        )


def test_who_may_change_users(world: World) -> None:
    customer = world.customer()
    with transaction():
        db.session.get_one(Account, customer).support_account_id = world.support.account_id
    (key,) = register(world.support, customer, "by-support")
    register(world.distributor, customer, "by-distributor")
    with pytest.raises(AccountNotVisible):
        register(world.msp_b, customer, "by-msp-b")
    with pytest.raises(PermissionRefused):
        register(world.operator, customer, "by-operator")
    other = world.customer()
    for wrong in ([key], [key, 999_999], [2**63 - 1]):
        with pytest.raises(service_users.ServiceUserNotVisible), transaction():
            service_users.change_state(
                viewer=world.msp_a, account_id=other, user_ids=wrong, is_disabled=True, now=START
            )
    with pytest.raises(service_users.ServiceUserNotVisible), transaction():
        service_users.delete_user(viewer=world.msp_a, account_id=other, user_id=key, now=START)
    with pytest.raises(service_users.NoUsersChosen):
        service_users.plan_state(account_id=customer, user_ids=[], is_disabled=True)
    found = preview(viewer=world.msp_a, account_id=customer, scheduled_on=None, now=START)
    with transaction():
        cancellations.cancel(
            viewer=world.msp_a,
            account_id=customer,
            consent=True,
            shown=(found.top_up_points, found.write_off_points),
            now=START,
        )
    with pytest.raises(PortalReadOnly):
        register(world.msp_a, customer, "after")
    with pytest.raises(PortalReadOnly):
        load(world.msp_a, customer, "after,名,,,\r\n")


def test_an_import_does_what_its_preview_shows(world: World) -> None:
    customer = world.customer(users=5)
    register(world.msp_a, customer, "taro", "jiro")
    rows = "TARO,山田 太郎,,営業部,無効\r\njiro,名 jiro,jiro@example.jp,,\r\nsabu,三郎,,,有効\r\n'-shiro,'=1+1,,,\r\n"
    plan = plan_import(account_id=customer, text=HEADER + rows, overwrite=True)
    assert [row.outcome.value for row in plan.rows] == ["overwrite", "unchanged", "new", "new"]
    assert plan.rows[0].changes == {
        "full_name": ["名 taro", "山田 太郎"],
        "email": ["taro@example.jp", None],
        "department": [None, "営業部"],
        "is_disabled": [False, True],
    }
    assert (plan.counts.registered, plan.registered_after, plan.is_possible) == (2, 4, True)
    # Whoever is in the account already stays as it is when that is wished.
    kept = plan_import(account_id=customer, text=HEADER + rows, overwrite=False)
    assert kept.totals[ImportOutcome.SKIPPED] == 2
    assert kept.digest != plan.digest
    with pytest.raises(ImportPlanChanged):
        load(world.msp_a, customer, rows, overwrite=True, digest=kept.digest)
    load(world.msp_a, customer, rows, overwrite=True)
    found = users(customer)
    assert sorted(found) == ["-shiro", "jiro", "sabu", "taro"]
    assert (found["taro"].is_disabled, found["taro"].version, found["jiro"].version) == (True, 2, 1)
    assert found["taro"].search_text == "taro 山田 太郎 営業部"
    assert (found["-shiro"].full_name, found["-shiro"].search_text) == ("=1+1", "-shiro =1+1")
    (event,) = events("service_user.imported")
    assert (event["file_name"], event["user_names"]) == ("users.csv", ["sabu", "-shiro"])
    assert (event["registered_count"], event["updated_count"], event["skipped_count"]) == (2, 1, 1)
    assert event["changes"]["taro: is_disabled"] == [False, True]
    # Sent again, there is nothing left to do.
    with pytest.raises(ImportPlanChanged):
        load(world.msp_a, customer, rows, overwrite=True, digest=plan.digest)
    with pytest.raises(NothingToImport):
        load(world.msp_a, customer, rows, overwrite=True)


def test_one_wrong_row_refuses_the_file(world: World) -> None:
    customer = world.customer(users=5)
    rows = "ok,名,,,\r\nOK,名,,,\r\n山田,,a;b,,?\r\n短い\r\n"
    plan = plan_import(account_id=customer, text=HEADER + rows, overwrite=False)
    assert [(row.line, [column for column, _error in row.errors]) for row in plan.rows] == [
        (2, []),
        (3, ["user_name"]),
        (4, ["user_name", "full_name", "email", "state"]),
        (5, [""]),
    ]
    assert plan.rows[1].errors[0][1].data == {"line": 2}
    with pytest.raises(ImportHasErrors):
        load(world.msp_a, customer, rows)
    assert users(customer) == {}


def test_a_large_import_and_a_large_choice_are_few_events(world: World) -> None:
    customer = world.customer(users=2_000)
    load(world.msp_a, customer, "".join(f"user{number},名,,,\r\n" for number in range(250)))
    found = events("service_user.imported")
    assert [len(event["user_names"]) for event in found] == [100, 100, 50]
    assert {event["registered_count"] for event in found} == {250}
    ids = [user.id for user in users(customer).values()]
    with transaction():
        service_users.change_state(
            viewer=world.msp_a, account_id=customer, user_ids=ids, is_disabled=True, now=START
        )
    assert [event["user_count"] for event in events("service_user.disabled")] == [100, 100, 50]
    assert all(user.is_disabled and user.version == 2 for user in users(customer).values())
