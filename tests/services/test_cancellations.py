"""解約: settled to exactly zero, only with consent, never before its date."""

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import select

from domain.lifecycle import AccountStatus
from domain.permissions import Viewer
from domain.points import LARGEST_LINE_POINTS
from models import Cancellation, db
from services import accounts, cancellations
from services.access import AccountNotVisible, PermissionRefused
from services.cancellation_previews import CancellationDateInvalid, CancellationPreview, preview
from services.cancellations import CancellationChanged, ConsentMissing, NoCancellationScheduled
from services.ledger import AccountNotRunning, CancellationUnderWay
from services.transaction import transaction
from tests.builders import START, World, account, balance, lines, tick, tokyo


def shown(found: CancellationPreview) -> tuple[int, int]:
    return found.top_up_points, found.write_off_points


def cancel(world: World, account_id: int, *, now: dt.datetime = START, consent: bool = True) -> None:
    found = preview(viewer=world.msp_a, account_id=account_id, scheduled_on=None, now=now)
    with transaction():
        cancellations.cancel(
            viewer=world.msp_a, account_id=account_id, consent=consent, shown=shown(found), now=now
        )


def schedule(world: World, account_id: int, day: dt.date, *, viewer: Viewer | None = None) -> None:
    who = viewer or world.msp_a
    found = preview(viewer=who, account_id=account_id, scheduled_on=day, now=START)
    with transaction():
        cancellations.schedule(
            viewer=who, account_id=account_id, scheduled_on=day, consent=True, shown=shown(found), now=START
        )


def test_a_remainder_is_consumed(world: World) -> None:
    customer = world.customer(points_held=120)
    cancel(world, customer)
    assert lines(customer)[-1] == ("cancellation_write_off", -120, 0)
    assert account(customer).status is AccountStatus.CANCELED
    assert balance(world.msp_a.account_id) == 9_880


def test_a_shortfall_is_topped_up_even_by_a_payer_without_points(world: World) -> None:
    customer = world.customer()
    world.take_back(customer, 50)
    world.take_back(world.msp_a.account_id, 10_000)
    cancel(world, customer)
    assert lines(customer)[-1] == ("cancellation_top_up", 50, 0)
    assert balance(world.msp_a.account_id) == -50


def test_a_zero_balance_needs_no_line(world: World) -> None:
    customer = world.customer()
    cancel(world, customer)
    assert lines(customer) == []
    assert account(customer).status is AccountStatus.CANCELED


def test_without_consent_nothing_happens(world: World) -> None:
    customer = world.customer(points_held=5)
    with pytest.raises(ConsentMissing):
        cancel(world, customer, consent=False)
    assert account(customer).status is AccountStatus.ACTIVE


def test_amounts_that_moved_since_they_were_shown_are_asked_again(world: World) -> None:
    customer = world.customer(points_held=5)
    with pytest.raises(CancellationChanged) as refusal, transaction():
        cancellations.cancel(viewer=world.msp_a, account_id=customer, consent=True, shown=(0, 4), now=START)
    assert shown(refusal.value.data["preview"]) == (0, 5)
    assert balance(customer) == 5


def test_a_fee_already_due_comes_first(world: World) -> None:
    customer = world.customer(points_held=4)
    after_cut = tokyo("2026-11-25T00:00:01")
    found = preview(viewer=world.msp_a, account_id=customer, scheduled_on=None, now=after_cut)
    assert (found.fee_points, found.top_up_points) == (10, 6)
    cancel(world, customer, now=after_cut)
    assert [line[0] for line in lines(customer)[1:]] == ["monthly_fee", "cancellation_top_up"]
    report = tick(after_cut)
    assert report.charged_accounts == 3  # MSP A, MSP B and support; the customer was charged already


def test_a_fee_that_was_posted_since_the_clock_was_read_lies_before_the_end(world: World) -> None:
    customer = world.customer(points_held=100)
    pressed = tokyo("2026-11-25T00:01:00")
    posted = pressed + dt.timedelta(milliseconds=200)
    shown_before = shown(preview(viewer=world.msp_a, account_id=customer, scheduled_on=None, now=pressed))
    tick(posted)
    with transaction():
        cancellations.cancel(
            viewer=world.msp_a, account_id=customer, consent=True, shown=shown_before, now=pressed
        )
    assert lines(customer)[-2:] == [("monthly_fee", -10, 90), ("cancellation_write_off", -90, 0)]
    assert account(customer).canceled_at == posted


def test_a_canceled_account_offers_nothing_any_more(world: World) -> None:
    customer = world.customer()
    cancel(world, customer)
    with pytest.raises(AccountNotRunning):
        cancel(world, customer)
    with pytest.raises(AccountNotRunning), transaction():
        accounts.change_contract_users(
            viewer=world.msp_a, account_id=customer, contract_user_count=5, now=START
        )


