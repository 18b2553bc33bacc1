"""締め処理レポート as an Excel workbook: sums, MSPs, parked accounts, prices and ledger, a sheet each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from flask_babel import gettext as _

from domain.billing_calendar import TOKYO
from services.closing_report import ClosingReport, RunTotals
from services.export_cells import Cell
from services.exports import Sheet, sheets_file
from services.parked_fees import PARKED_WORDS
from services.run_rows import RUN_STATE_WORDS, RunListState
from services.words import TYPE_WORDS


def report_file(report: ClosingReport) -> IO[bytes]:
    """Return the workbook, open at its beginning; the caller closes it and it is gone."""
    return sheets_file([_sums(report), _msps(report), _parked(report), _prices(report), _tie_out(report)])


def tied_words(report: ClosingReport) -> str:
    """Return 一致 or 不一致."""
    return str(_("一致") if report.tie_out.is_tied else _("不一致"))


def tie_lines(report: ClosingReport) -> Iterator[tuple[str, int | None, int]]:
    """Yield each side of the tie-out: its words, how many rows it has (None: it is one number), its points."""
    tie = report.tie_out
    yield _("課金の明細（計上済み）"), tie.item_count, tie.item_points
    yield _("ポイント履歴の月額利用料"), tie.line_count, tie.line_points
    yield _("残ポイントの減少"), None, tie.balance_points
    if tie.run_points is not None:
        yield _("実行の記録"), None, tie.run_points


def total_lines(totals: RunTotals) -> Iterator[tuple[str, int]]:
    """Yield the sums with their words, in the order of the report."""
    yield _("アカウント数"), totals.account_count
    yield _("契約ユーザ数"), totals.user_count
    yield _("計上したアカウント数"), totals.charged_count
    yield _("月額利用料の合計"), totals.fee_points
    yield _("利用料が0のアカウント数"), totals.zero_fee_count
    yield _("保留のアカウント数"), totals.parked_count
    yield _("保留の月額利用料"), totals.parked_points
    yield _("未計上のアカウント数"), totals.due_count
    yield _("計上後に不足したアカウント数"), totals.negative_count
    yield _("不足ポイントの合計"), totals.short_points


def _sums(report: ClosingReport) -> Sheet:
    run = report.run
    rows: list[tuple[Cell, ...]] = [
        (_("課金日"), f"{run.billing_date:%Y/%m/%d}", None),
        (_("状態"), str(RUN_STATE_WORDS[RunListState(run.state.value)]), None),
        (_("開始"), f"{run.started_at.astimezone(TOKYO):%Y/%m/%d %H:%M}", None),
        (_("終了"), f"{run.finished_at.astimezone(TOKYO):%Y/%m/%d %H:%M}" if run.finished_at else "", None),
        (_("作成日時"), f"{report.made_at.astimezone(TOKYO):%Y/%m/%d %H:%M}", None),
        *((words, None, value) for words, value in total_lines(report.totals)),
        (_("元帳との突合"), tied_words(report), None),
    ]
    return Sheet(_("合計"), [(_("項目"), "text"), (_("内容"), "text"), (_("数"), "points")], rows)


def _msps(report: ClosingReport) -> Sheet:
    columns = [
        (_("アカウント番号"), "text"),
        (_("会社名"), "text"),
        (_("アカウントタイプ"), "text"),
        *((words, "points") for words, _value in total_lines(report.totals)),
    ]
    rows: list[tuple[Cell, ...]] = [
        (
            msp.account_number,
            msp.company_name,
            str(TYPE_WORDS[msp.account_type]),
            *(value for _words, value in total_lines(msp.totals)),
        )
        for msp in report.msps
    ]
    total: tuple[Cell, ...] = (_("合計"), "", "", *(value for _words, value in total_lines(report.totals)))
    return Sheet(_("MSP別"), columns, [*rows, total])


def _parked(report: ClosingReport) -> Sheet:
    columns = [
        (_("アカウント番号"), "text"),
        (_("会社名"), "text"),
        (_("上位アカウント"), "text"),
        (_("契約ユーザ数"), "points"),
        (_("月額利用料"), "points"),
        (_("理由"), "text"),
    ]
    rows = [(*row[:5], str(PARKED_WORDS.get(row.parked_reason, row.parked_reason))) for row in report.parked]
    return Sheet(_("保留"), columns, rows)


def _prices(report: ClosingReport) -> Sheet:
    columns = [
        (_("アカウントタイプ"), "text"),
        (_("適用開始"), "instant"),
        (_("ベースポイント"), "points"),
        (_("含まれるユーザ数"), "points"),
        (_("超過1ユーザあたりのポイント"), "points"),
        (_("アカウント数"), "points"),
        (_("契約ユーザ数"), "points"),
        (_("月額利用料"), "points"),
    ]
    rows = [
        (
            str(TYPE_WORDS[row.account_type]),
            row.valid_from.astimezone(TOKYO).replace(tzinfo=None, microsecond=0),
            row.base_points,
            row.included_user_count,
            row.points_per_additional_user,
            row.account_count,
            int(row.user_count),
            int(row.fee_points),
        )
        for row in report.prices
    ]
    return Sheet(_("料金"), columns, rows)


def _tie_out(report: ClosingReport) -> Sheet:
    rows: list[tuple[Cell, ...]] = [*tie_lines(report), (tied_words(report), None, None)]
    columns = [(_("元帳との突合"), "text"), (_("件数"), "number"), (_("ポイント"), "points")]
    return Sheet(_("元帳との突合"), columns, rows)
