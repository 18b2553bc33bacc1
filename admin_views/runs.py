"""月額利用料の実行: the runs of the 25th, past, present and to come, and the page of each."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import jsonify
from flask_admin import expose
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, true
from werkzeug.wrappers import Response

from admin_views.base import ScopedModelView
from admin_views.formatting import date_text, number
from admin_views.request_context import now, settings, viewer
from admin_views.run_dialogs import RunDialogs
from admin_views.sent_files import csv_encoding, sent_file
from domain.permissions import AccountType, Permission
from services import exports, run_progress
from services.lists import ListArguments, ListSource, Page, fetch_page
from services.parked_fees import parked_source
from services.run_list import runs_source
from services.run_progress import RunFacts
from services.run_rows import RUN_STATE_WORDS, RunListState, is_late, planned_dates
from services.words import ACTOR_WORDS

#: Parked accounts that the page shows; the files hold all.
SHOWN_PARKED = 100


class RunsView(RunDialogs, ScopedModelView):
    """月額利用料の実行: the list, the page of a run, and what its bar asks for."""

    permission = Permission.RUNS_VIEW
    list_template = "runs/list.html"
    primary_column = "billing_date"
    key_columns = ("account_count", "charged_points", "parked_count")

    def scope(self) -> ColumnElement[bool]:
        """Return the condition for all runs: they are everybody's, their numbers come by viewer."""
        return true()

    def list_source(self) -> ListSource:
        """Return the runs with the viewer's numbers."""
        return runs_source(viewer=viewer(), now=now())

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return what tells the states apart, and the page of each run."""
        return {
            "State": RunListState,
            "is_late": lambda row: is_late(row.billing_date, row.started_at or now()),
            "run_url": self.run_url,
            "is_share": _is_share(),
        }

    def run_url(self, billing_date: dt.date) -> str:
        """Return the address of a run's page."""
        return self.get_url(".page", billing_date=billing_date)

    @expose("/<billing_date:billing_date>/")
    def page(self, billing_date: dt.date) -> str:
        """Show a run: how far it is, what is parked, why it waits."""
        facts = run_progress.find_run(viewer=viewer(), billing_date=billing_date, now=now())
        parked = parked_source(viewer=viewer(), billing_date=billing_date)
        shown = fetch_page(parked, ListArguments(page_size=SHOWN_PARKED)) if facts.parked_count else None
        return str(
            self.render(
                "runs/page.html",
                title=_("%(date)s の月額利用料", date=date_text(billing_date)),
                crumbs=[(self.name, self.get_url(".index_view"))],
                facts=facts,
                State=RunListState,
                state_words=RUN_STATE_WORDS,
                actor=_actor_text(facts.actor_name),
                texts=_texts(facts),
                parked=shown,
                parked_columns=parked.columns,
                review=run_progress.review_of(
                    facts=facts, viewer=viewer(), bound_percent=settings().billing_review_percent
                ),
                may_change=viewer().can(Permission.RUNS_CHANGE),
                is_share=_is_share(),
            )
        )

    @expose("/<billing_date:billing_date>/progress/")
    def progress(self, billing_date: dt.date) -> Response:
        """Tell the page's bar how far the run is; before its list is written, only that it is not."""
        if billing_date in planned_dates(now()):
            return jsonify(state=RunListState.PLANNED.value, percent=0, texts={})
        facts = run_progress.find_run(viewer=viewer(), billing_date=billing_date, now=now())
        return jsonify(state=facts.state.value, percent=facts.percent, texts=_texts(facts))

    @expose("/<billing_date:billing_date>/parked/export/csv")
    def parked_csv(self, billing_date: dt.date) -> Response:
        """Send the parked accounts of a run as CSV."""
        return self._send_parked(billing_date, "csv")

    @expose("/<billing_date:billing_date>/parked/export/xlsx")
    def parked_xlsx(self, billing_date: dt.date) -> Response:
        """Send the parked accounts of a run as an Excel workbook."""
        return self._send_parked(billing_date, "xlsx")

    def _send_parked(self, billing_date: dt.date, extension: str) -> Response:
        run_progress.find_run(viewer=viewer(), billing_date=billing_date, now=now())
        source, arguments = parked_source(viewer=viewer(), billing_date=billing_date), ListArguments()
        if extension == "csv":
            encoding = csv_encoding()
            stream, content_type = exports.csv_file(source, arguments, encoding), exports.CSV_TYPES[encoding]
        else:
            stream, content_type = exports.xlsx_file(source, arguments), exports.XLSX_TYPE
        self._record_export(source, arguments, extension)
        name = exports.export_file_name(_("保留のアカウント"), billing_date, extension)
        return sent_file(stream, name=name, content_type=content_type)


def _is_share() -> bool:
    """Tell whether the numbers are the viewer's own share, not those of the whole run."""
    return viewer().account_type is not AccountType.OPERATOR


def _actor_text(name: str | None) -> str:
    """Return who began or released a run: the clockwork in words, or a name; nothing before it begins."""
    return str(ACTOR_WORDS[name]) if name in ACTOR_WORDS and name else name or ""


def _texts(facts: RunFacts) -> dict[str, str]:
    """Return the numbers that move, as the page shows them, by their places."""
    texts = {
        "handled": number(facts.handled_count),
        "total": number(facts.account_count),
        "percent": number(facts.percent),
        "points": number(facts.charged_points),
        "parked": number(facts.parked_count),
    }
    if facts.chunks:
        texts["chunks"] = number(facts.chunks.done_count)
        texts["chunk_total"] = number(facts.chunks.count)
        texts["workers"] = number(len(facts.chunks.workers))
    return texts
