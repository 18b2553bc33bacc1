"""The page of an account: what it was at the end of a day, whose mails are named, what lies ahead."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from domain.lifecycle import AccountStatus, SuspensionReason
from domain.permissions import AccountType
from domain.portal_menus import HIDEABLE_KEYS
from models import OutgoingMail, db
from models.mails import MailKind, MailState
from services import (
    account_history,
    accounts,
    applications,
    cancellation_previews,
    cancellations,
    provisioning,
    suspensions,
)
from services.access import CUSTOMERS, AccountNotVisible
from services.account_as_of import DayOutOfRange, check_day, state_at
from services.account_history import AccountHistory
from services.transaction import transaction
from tests.builders import BRAND, PROFILE, World, account, tokyo
from tests.support.databases import START

SUSPEND_AFTER_DAYS = 30


def update(world: World, customer: int, at: str, **changes: Any) -> None:
    found = account(customer)
    hidden = changes.pop("hidden", list(found.hidden_menu_keys))
    with transaction():
        accounts.update_account(
            viewer=world.msp_a,
            account_id=customer,
            version=account(customer).version,
            profile={key: value for key, value in changes.items() if key != "support_account_id"},
            support_account_id=changes.get("support_account_id", found.support_account_id),
            visible_menu_keys=[key for key in HIDEABLE_KEYS if key not in hidden],
            now=tokyo(at),
        )


def history(world: World, customer: int, day: dt.date | None, at: str) -> AccountHistory:
    found = account_history.find_account(viewer=world.msp_a, account_id=customer, account_types=CUSTOMERS)
    return account_history.find_history(
        viewer=world.msp_a,
        account=found,
        day=day,
        now=tokyo(at),
        suspend_after_days=SUSPEND_AFTER_DAYS,
    )


def test_every_day_is_as_it_was(world: World) -> None:
    customer = world.customer(users=30)
    world.add(customer, 100, now=tokyo("2026-11-20T10:00:00"))
    update(
        world,
        customer,
        "2026-11-21T10:00:00",
        company_name="二番目",
        city="港区",
        hidden=["log.radius", "apps"],
    )
    with transaction():
        accounts.change_contract_users(
            viewer=world.msp_a,
            account_id=customer,
            contract_user_count=50,
            now=tokyo("2026-11-22T23:59:59"),
        )
    update(
        world,
        customer,
        "2026-11-23T00:00:00",
        company_name="三番目",
        support_account_id=world.support.account_id,
    )
    world.take_back(customer, 130, now=tokyo("2026-11-23T12:00:00"))
    with transaction():
        accounts.change_contract_date(
            viewer=world.msp_a,
            account_id=customer,
            contract_date=dt.date(2026, 4, 1),
            now=tokyo("2026-11-24T12:00:00"),
        )

    def shown(day: int) -> tuple[Any, ...]:
        state = state_at(account=account(customer), day=dt.date(2026, 11, day))
        return (
            state.company_name,
            state.city,
            state.contract_user_count,
            state.point_balance,
            state.support_account_id,
            state.contract_date,
        )

    begun = dt.date(2026, 11, 19)
    assert shown(19) == (PROFILE["company_name"], "千代田区", 30, 0, None, begun)
    assert shown(20) == (PROFILE["company_name"], "千代田区", 30, 100, None, begun)
    assert shown(21) == ("二番目", "港区", 30, 100, None, begun)
    assert shown(22) == ("二番目", "港区", 50, 100, None, begun)
    assert shown(23) == ("三番目", "港区", 50, -30, world.support.account_id, begun)
    assert shown(24) == ("三番目", "港区", 50, -30, world.support.account_id, dt.date(2026, 4, 1))
    assert state_at(account=account(customer), day=dt.date(2026, 11, 20)).hidden_menu_keys == []
    for day in (21, 24):
        hidden = state_at(account=account(customer), day=dt.date(2026, 11, day)).hidden_menu_keys
        assert hidden == ["log.radius", "apps"]
    past = history(world, customer, dt.date(2026, 11, 21), "2026-11-24T13:00:00")
    assert (past.point_balance, past.lines.total, len(past.users), past.ahead) == (100, 1, 1, None)
    assert past.events.total < history(world, customer, None, "2026-11-24T13:00:00").events.total


def test_the_whole_life_of_an_account(world: World) -> None:
    with transaction():
        customer = applications.register(
            viewer=world.msp_a,
            profile=PROFILE,
            contract_user_count=10,
            parent_id=None,
            now=tokyo("2026-11-20T10:00:00"),
        ).id
    with transaction():
        applications.reject(
            viewer=world.operator,
            account_id=customer,
            rejection_reason="住所",
            brand=BRAND,
            now=tokyo("2026-11-21T10:00:00"),
        )
    with transaction():
        applications.change_application(
            viewer=world.msp_a,
            account_id=customer,
            version=account(customer).version,
            profile={"city": "港区"},
            contract_user_count=20,
            now=tokyo("2026-11-22T10:00:00"),
        )
    with transaction():
        applications.approve(
            viewer=world.operator, account_id=customer, brand=BRAND, now=tokyo("2026-11-23T10:00:00")
        )
    with transaction():
        applications.request_provisioning(
            viewer=world.operator, account_id=customer, now=tokyo("2026-11-24T10:00:00")
        )
    provisioning.provision_requested(now=tokyo("2026-11-24T10:01:00"))
    world.add(customer, 5, now=tokyo("2026-11-24T11:00:00"))
    world.take_back(customer, 6, now=tokyo("2026-11-24T12:00:00"))
    late = tokyo("2026-12-26T00:00:00")
    with transaction():
        assert suspensions.suspend_for_shortage(
            account_id=customer, now=late, suspend_after_days=SUSPEND_AFTER_DAYS
        )
    world.add(customer, 100, now=tokyo("2026-12-27T00:00:00"))
    with transaction():
        assert suspensions.resume_if_covered(account_id=customer, now=tokyo("2026-12-28T00:00:00"))
    leaving = dt.date(2027, 1, 10)
    settled = cancellation_previews.preview(
        viewer=world.msp_a, account_id=customer, scheduled_on=leaving, now=tokyo("2026-12-29T00:00:00")
    )
    with transaction():
        cancellations.schedule(
            viewer=world.msp_a,
            account_id=customer,
            scheduled_on=leaving,
            consent=True,
            shown=(settled.top_up_points, settled.write_off_points),
            now=tokyo("2026-12-29T00:00:00"),
        )

    def status(year: int, month: int, day: int) -> AccountStatus:
        return state_at(account=account(customer), day=dt.date(year, month, day)).status

    life = [status(2026, 11, day) for day in (20, 21, 22, 23, 24)]
    assert life == [
        AccountStatus.PENDING_APPROVAL,
        AccountStatus.REJECTED,
        AccountStatus.PENDING_APPROVAL,
        AccountStatus.APPROVED,
        AccountStatus.ACTIVE,
    ]
    first = state_at(account=account(customer), day=dt.date(2026, 11, 20))
    assert (first.account_number, first.contract_user_count, first.city) == (None, 10, "千代田区")
    assert (first.contract_date, first.point_balance, first.cancellation_date) == (None, None, None)
    suspended = state_at(account=account(customer), day=dt.date(2026, 12, 26))
    assert (suspended.status, suspended.suspension_reason) == (
        AccountStatus.SUSPENDED,
        SuspensionReason.SHORTAGE,
    )
    assert status(2026, 12, 27) is AccountStatus.SUSPENDED
    assert status(2026, 12, 28) is AccountStatus.ACTIVE
    assert state_at(account=account(customer), day=dt.date(2026, 12, 28)).cancellation_date is None
    assert state_at(account=account(customer), day=dt.date(2026, 12, 29)).cancellation_date == leaving
    ahead = history(world, customer, None, "2026-12-30T00:00:00").ahead
    assert ahead is not None
    assert ahead.settlement is not None
    assert (ahead.cancellation_date, ahead.settlement.write_off_points) == (
        leaving,
        settled.write_off_points,
    )


def test_a_day_of_which_nothing_can_be_said(world: World) -> None:
    customer = account(world.customer(now=START))
    for day in (dt.date(2026, 11, 19), dt.date(2026, 11, 22)):
        with pytest.raises(DayOutOfRange):
            check_day(account=customer, day=day, now=tokyo("2026-11-21T23:59:59"))
    check_day(account=customer, day=dt.date(2026, 11, 21), now=tokyo("2026-11-21T00:00:00"))


def test_shortage_counts_down_and_the_fee_is_ahead(world: World) -> None:
    customer = world.customer(users=15)
    world.take_back(customer, 3, now=START)
    ahead = history(world, customer, None, "2026-11-21T00:00:00").ahead
    assert ahead is not None
    assert ahead.suspension_on == dt.date(2026, 12, 20)
    assert ahead.fee is not None
    assert (ahead.fee.billing_date, ahead.fee.fee_points) == (dt.date(2026, 11, 25), 15)
    assert ahead.estimated_balance == -18
    assert (ahead.cancellation_date, ahead.settlement) == (None, None)


def test_mails_have_their_state_and_do_not_name_people_above(world: World) -> None:
    customer = world.customer()
    people = (
        (MailKind.DELIVERY_NOTICE, "taro@customer.example.jp", MailState.BOUNCED),
        (MailKind.APPROVAL, "distributor@example.jp", MailState.WAITING),
        (MailKind.APPROVAL, "msp-a@example.jp", MailState.KEPT),
    )
    with transaction():
        for number, (kind, address, state) in enumerate(people):
            db.session.add(
                OutgoingMail(
                    kind=kind,
                    account_id=customer,
                    recipient_name="氏名",
                    recipient_email=address,
                    subject="件名",
                    body_text="本文",
                    message_id=f"<{number}@example.jp>",
                    event_key=f"key:{number}",
                    state=state,
                    last_error="550 unknown" if state is MailState.BOUNCED else None,
                    next_attempt_at=START,
                    created_at=START,
                )
            )
    found = history(world, customer, None, "2026-11-21T00:00:00")
    assert [(mail.kind, mail.is_recipient_shown) for mail in found.mails] == [
        (MailKind.APPROVAL, True),
        (MailKind.APPROVAL, False),
        (MailKind.DELIVERY_NOTICE, True),
    ]
    assert found.mail_count == 3
    assert found.bounced == {"taro@customer.example.jp"}
    assert history(world, customer, dt.date(2026, 11, 19), "2026-11-21T00:00:00").mail_count == 0


def test_whose_page_it_is(world: World) -> None:
    foreign, own = world.customer(parent=world.msp_b), world.customer()
    for account_id, types in (
        (foreign, CUSTOMERS),
        (world.msp_b.account_id, CUSTOMERS),
        (own, frozenset({AccountType.MSP})),
    ):
        with pytest.raises(AccountNotVisible):
            account_history.find_account(viewer=world.msp_a, account_id=account_id, account_types=types)
