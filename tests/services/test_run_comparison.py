"""A saved rehearsal against its run: every difference with its reason, and sums that tie to the ledger."""

import datetime as dt
from typing import Any

import pytest
from flask_babel import force_locale

from domain.permissions import AccountType, Viewer
from domain.points import LARGEST_BALANCE_POINTS, PointKind
from models import PriceVersionRow, db
from services import (
    accounts,
    billing_runs,
    cancellations,
    ledger,
    moves,
    rehearsals,
    run_comparison,
    run_work,
    saved_rehearsals,
)
from services.cancellation_previews import preview
from services.lists import ListArguments, fetch_page
from services.run_comparison import RunNotListed
from services.run_comparison_facts import Result
from services.run_comparison_list import comparison_source
from services.run_comparison_reasons import ReasonTexts
from services.run_comparison_totals import ComparisonTotals, Side, comparison_totals
from services.saved_rehearsals import RehearsalNotVisible
from services.transaction import transaction
from tests.builders import BEGAN, World, balance, request_id, tick, tokyo

NOVEMBER = dt.date(2026, 11, 25)
CUT = tokyo("2026-11-25T00:00:00")
REHEARSED = tokyo("2026-11-20T12:00:00")
LATER = tokyo("2026-11-22T10:00:00")


def save(viewer: Viewer, *, now: dt.datetime = REHEARSED, billing_date: dt.date = NOVEMBER) -> int:
    with transaction():
        return saved_rehearsals.save(viewer=viewer, billing_date=billing_date, account_ids=None, now=now).id


def compared(
    viewer: Viewer, now: dt.datetime, rehearsal_id: int | None = None, billing_date: dt.date = NOVEMBER
) -> tuple[dict[int, Any], dict[int, list[str]], ComparisonTotals]:
    """Return the rows that differ and their reasons, by account id, and the sums."""
    found = run_comparison.find_comparison(
        viewer=viewer, billing_date=billing_date, rehearsal_id=rehearsal_id, now=now
    )
    assert found is not None
    page = fetch_page(comparison_source(found, show_same=False), ListArguments(page_size=100))
    texts = ReasonTexts(found)
    rows = {row.id: row for row in page.rows}
    with force_locale("ja"):
        reasons = {account_id: texts.lines(row) for account_id, row in rows.items()}
    return rows, reasons, comparison_totals(found, viewer=viewer)


def cancel(viewer: Viewer, account_id: int, *, on: dt.date | None, now: dt.datetime) -> None:
    shown = preview(viewer=viewer, account_id=account_id, scheduled_on=on, now=now)
    amounts: dict[str, Any] = {
        "viewer": viewer,
        "account_id": account_id,
        "consent": True,
        "shown": (shown.top_up_points, shown.write_off_points),
        "now": now,
    }
    with transaction():
        if on is None:
            cancellations.cancel(**amounts)
        else:
            cancellations.schedule(**amounts, scheduled_on=on)


def change_users(world: World, account_id: int, users: int, now: dt.datetime) -> None:
    with transaction():
        accounts.change_contract_users(
            viewer=world.msp_a, account_id=account_id, contract_user_count=users, now=now
        )


def add_price(account_type: AccountType, base: int, extra: int = 1) -> None:
    with transaction():
        db.session.add(
            PriceVersionRow(
                account_type=account_type,
                valid_from=CUT,
                base_points=base,
                included_user_count=10,
                points_per_additional_user=extra,
                created_at=LATER,
            )
        )


def move(world: World, account_id: int, target: Viewer, now: dt.datetime) -> None:
    shown = moves.plan_move(
        viewer=world.distributor, account_ids=[account_id], target_id=target.account_id, now=now
    )
    with transaction():
        moves.move(
            viewer=world.distributor,
            account_ids=[account_id],
            target_id=target.account_id,
            digest=shown.digest,
            request_id=request_id(),
            now=now,
        )


def bring_to_lowest(world: World, account_id: int) -> None:
    """Take so many points away that no fee of 100,000 fits any more."""
    with transaction():
        drafts = [
            ledger.LineDraft(account_id, PointKind.RETURN, -points)
            for points in ledger.in_lines(balance(account_id) + LARGEST_BALANCE_POINTS - 5)
        ]
        ledger.post(drafts=drafts, viewer=world.msp_a, now=BEGAN)


