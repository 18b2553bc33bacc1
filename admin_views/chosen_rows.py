"""選択実行: which rows of a list a form has chosen."""

from __future__ import annotations

from urllib.parse import parse_qsl

from flask import abort, request
from werkzeug.datastructures import MultiDict

from domain.inputs.row_ids import parse_row_ids
from services.list_arguments import parameter_names
from services.lists import ListSource, matching_ids, parse_arguments


def chosen_ids(source: ListSource, limit: int) -> list[int]:
    """Return the chosen ids: those that are ticked, or all that match the list's arguments.

    :raises DomainError: MalformedRowId; TooManyRows, when more than `limit`.
    """
    if request.form.get("select_all") != "1":
        return parse_row_ids(request.form.getlist("rowid"), limit)
    parameters = MultiDict(parse_qsl(request.form.get("list_args", ""), keep_blank_values=True))
    arguments = parse_arguments(source, parameters)
    if arguments.errors or not set(parameters) <= set(parameter_names(source)):
        # A filter that is left out would widen the choice.
        abort(400)
    return matching_ids(source, arguments, limit)
