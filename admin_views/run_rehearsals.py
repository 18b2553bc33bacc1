"""リハーサル of a 25th: what its run would charge, row by row; kept, to be held against the run afterwards."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from flask import abort, flash, g, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from sqlalchemy import ColumnElement
from werkzeug.wrappers import Response

from admin_views import messages
from admin_views.base import ScopedModelView
from admin_views.dialogs import success
from admin_views.formatting import date_text, number
from admin_views.list_page import ListPage
from admin_views.of_billing_date import OfBillingDate
from admin_views.request_context import now, viewer
from domain.billing_calendar import tokyo_date
from domain.errors import DomainError
from domain.permissions import Permission
from services import access, rehearsal_choice, rehearsals, saved_rehearsals
from services.lists import ListArguments, ListSource, Page
from services.rehearsal_list import SHORT, rehearsal_source
from services.rehearsals import RunFinished
from services.transaction import transaction

#: Parameter and field with the numbers of the chosen accounts.
ACCOUNTS = "accounts"
LONGEST_TYPED = 4_000


class Choice:
    """The accounts that a request is about: all of the viewer's, or those whose numbers were typed."""

    def __init__(self, typed: str) -> None:
        self.typed = typed[:LONGEST_TYPED]
        self.account_ids: list[int] | None = None
        self.error: Any = None
        try:
            self.account_ids = rehearsal_choice.chosen_accounts(viewer=viewer(), typed=self.typed)
        except DomainError as error:
            # No row is shown: those of all would be taken for the chosen ones.
            self.account_ids, self.error = [], messages.message_for(error)

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """The parameter that keeps the choice."""
        return [(ACCOUNTS, " ".join(self.typed.split()))] if self.typed.strip() else []


class RunRehearsalsView(OfBillingDate, ScopedModelView):
    """リハーサル."""

    permission = Permission.RUNS_VIEW
    list_template = "run_rehearsals/list.html"
    key_columns = ("fee_points", "point_balance", "balance_after")

    def scope(self) -> ColumnElement[bool]:
        """Return the condition for the viewer's own account and those below it."""
        return access.history_scope(viewer())

    def list_source(self) -> ListSource:
        """Return what the run would charge, of all accounts or the chosen ones."""
        return rehearsal_source(
            viewer=viewer(),
            billing_date=self.billing_date,
            account_ids=_choice().account_ids,
            now=now(),
        )

    def list_page(self, source: ListSource, arguments: ListArguments) -> ListPage:
        """Return what makes the addresses; they keep the chosen accounts."""
        path = self.get_url(".index_view")
        return ListPage(path=path, source=source, arguments=arguments, fixed=_choice().pairs)

    def file_name(self) -> str:
        """Return the name with the 25th that was rehearsed."""
        return f"{self.name}_{self.billing_date:%Y%m%d}"

    @expose("/")
    def index_view(self) -> Any:
        """Show the rehearsal; of a run that is over, lead to its comparison."""
        try:
            rehearsals.check_date(self.billing_date, now())
        except RunFinished as error:
            flash(messages.message_for(error), "info")
            return redirect(url_for("run_comparisons.index_view", billing_date=self.billing_date), code=303)
        page, status = super().index_view()
        return page, 422 if _choice().error else status

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return the sums, the choice, and the rehearsals that are kept."""
        choice = _choice()
        rehearsed = rehearsals.rehearsed_rows(
            self.billing_date, rehearsal_choice.within(viewer(), choice.account_ids)
        )
        return {
            "billing_date": self.billing_date,
            "crumbs": self.run_crumbs,
            "totals": rehearsals.totals(rehearsed),
            "choice": choice,
            "largest_choice": rehearsal_choice.LARGEST_CHOICE,
            "dates": rehearsals.rehearsal_dates(now()),
            "dates_before": rehearsals.dates_before(self.billing_date),
            "saved": saved_rehearsals.saved_rehearsals(viewer=viewer(), billing_date=self.billing_date),
            "tokyo_date": tokyo_date,
            "SHORT": SHORT,
            "now": now(),
        }

    @expose("/save/", methods=("POST",))
    def save(self) -> Response:
        """保存: keep the rehearsal as it is now."""
        choice = Choice(request.form.get(ACCOUNTS, ""))
        if choice.error:
            abort(400)
        with transaction():
            saved = saved_rehearsals.save(
                viewer=viewer(),
                billing_date=self.billing_date,
                account_ids=choice.account_ids,
                now=now(),
            )
            message = _(
                "%(date)s のリハーサル（%(count)s件、%(points)sポイント）を保存しました。",
                date=date_text(self.billing_date),
                count=number(saved.account_count),
                points=number(saved.fee_points),
            )
        return success(to=self.get_url(".index_view", **dict(choice.pairs)), message=message)


def _choice() -> Choice:
    """Return the choice of the request, looked up once."""
    if "rehearsal_choice" not in g:
        g.rehearsal_choice = Choice(request.args.get(ACCOUNTS, ""))
    found: Choice = g.rehearsal_choice
    return found
