"""締め処理レポート: its sums tie to the ledger, MSP by MSP, and say so when they do not."""

import datetime as dt
import io

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import update

from domain.permissions import AccountType, Viewer
from domain.points import LARGEST_BALANCE_POINTS, PointKind
from models import BillingItem, BillingRun, PriceVersionRow, db
from services import closing_report, closing_report_file, ledger
from services.closing_report import ClosingReport
from services.run_comparison import RunNotListed
from services.transaction import transaction
from tests.builders import BEGAN, World, balance, tick, tokyo

NOVEMBER = dt.date(2026, 11, 25)
CUT = tokyo("2026-11-25T00:00:00")


def report_of(viewer: Viewer) -> ClosingReport:
    return closing_report.closing_report(viewer=viewer, billing_date=NOVEMBER, now=CUT)


def test_the_sums_tie_to_the_ledger_for_everybody(app: Flask, world: World) -> None:
    world.customer(users=20, points_held=15)
    world.customer(users=30, points_held=100)
    odd = world.customer(users=100_000)
    world.customer(parent=world.msp_b, users=11)
    with transaction():
        lowest = [
            ledger.LineDraft(odd, PointKind.RETURN, -points)
            for points in ledger.in_lines(balance(odd) + LARGEST_BALANCE_POINTS - 5)
        ]
        ledger.post(drafts=lowest, viewer=world.msp_a, now=BEGAN)
        db.session.add(
            PriceVersionRow(
                account_type=AccountType.SUPPORT,
                valid_from=CUT,
                base_points=0,
                included_user_count=10,
                points_per_additional_user=1,
                created_at=BEGAN,
            )
        )
    with pytest.raises(RunNotListed):
        report_of(world.msp_a)
    tick(CUT)
    whole = report_of(world.operator)
    totals = whole.totals
    assert (totals.account_count, totals.user_count) == (7, 20 + 30 + 100_000 + 11 + 30)
    assert (totals.fee_points, totals.charged_count, totals.zero_fee_count) == (20 + 30 + 11 + 20, 6, 1)
    assert (totals.parked_count, totals.parked_points, totals.due_count) == (1, 100_000, 0)
    assert (totals.negative_count, totals.short_points) == (2, 5 + 11)
    by_msp = {msp.company_name: msp.totals for msp in whole.msps}
    assert {name: found.fee_points for name, found in by_msp.items()} == {
        "会社 msp_a": 60,
        "会社 msp_b": 21,
        "会社 support": 0,
    }
    assert (by_msp["会社 msp_a"].parked_count, by_msp["会社 msp_b"].short_points) == (1, 11)
    assert [(row.fee_points, row.parked_reason) for row in whole.parked] == [
        (100_000, "balance_out_of_range")
    ]
    assert sum(row.account_count for row in whole.prices) == 7
    tie = whole.tie_out
    assert (tie.item_count, tie.line_count, tie.item_points, tie.run_points) == (5, 5, 81, 81)
    assert tie.is_tied
    own = report_of(world.msp_b)
    assert (own.totals.account_count, own.totals.fee_points, own.parked) == (2, 21, [])
    assert own.tie_out.is_tied
    assert own.tie_out.run_points is None
    assert report_of(world.distributor).totals == totals
    with app.test_request_context(), closing_report_file.report_file(whole) as stream:
        book = load_workbook(io.BytesIO(stream.read()))
    assert [row[4] for row in book["保留"].values][1:] == [100_000]


def test_a_report_that_does_not_tie_says_so(app: Flask, world: World) -> None:
    customer = world.customer(users=20)
    tick(CUT)
    assert report_of(world.operator).tie_out.is_tied
    item = update(BillingItem).where(BillingItem.account_id == customer)
    for broken in (
        item.values(fee_points=19),
        item.values(fee_points=0),
        update(BillingRun).values(charged_points=7),
    ):
        db.session.execute(broken)
        report = report_of(world.operator)
        assert not report.tie_out.is_tied
        with app.test_request_context():
            assert closing_report_file.tied_words(report) == "不一致"
        db.session.rollback()
    assert report_of(world.operator).tie_out.is_tied
