"""The way of every dialog's form: shown, refused and shown again, or done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import request
from werkzeug.wrappers import Response

from admin_views import dialogs, fresh_sign_in
from admin_views.fields import PortalForm
from domain.errors import DomainError
from domain.fresh_sign_in import FreshSignInNeeded


def posted() -> Any:
    """Return what was sent, or None for a page that is only opened."""
    return request.form if request.method == "POST" else None


def submit(form: PortalForm, run: Callable[[], Response]) -> Response | int:
    """Run a use case for a form that was sent; return its answer, or the status to show the form with.

    200: the form was only opened; 422: a field is wrong; else the status of the use case's refusal. A use case that
    wants a fresh sign-in makes the form ask for the password beside what was typed, and is then run.

    :raises DomainError: a refusal that is not about the form (403, 404).
    """
    if request.method != "POST":
        return 200
    refused = fresh_sign_in.confirm_by_form() if fresh_sign_in.is_given() else None
    is_valid = form.validate()
    if refused is not None:
        form.confirmation = fresh_sign_in.asked(refused)
    if refused is not None or not is_valid:
        return 422
    try:
        return run()
    except FreshSignInNeeded as error:
        form.confirmation = fresh_sign_in.asked()
        return error.http_status
    except DomainError as error:
        return dialogs.refuse(form, error)