def test_every_difference_of_a_mixed_month_has_its_reason(world: World) -> None:
    users, gone, leaving, lifted, postponed, paid, same, moved = (
        world.customer(users=20, points_held=100) for _position in range(8)
    )
    for account_id in (lifted, postponed):
        cancel(world.msp_a, account_id, on=NOVEMBER, now=BEGAN)
    odd = world.customer(users=100_000)
    bring_to_lowest(world, odd)
    rehearsal_id = save(world.operator)
    change_users(world, users, 30, LATER)
    change_users(world, users, 50, LATER + dt.timedelta(hours=1))
    change_users(world, paid, 99, CUT + dt.timedelta(hours=1))
    cancel(world.msp_a, gone, on=None, now=LATER)
    cancel(world.msp_a, leaving, on=NOVEMBER, now=LATER)
    with transaction():
        cancellations.lift(viewer=world.msp_a, account_id=lifted, now=LATER)
    cancel(world.msp_a, postponed, on=dt.date(2026, 12, 1), now=LATER)
    world.add(paid, 33, now=LATER)
    world.add(users, 7, now=LATER)
    newcomer = world.customer(now=LATER)
    move(world, moved, world.msp_b, LATER)
    add_price(AccountType.SUPPORT, 12)
    tick(CUT + dt.timedelta(hours=2))

    rows, reasons, totals = compared(world.operator, CUT + dt.timedelta(hours=3))
    assert reasons[users] == [
        "契約ユーザ数の変更（20 → 50、2026/11/22 11:00）",
        "ポイントの増減（+7）",
    ]
    assert (rows[users].real_fee_points, rows[users].real_balance_after) == (50, 57)
    assert reasons[gone] == ["解約（2026/11/22 10:00）"]
    assert reasons[leaving] == ["解約予定日（2026/11/25）の設定による解約"]
    assert reasons[lifted] == ["解約予定日（2026/11/25）の解除"]
    assert reasons[postponed] == ["解約予定日の変更（2026/11/25 → 2026/12/01）"]
    assert reasons[paid] == ["ポイントの増減（+33）"]
    assert reasons[newcomer] == ["新規利用開始（2026/11/22 10:00）"]
    assert reasons[odd] == ["保留: 残ポイントが、扱える範囲を下回ります"]
    assert reasons[world.support.account_id] == [
        "料金の変更（2026/11/18から 基本10（10ユーザ込み）＋超過1 → 2026/11/25から 基本12（10ユーザ込み）＋超過1）"
    ]
    # What the MSP paid out and got back in between.
    assert reasons[world.msp_a.account_id] == ["ポイントの増減（−40）"]
    assert same not in rows
    assert moved not in rows
    assert {row.result for row in rows.values()} == set(Result) - {Result.SAME, Result.DUE}
    assert totals.unknown_count == 0
    assert totals.is_tied
    assert totals.rehearsed == totals.saved
    assert (totals.same_count, totals.different_count) == (3, len(rows))
    assert totals.hidden == Side(0, 0)
    assert totals.items.fee_points == 50 + 20 + 20 + 20 + 20 + 20 + 10 + 12 + 10 + 10
    assert sum(found.difference for found in totals.by_result) == (
        totals.real.fee_points - totals.rehearsed.fee_points
    )
    # The MSP that lost a customer sees neither its row nor its points; the one that got it has saved nothing.
    assert rehearsal_id not in {None}
    with pytest.raises(RehearsalNotVisible):
        compared(world.msp_b, CUT + dt.timedelta(hours=3), rehearsal_id)


def test_each_sees_its_own_accounts_and_what_left_is_counted(world: World) -> None:
    kept, moved = world.customer(users=20), world.customer(users=30)
    others = world.customer(parent=world.msp_b)
    of_a, of_b = save(world.msp_a), save(world.msp_b)
    move(world, moved, world.msp_b, LATER)
    tick(CUT)
    now = CUT + dt.timedelta(hours=1)
    rows, _reasons, totals = compared(world.msp_a, now)
    assert rows == {}
    assert (totals.saved, totals.hidden, totals.real) == (Side(3, 60), Side(1, 30), Side(2, 30))
    assert totals.is_tied
    rows, reasons, totals = compared(world.msp_b, now)
    assert reasons == {moved: ["MSPの変更（2026/11/22 10:00）"]}
    assert (totals.saved, totals.real, totals.unknown_count) == (Side(2, 20), Side(3, 50), 0)
    assert totals.is_tied
    # From above both can be opened; a rehearsal of one MSP stays one of that MSP.
    _rows, reasons, totals = compared(world.distributor, now, of_b)
    assert reasons == {moved: ["MSPの変更（2026/11/22 10:00）"]}
    _rows, _reasons, totals = compared(world.distributor, now, of_a)
    assert totals.is_tied
    assert totals.rehearsed == Side(3, 60)
    assert {kept, others}.isdisjoint(rows)
    for viewer, foreign in ((world.msp_a, of_b), (world.msp_b, of_a)):
        with pytest.raises(RehearsalNotVisible):
            compared(viewer, now, foreign)


