"""The parent of every list screen: everything off, rows by scope, our own pages over Flask-Admin's hooks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, ClassVar

from flask import abort, flash, request
from flask_admin import expose
from flask_admin.contrib.sqla import ModelView
from flask_babel import LazyString
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, false
from werkzeug.wrappers import Response
from wtforms import Form

from admin_views import messages, sign_in
from admin_views.formatting import date_text, instant_text, number
from admin_views.input_messages import LIST_ERROR_MESSAGES
from admin_views.list_page import ListPage
from admin_views.request_context import now, viewer, viewer_or_none
from admin_views.sent_files import csv_encoding, sent_file
from domain.billing_calendar import tokyo_date
from domain.errors import DomainError
from domain.inputs.row_ids import parse_row_id
from domain.permissions import Permission
from models import db
from services import audit, exports
from services.lists import ListArguments, ListSource, Page, count_rows, fetch_page, parse_arguments
from services.transaction import transaction

log = logging.getLogger(__name__)


class ScopedModelView(ModelView):
    """A list of rows that a viewer may see. A subclass names what it is and gives `scope` and `list_source`."""

    #: The permission without which the screen is closed.
    permission: ClassVar[Permission]
    #: The column that heads a row's card on a phone, and the three numbers that matter there.
    primary_column: ClassVar[str] = "company_name"
    key_columns: ClassVar[Sequence[str]] = ()
    #: Words above the search, naming what it looks through.
    search_label: ClassVar[LazyString | str] = ""

    can_create = can_edit = can_delete = can_view_details = can_export = False
    list_template = "list.html"

    # Flask-Admin's own ways to rows: without a function they are no routes at all.
    create_view = edit_view = details_view = delete_view = None
    action_view = ajax_lookup = ajax_update = export = None

    def __init__(
        self, model: type[Any], *, name: LazyString, category: LazyString | None, endpoint: str, url: str
    ) -> None:
        super().__init__(model, db, name=name, category=category, endpoint=endpoint, url=url)

    # Which rows

    def scope(self) -> ColumnElement[bool]:
        """Return the condition for the rows of this viewer; none unless a subclass says so."""
        return false()

    def get_query(self) -> Any:
        """Return the rows of this viewer."""
        return super().get_query().filter(self.scope())

    def get_count_query(self) -> Any:
        """Return the count of this viewer's rows."""
        return super().get_count_query().filter(self.scope())

    def get_one(self, id: Any) -> Any:
        """Return a row of this viewer, or None."""
        row_id = parse_row_id(str(id))
        if row_id is None:
            return None
        return self.get_query().filter(self.model.id == row_id).one_or_none()

    # Who may come in

    def is_accessible(self) -> bool:
        """Tell whether the viewer has the screen's permission; also decides about the menu entry."""
        found = viewer_or_none()
        return found is not None and found.can(self.permission)

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Response:
        """Lead to the sign-in page, or refuse."""
        if viewer_or_none() is not None:
            abort(403)
        return sign_in.to_sign_in()

    def _run_view(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the view once: Flask-Admin's own would call it again after any TypeError."""
        return fn(self, *args, **kwargs)

    # The list

    def list_source(self) -> ListSource:
        """Return the list for this viewer."""
        raise NotImplementedError

    def bulk_actions(self) -> Sequence[tuple[str, LazyString]]:
        """Return (name, words) of what may be run on chosen rows, in the order of the menu."""
        return ()

    def has_row_actions(self) -> bool:
        """Tell whether rows have a column 操作."""
        return False

    def is_selectable(self, row: Any) -> bool:
        """Tell whether a row has a check box for what is run on chosen rows."""
        return True

    def list_context(self, page: Page) -> dict[str, Any]:
        """Return what a subclass's list template needs beside the common values."""
        return {}

    def list_page(self, source: ListSource, arguments: ListArguments) -> ListPage:
        """Return what makes the addresses of the list; a subclass may keep parameters of its own in them."""
        return ListPage(path=self.get_url(".index_view"), source=source, arguments=arguments)

    def get_list(self, source: ListSource, arguments: ListArguments) -> Page:
        """Return a page of rows. Paging by key instead of OFFSET would be done behind this."""
        return fetch_page(source, arguments)

    @expose("/")
    def index_view(self) -> tuple[str, int]:
        """Show the list; a filter that cannot be used is answered with 400 at that filter, without rows."""
        source = self.list_source()
        arguments = parse_arguments(source, request.args)
        page = self.get_list(source, arguments)
        listing = self.list_page(source, arguments)
        search_error = arguments.errors.get("search")
        answer = self.render(
            self.list_template,
            title=self.name,
            page=page,
            arguments=arguments,
            columns=listing.heads(primary=self.primary_column, keys=self.key_columns),
            filters=listing.filters(),
            chips=listing.chips(),
            links=listing.links(page),
            is_filtered=bool(listing.chips()),
            has_search=bool(source.search_expressions),
            search_label=self.search_label or _("検索"),
            search_error=LIST_ERROR_MESSAGES[search_error] if search_error else None,
            bulk_actions=self.bulk_actions(),
            has_row_actions=self.has_row_actions(),
            is_selectable=self.is_selectable,
            cell_text=cell_text,
            **self.list_context(page),
        )
        return answer, 400 if arguments.errors else 200

    @expose("/export/csv")
    def export_csv(self) -> Response:
        """Send the list as CSV: the rows, order and columns that the page would show."""
        source, arguments = self._export_arguments()
        encoding = csv_encoding()
        stream = exports.csv_file(source, arguments, encoding)
        self._record_export(source, arguments, "csv")
        return sent_file(stream, name=self._export_name("csv"), content_type=exports.CSV_TYPES[encoding])

    @expose("/export/xlsx")
    def export_xlsx(self) -> Response:
        """Send the list as an Excel workbook."""
        source, arguments = self._export_arguments()
        stream = exports.xlsx_file(source, arguments)
        self._record_export(source, arguments, "xlsx")
        return sent_file(stream, name=self._export_name("xlsx"), content_type=exports.XLSX_TYPE)

    def exporting_account_id(self) -> int:
        """Return in whose operation log a download of the list stands."""
        return viewer().account_id

    def file_name(self) -> str:
        """Return what the name of a downloaded file begins with."""
        return str(self.name)

    def _record_export(self, source: ListSource, arguments: ListArguments, file_format: str) -> None:
        chips = ListPage(path=request.path, source=source, arguments=arguments).chips()
        with transaction():
            audit.record(
                action="list.exported",
                viewer=viewer(),
                account_id=self.exporting_account_id(),
                now=now(),
                list_name=source.name,
                file_format=file_format,
                row_count=count_rows(source, arguments),
                filters=[f"{chip.label}: {chip.text}" if chip.text else str(chip.label) for chip in chips],
            )

    def _export_arguments(self) -> tuple[ListSource, ListArguments]:
        source = self.list_source()
        arguments = parse_arguments(source, request.args)
        if arguments.errors:
            # An empty file would say that nothing matches.
            abort(400)
        return source, arguments

    def _export_name(self, extension: str) -> str:
        return exports.export_file_name(self.file_name(), tokyo_date(now()), extension)

    # For the dialogs of subclasses

    def require(self, permission: Permission) -> None:
        """Refuse a viewer who lacks a permission beyond that of the screen."""
        if not viewer().can(permission):
            abort(403)

    def handle_view_exception(self, exc: Exception) -> bool:
        """Show the words of an anticipated refusal; anything else is logged and told without its text."""
        if isinstance(exc, DomainError):
            flash(messages.message_for(exc), "error")
        else:
            log.error("view of %s failed", self.endpoint, exc_info=exc)
            flash(_("処理できませんでした。もう一度お試しください。"), "error")
        return True

    # Flask-Admin scaffolds forms, columns and filters from the model; ours come from list_source and our forms.

    def _refresh_forms_cache(self) -> None:
        self._form_ajax_refs: dict[str, Any] = {}
        self._create_form_class = self._edit_form_class = Form
        self._delete_form_class = self._action_form_class = Form
        self.column_editable_list: dict[str, Any] = {}

    def scaffold_list_columns(self) -> list[str]:
        """Return no columns of the model."""
        return []

    def scaffold_sortable_columns(self) -> dict[str, Any]:
        """Return no sorting of the model's columns."""
        return {}


def cell_text(column: Any, value: Any) -> str:
    """Return a cell's text by the kind of its column: words of codes, numbers, Tokyo days and instants."""
    if value is None or value == "":
        return ""
    if value in column.words:
        return str(column.words[value])
    if column.kind in ("number", "points"):
        return number(value)
    if column.kind == "date":
        return date_text(value)
    return instant_text(value) if column.kind == "instant" else str(value)
