"""リハーサルとの比較: a saved rehearsal of a 25th held against its run, with the reason of each difference."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, request, url_for
from flask_admin import expose
from sqlalchemy import ColumnElement
from werkzeug.wrappers import Response

from admin_views import messages
from admin_views.base import ScopedModelView
from admin_views.list_page import ListPage
from admin_views.of_billing_date import OfBillingDate
from admin_views.request_context import now, viewer
from domain.inputs.row_ids import parse_row_id
from domain.permissions import Permission
from services import access, run_comparison, saved_rehearsals
from services.lists import ListArguments, ListSource, Page
from services.run_comparison import Comparison, RunNotListed
from services.run_comparison_list import SHOW_SAME, comparison_source
from services.run_comparison_reasons import RESULT_WORDS, ReasonTexts
from services.run_comparison_totals import comparison_totals
from services.saved_rehearsals import RehearsalNotVisible

#: Parameter with the id of the rehearsal; without it, the newest.
REHEARSAL = "rehearsal"


class RunComparisonsView(OfBillingDate, ScopedModelView):
    """リハーサルとの比較."""

    permission = Permission.RUNS_VIEW
    list_template = "run_rehearsals/comparison.html"
    key_columns = ("user_count", "fee_points", "balance_after")

    def scope(self) -> ColumnElement[bool]:
        """Return the condition for the viewer's own account and those below it."""
        return access.history_scope(viewer())

    def list_source(self) -> ListSource:
        """Return the accounts that differ, or all.

        :raises RehearsalNotVisible: when nothing is saved: there is no file of nothing.
        """
        found = self._comparison()
        if found is None:
            raise RehearsalNotVisible(rehearsal_id=None)
        return comparison_source(found, show_same=request.args.get(SHOW_SAME) == "1")

    def list_page(self, source: ListSource, arguments: ListArguments) -> ListPage:
        """Return what makes the addresses; they keep the rehearsal that was asked for."""
        typed = request.args.get(REHEARSAL, "")
        return ListPage(
            path=self.get_url(".index_view"),
            source=source,
            arguments=arguments,
            fixed=[(REHEARSAL, typed)] if typed else [],
        )

    def file_name(self) -> str:
        """Return the name with the 25th that is compared."""
        return f"{self.name}_{self.billing_date:%Y%m%d}"

    @expose("/")
    def index_view(self) -> Any:
        """Show the comparison; of a run that has not begun, lead to its rehearsal."""
        try:
            found = self._comparison()
        except RunNotListed as error:
            flash(messages.message_for(error), "info")
            return redirect(url_for("run_rehearsals.index_view", billing_date=self.billing_date), code=303)
        return super().index_view() if found else self._nothing_saved()

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return the sums by result, what was saved, and what says why a row differs."""
        found = self._comparison()
        assert found is not None  # list_source has refused that
        return {
            "billing_date": self.billing_date,
            "crumbs": self.run_crumbs,
            "rehearsal": found.rehearsal,
            "run": found.run,
            "totals": comparison_totals(found, viewer=viewer()),
            "reasons": ReasonTexts(found).lines,
            "result_words": RESULT_WORDS,
            "saved": self._saved(),
        }

    def _nothing_saved(self) -> Response | str:
        return str(
            self.render(
                "run_rehearsals/nothing_saved.html",
                title=self.name,
                crumbs=self.run_crumbs,
                billing_date=self.billing_date,
            )
        )

    def _saved(self) -> Any:
        return saved_rehearsals.saved_rehearsals(viewer=viewer(), billing_date=self.billing_date)

    def _comparison(self) -> Comparison | None:
        """Return the comparison of the request, looked up once.

        :raises DomainError: RunNotListed, BillingDateUnknown, RehearsalNotVisible.
        """
        if "run_comparison" not in g:
            typed = request.args.get(REHEARSAL, "")
            rehearsal_id = parse_row_id(typed)
            if typed and rehearsal_id is None:
                raise RehearsalNotVisible(rehearsal_id=typed)
            g.run_comparison = run_comparison.find_comparison(
                viewer=viewer(), billing_date=self.billing_date, rehearsal_id=rehearsal_id, now=now()
            )
        found: Comparison | None = g.run_comparison
        return found