def test_a_rehearsal_further_ahead_has_the_fees_in_between(world: World) -> None:
    plain, changed = world.customer(users=20, points_held=100), world.customer(users=20, points_held=100)
    december = dt.date(2026, 12, 25)
    save(world.msp_a, billing_date=december)
    change_users(world, changed, 40, LATER)
    tick(tokyo("2026-12-25T00:10:00"))
    now = tokyo("2026-12-25T01:00:00")
    rows, reasons, totals = compared(world.msp_a, now, billing_date=december)
    assert plain not in rows
    assert reasons == {
        changed: [
            "契約ユーザ数の変更（20 → 40、2026/11/22 10:00）",
            "ほかの25日の利用料（20 → 40）",
        ]
    }
    assert (rows[changed].rehearsed_balance_after, rows[changed].real_balance_after) == (60, 20)
    assert totals.unknown_count == 0
    assert totals.is_tied


def test_a_free_month_is_compared_by_the_balance_at_its_end(world: World) -> None:
    free, paid = world.customer(points_held=5), world.customer(points_held=5)
    add_price(AccountType.CUSTOMER, 0)
    save(world.msp_a)
    world.add(paid, 3, now=LATER)
    tick(CUT)
    rows, reasons, totals = compared(world.msp_a, CUT)
    assert free not in rows
    assert reasons[paid] == ["ポイントの増減（+3）"]
    assert totals.is_tied
    assert totals.unknown_count == 0


def test_a_difference_that_nothing_explains_is_called_unknown(world: World) -> None:
    customer, other = world.customer(users=20), world.customer(users=20)
    rehearsal_id = save(world.msp_a)
    for account_id, column, value in ((customer, "fee_points", 19), (other, "contract_user_count", 21)):
        with transaction() as session:
            statement = (
                f"UPDATE billing_rehearsal_items SET {column} = {value} "
                f"WHERE account_id = {account_id} AND rehearsal_id = {rehearsal_id}"
            )
            session.connection().exec_driver_sql(statement)
    tick(CUT)
    rows, reasons, totals = compared(world.msp_a, CUT)
    assert reasons[customer][-1] == "不明"
    assert reasons[other] == ["不明"]
    assert totals.unknown_count == len(rows) == 2
    assert not totals.is_tied


def test_a_run_under_way_is_compared_as_far_as_it_is(world: World) -> None:
    first, second = world.customer(users=20), world.customer(users=30)
    early = save(world.msp_a)
    with transaction():
        run_id = billing_runs.list_run(billing_date=NOVEMBER, now=CUT, chunk_size=1).id
    assert run_work.post_next_chunk(run_id=run_id, now=CUT) is not None
    late = save(world.msp_a, now=CUT)
    rows, reasons, totals = compared(world.msp_a, CUT, early)
    assert rows[second].result == Result.DUE.value
    assert reasons == {
        second: ["まだ計上されていません"],
        world.msp_a.account_id: ["まだ計上されていません"],
    }
    assert (totals.rehearsed, totals.real, totals.is_tied) == (Side(3, 60), Side(1, 20), True)
    tick(CUT)
    rows, reasons, totals = compared(world.msp_a, CUT, late)
    assert reasons == {first: ["リハーサルの時点で計上済み"]}
    assert (totals.rehearsed, totals.real, totals.is_tied) == (Side(2, 40), Side(3, 60), True)
    assert compared(world.msp_a, CUT, early)[0] == {}


def test_there_is_nothing_to_compare_before_the_run(world: World) -> None:
    save(world.msp_a)
    with pytest.raises(RunNotListed):
        compared(world.msp_a, REHEARSED)
    with pytest.raises(rehearsals.BillingDateUnknown):
        compared(world.msp_a, REHEARSED, billing_date=dt.date(2026, 10, 25))
    tick(CUT)
    found = run_comparison.find_comparison(
        viewer=world.msp_b, billing_date=NOVEMBER, rehearsal_id=None, now=CUT
    )
    assert found is None
