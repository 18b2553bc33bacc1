"""締め処理レポート of a 25th: a page that prints on A4, and a workbook."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, url_for
from flask_admin import expose
from werkzeug.wrappers import Response

from admin_views import messages
from admin_views.msp_page import MspPageView
from admin_views.of_billing_date import OfBillingDate
from admin_views.request_context import now, viewer
from admin_views.sent_files import sent_file
from domain.billing_calendar import tokyo_date
from domain.permissions import Permission
from services import audit, closing_report, closing_report_file, exports
from services.parked_fees import PARKED_WORDS
from services.run_comparison import RunNotListed
from services.run_rows import RUN_STATE_WORDS, RunListState
from services.transaction import transaction
from services.words import TYPE_WORDS

#: Parked accounts that the page shows; the workbook has all.
SHOWN_PARKED = 100


class RunReportsView(OfBillingDate, MspPageView):
    """締め処理レポート."""

    permission = Permission.RUNS_VIEW

    @expose("/")
    def index_view(self) -> Any:
        """Show the report; of a run that has not begun, lead to its rehearsal."""
        try:
            report = self._report()
        except RunNotListed as error:
            flash(messages.message_for(error), "info")
            return redirect(url_for("run_rehearsals.index_view", billing_date=self.billing_date), code=303)
        return self.render(
            "run_reports/report.html",
            title=self.name,
            crumbs=self.run_crumbs,
            billing_date=self.billing_date,
            report=report,
            state_words=RUN_STATE_WORDS[RunListState(report.run.state.value)],
            total_lines=closing_report_file.total_lines,
            tie_lines=closing_report_file.tie_lines,
            tied_words=closing_report_file.tied_words(report),
            type_words=TYPE_WORDS,
            parked_words=PARKED_WORDS,
            shown_parked=SHOWN_PARKED,
            xlsx_url=self.get_url(".export_xlsx"),
        )

    @expose("/export/xlsx")
    def export_xlsx(self) -> Response:
        """Send the report as an Excel workbook."""
        report = self._report()
        stream = closing_report_file.report_file(report)
        with transaction():
            audit.record(
                action="list.exported",
                viewer=viewer(),
                account_id=viewer().account_id,
                now=now(),
                list_name="run_report",
                file_format="xlsx",
                billing_date=self.billing_date.isoformat(),
                row_count=report.totals.account_count,
            )
        name = exports.export_file_name(f"{self.name}_{self.billing_date:%Y%m%d}", tokyo_date(now()), "xlsx")
        return sent_file(stream, name=name, content_type=exports.XLSX_TYPE)

    def _report(self) -> closing_report.ClosingReport:
        return closing_report.closing_report(viewer=viewer(), billing_date=self.billing_date, now=now())
