"""The protocol of dialogs: a page of its own, or its fragment for the script that shows it in a <dialog>."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, jsonify, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from admin_views import security_events
from admin_views.fields import PortalForm
from admin_views.request_context import is_fragment, return_path
from domain.errors import DomainError


@dataclass(frozen=True)
class Subject:
    """What a dialog is about: shown under its title."""

    company_name: str
    account_number: str | None = None


def render_dialog(
    *,
    title: str,
    form: PortalForm,
    submit_label: str,
    back_url: str,
    subject: Subject | None = None,
    template: str = "dialog.html",
    tone: str = "",
    status: int = 200,
    **context: Any,
) -> Response:
    """Return a dialog as a page, or as a fragment when the request asks for one.

    `back_url` is where it goes when closed, unless the request brought a `next` of its own. `tone` "danger" gives
    a red outlined button. An empty `submit_label` leaves the button out. Further context: `wide` (bool),
    `requires` (name of the check box that must be ticked), `action_url`, and what the template's blocks need.
    """
    defaults = {"wide": False, "requires": "", "action_url": request.path}
    page = render_template(
        template,
        **{**defaults, **context},
        title=title,
        form=form,
        submit_label=submit_label,
        subject=subject,
        tone=tone,
        back_url=return_path() or back_url,
        return_to=return_path(),
        is_fragment=is_fragment(),
        layout="fragment.html" if is_fragment() else "base.html",
    )
    return make_response(page, status)


def success(*, to: str, message: str, category: str = "success") -> Response:
    """Tell what happened and lead on: 303 for a page, JSON for a dialog's script.

    `to` may end in #row-ID, which tints that row; a `next` of the request takes its place and keeps that part.
    """
    flash(message, category)
    _path, mark, row = to.partition("#")
    wished = return_path()
    address = wished.partition("#")[0] + mark + row if wished else to
    return json_redirect(address) if is_fragment() else redirect(address, code=303)


def json_redirect(address: str, *, status: int = 200) -> Response:
    """Return the answer that a dialog's script follows."""
    answer = jsonify(redirect=address)
    answer.status_code = status
    return answer


def refuse(form: PortalForm, error: DomainError) -> int:
    """Put the words of a refusal at its field, else above the form; return the status of the answer.

    :raises DomainError: the same again when it is not about the form (403, 404): the error page answers.
    """
    if error.http_status in (403, 404):
        raise error
    security_events.note_refusal(error)
    form.add_refusal(error)
    return error.http_status