@pytest.mark.parametrize("days", [-1, 0, 3653 + 366])
def test_a_date_that_is_not_ahead_or_too_far_is_refused(world: World, days: int) -> None:
    customer = world.customer()
    day = dt.date(2026, 11, 20) + dt.timedelta(days=days)
    with pytest.raises(CancellationDateInvalid):
        preview(viewer=world.msp_a, account_id=customer, scheduled_on=day, now=START)
    shown_before = preview(
        viewer=world.msp_a, account_id=customer, scheduled_on=dt.date(2026, 12, 1), now=START
    )
    with pytest.raises(CancellationDateInvalid), transaction():
        cancellations.schedule(
            viewer=world.msp_a,
            account_id=customer,
            scheduled_on=day,
            consent=True,
            shown=shown(shown_before),
            now=START,
        )


def test_the_preview_of_a_date_counts_the_fees_before_it(world: World) -> None:
    customer = world.customer(users=20, points_held=100)
    amounts = {
        day: preview(
            viewer=world.msp_a, account_id=customer, scheduled_on=dt.date.fromisoformat(day), now=START
        )
        for day in ("2026-11-25", "2026-11-26", "2026-12-25", "2026-12-26", "2027-05-01")
    }
    assert [found.fee_points for found in amounts.values()] == [0, 20, 20, 40, 120]
    assert shown(amounts["2026-11-25"]) == (0, 100)
    assert shown(amounts["2027-05-01"]) == (20, 0)
    assert amounts["2026-11-25"].falls_on_billing_day


def test_a_date_can_be_changed_and_lifted_until_it_comes(world: World) -> None:
    customer = world.customer()
    schedule(world, customer, dt.date(2026, 12, 1))
    schedule(world, customer, dt.date(2026, 12, 2))
    assert account(customer).cancellation_date == dt.date(2026, 12, 2)
    with transaction():
        assert cancellations.lift(
            viewer=world.msp_a, account_id=customer, now=tokyo("2026-12-01T23:59:59")
        ) == dt.date(2026, 12, 2)
    assert account(customer).cancellation_date is None
    assert tick(tokyo("2026-12-03T00:00:00")).canceled == 0
    with pytest.raises(NoCancellationScheduled), transaction():
        cancellations.lift(viewer=world.msp_a, account_id=customer, now=START)


def test_from_its_first_instant_a_date_is_binding(world: World) -> None:
    customer = world.customer(points_held=5)
    schedule(world, customer, dt.date(2026, 12, 1))
    cut = tokyo("2026-12-01T00:00:00")
    with pytest.raises(CancellationUnderWay), transaction():
        cancellations.lift(viewer=world.msp_a, account_id=customer, now=cut)
    with pytest.raises(CancellationUnderWay), transaction():
        accounts.change_contract_users(
            viewer=world.msp_a, account_id=customer, contract_user_count=5, now=cut
        )
    assert tick(cut - dt.timedelta(microseconds=1)).canceled == 0
    assert tick(cut).canceled == 1
    assert tick(cut).canceled == 0
    assert account(customer).status is AccountStatus.CANCELED


def test_the_consent_is_kept_with_who_when_and_what_was_shown(world: World) -> None:
    customer = world.customer(points_held=7)
    cancel(world, customer)
    kept = db.session.execute(select(Cancellation).where(Cancellation.account_id == customer)).scalar_one()
    assert kept.consent_text == cancellations.CONSENT_TEXT
    assert (kept.shown_top_up_points, kept.shown_write_off_points) == (0, 7)
    assert kept.administrator_id == world.msp_a.administrator_id
    assert kept.consented_at == kept.executed_at == START


def test_the_consent_sentence_ends_as_the_guide_has_it() -> None:
    expected = (Path(__file__).parent.parent / "golden" / "consent.txt").read_text(encoding="utf-8").strip()
    assert expected == cancellations.CONSENT_TEXT


def test_only_one_s_own_customers_and_never_by_support(world: World) -> None:
    foreign = world.customer(parent=world.msp_b)
    with pytest.raises(AccountNotVisible):
        schedule(world, foreign, dt.date(2026, 12, 1))
    assigned = world.customer(support_account_id=world.support.account_id)
    with pytest.raises(PermissionRefused):
        schedule(world, assigned, dt.date(2026, 12, 1), viewer=world.support)


def issue(world: World, points: int) -> None:
    """Issue points and hand them to MSP A."""
    world.add(world.distributor.account_id, points, viewer=world.operator)
    world.add(world.msp_a.account_id, points)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_balance_larger_than_a_line_is_settled_in_several(world: World, sign: int) -> None:
    customer = world.customer()
    for _line in range(2):
        if sign > 0:
            issue(world, LARGEST_LINE_POINTS)
            world.add(customer, LARGEST_LINE_POINTS)
        else:
            world.take_back(customer, LARGEST_LINE_POINTS)
    amount = 2 * LARGEST_LINE_POINTS
    cancel(world, customer)
    assert (account(customer).status, balance(customer)) == (AccountStatus.CANCELED, 0)
    assert sum(points for kind, points, _after in lines(customer) if "cancellation" in kind) == -sign * amount
