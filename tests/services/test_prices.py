"""料金: added for days ahead, never changed, with the effect on a run shown and bound."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from domain.permissions import AccountType
from models import AuditEvent, db
from services import price_changes, price_list
from services.access import PermissionRefused
from services.beginning import PriceOutOfRange
from services.lists import ListArguments, fetch_page
from services.price_changes import (
    PriceDateInvalid,
    PriceDateTaken,
    PriceDraft,
    PriceEffect,
    PriceEffectChanged,
    PriceTypeUnknown,
)
from services.transaction import transaction
from tests.builders import START, World, lines, tick, tokyo


def draft(day: str = "2026-11-25", kind: AccountType = AccountType.CUSTOMER, **more: int) -> PriceDraft:
    numbers = {"base_points": 12, "included_user_count": 10, "points_per_additional_user": 2} | more
    return PriceDraft(account_type=kind, valid_on=dt.date.fromisoformat(day), **numbers)


def effect(world: World, wanted: PriceDraft, **more: Any) -> PriceEffect:
    arguments: dict[str, Any] = {"viewer": world.operator, "now": START} | more
    return price_changes.preview_price(draft=wanted, **arguments)


def add(world: World, wanted: PriceDraft, *, digest: str = "", now: dt.datetime = START) -> PriceEffect:
    digest = digest or effect(world, wanted, now=now).digest
    with transaction():
        return price_changes.add_price(viewer=world.operator, draft=wanted, digest=digest, now=now)


def test_the_effect_is_what_the_run_then_charges(world: World) -> None:
    customers = [world.customer(users=users) for users in (5, 10, 30, 100)]
    found = effect(world, draft())
    assert (found.billing_date, found.is_next_run, found.account_count) == (dt.date(2026, 11, 25), True, 4)
    assert (found.old_total_points, found.new_total_points) == (10 + 10 + 30 + 100, 12 + 12 + 52 + 192)
    assert [(row.contract_user_count, row.old_fee_points, row.new_fee_points) for row in found.largest] == [
        (100, 100, 192),
        (30, 30, 52),
        (5, 10, 12),
        (10, 10, 12),
    ]
    add(world, draft())
    tick(tokyo("2026-11-25T00:00:05"))
    assert [lines(customer)[-1][1] for customer in customers] == [-12, -12, -52, -192]
    event = db.session.execute(select(AuditEvent).where(AuditEvent.action == "price.added")).scalar_one()
    assert event.details["valid_from"] == "2026-11-24T15:00:00+00:00"
    assert (event.account_id, event.details["base_points"]) == (world.operator.account_id, 12)


def test_a_price_of_later_shows_the_first_run_that_it_holds_for(world: World) -> None:
    world.customer()
    later = effect(world, draft("2026-11-26"))
    assert (later.billing_date, later.is_next_run) == (dt.date(2026, 12, 25), False)
    assert effect(world, draft("2026-11-26", AccountType.MSP)).account_count == 2
    add(world, draft("2026-12-10", base_points=50))
    # A version that is known already goes on to hold for that 25th.
    between = effect(world, draft("2026-12-01", base_points=1))
    assert (between.old_total_points, between.new_total_points, between.largest) == (50, 50, ())


@pytest.mark.parametrize("day", ["2026-11-20", "2026-11-19", "2026-10-25", "2000-01-01"])
def test_a_day_that_is_not_ahead_is_refused(world: World, day: str) -> None:
    with pytest.raises(PriceDateInvalid) as refusal:
        effect(world, draft(day))
    assert refusal.value.data["earliest"] == dt.date(2026, 11, 21)


def test_a_cut_that_is_reached_takes_no_price_however_the_clock_was_read(world: World) -> None:
    world.customer()
    just_before = tokyo("2026-11-24T23:59:59")
    shown = effect(world, draft(), now=just_before).digest
    tick(tokyo("2026-11-25T00:00:01"))
    with pytest.raises(PriceDateInvalid):
        add(world, draft(), digest=shown, now=just_before)
    with pytest.raises(PriceDateInvalid):
        effect(world, draft(), now=just_before)


def test_what_was_shown_is_bound(world: World) -> None:
    shown = effect(world, draft()).digest
    world.customer()
    with pytest.raises(PriceEffectChanged):
        add(world, draft(), digest=shown)
    with pytest.raises(PriceEffectChanged):
        add(world, draft(base_points=13), digest=effect(world, draft()).digest)
    add(world, draft())
    with pytest.raises(PriceDateTaken):
        effect(world, draft(base_points=99))
    assert effect(world, draft(kind=AccountType.SUPPORT)).account_count == 1


def test_who_and_how_much(world: World) -> None:
    for viewer in (world.distributor, world.msp_a, world.support):
        with pytest.raises(PermissionRefused):
            effect(world, draft(), viewer=viewer)
        with pytest.raises(PermissionRefused):
            price_list.prices_source(viewer=viewer, now=START)
    for kind in (AccountType.PRIVILEGED_MSP, AccountType.OPERATOR):
        with pytest.raises(PriceTypeUnknown):
            effect(world, draft(kind=kind))
    with pytest.raises(PriceOutOfRange):
        effect(world, draft(points_per_additional_user=1_001))


def test_the_list_tells_what_holds_and_what_will(world: World) -> None:
    add(world, draft("2026-12-01"))
    for now, states in (
        (START, ["coming", "in_force", "in_force", "in_force"]),
        (tokyo("2026-12-01T00:00:00"), ["in_force", "in_force", "in_force", "past"]),
    ):
        page = fetch_page(price_list.prices_source(viewer=world.operator, now=now), ListArguments())
        assert sorted(row.state for row in page.rows) == states
        newest = page.rows[0]
        assert (newest.account_type, newest.base_points, newest.author) == ("customer", 12, "operator")
