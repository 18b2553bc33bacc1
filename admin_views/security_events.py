"""What of the answers goes into the security log, found out here once: no view has to think of it.

Everything that refuses ends in an error handler (admin_views/error_pages.py), in a form that is shown again
(admin_views/dialogs.py), or in an answer of its own; the last are seen by their status. Source: decision 0016.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, g, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.wrappers import Response

from admin_views.csrf import RequestNotFromHere
from admin_views.request_context import now
from domain.errors import DomainError
from models import db
from services import foreign_rows, security_log
from services.access import AccountNotVisible, PermissionRefused
from services.account_registrations import DistributorUnknown
from services.administrator_access import AdministratorNotVisible
from services.applications import ParentUnknown
from services.approval_access import ApprovalNotVisible
from services.foreign_rows import RowKind
from services.menu_presets import PresetUnknown
from services.moves import TargetUnknown
from services.one_time_links import OneTimeLinkInvalid
from services.saved_rehearsals import RehearsalNotVisible
from services.security_log import SecurityEvent
from services.service_users import ServiceUserNotVisible
from services.session_list import SessionNotVisible

#: Refusal of a row that is not there or not the viewer's → what the row is, and where its id stands.
ROWS: dict[type[DomainError], tuple[RowKind, str]] = {
    AccountNotVisible: (RowKind.ACCOUNT, "account_id"),
    AdministratorNotVisible: (RowKind.ADMINISTRATOR, "administrator_id"),
    ApprovalNotVisible: (RowKind.APPROVAL, "approval_id"),
    DistributorUnknown: (RowKind.ACCOUNT, "parent_id"),
    ParentUnknown: (RowKind.ACCOUNT, "parent_id"),
    PresetUnknown: (RowKind.MENU_PRESET, "preset_id"),
    RehearsalNotVisible: (RowKind.REHEARSAL, "rehearsal_id"),
    SessionNotVisible: (RowKind.SESSION, "session_id"),
    ServiceUserNotVisible: (RowKind.SERVICE_USER, "user_id"),
    TargetUnknown: (RowKind.ACCOUNT, "target_id"),
}
_SIGN_IN_ENDPOINTS = ("sign_in.", "second_step.", "fresh_sign_in.")
_BY_STATUS = {
    403: SecurityEvent.PERMISSION_REFUSED,
    413: SecurityEvent.REQUEST_TOO_LARGE,
    429: SecurityEvent.RATE_LIMITED,
}


def init_app(app: Flask) -> None:
    """Look at every answer."""
    app.after_request(note_answer)


def note_refusal(error: DomainError) -> None:
    """Write down a refusal that is about a row or a right; others are everyday's."""
    if isinstance(error, PermissionRefused):
        _write(SecurityEvent.PERMISSION_REFUSED, permission=error.data.get("permission"))
    elif isinstance(error, OneTimeLinkInvalid):
        _write(SecurityEvent.SIGN_IN_REFUSED)
    elif (known := ROWS.get(type(error))) is not None:
        kind, name = known
        _note_row(kind, error.data.get(name))


def note_http_error(error: HTTPException) -> None:
    """Write down what was refused before any view, or by one without a reason of its own."""
    if isinstance(error, RequestNotFromHere):
        _write(SecurityEvent.REQUEST_NOT_FROM_HERE)
    elif isinstance(error, SecurityError):
        _write(SecurityEvent.HOST_REFUSED)


def note_answer(answer: Response) -> Response:
    """Write down an answer whose status says that something was refused, unless its refusal has been."""
    if g.get("is_refusal_noted"):
        return answer
    if answer.status_code in _BY_STATUS:
        _write(_BY_STATUS[answer.status_code])
    elif (
        answer.status_code == 422
        and request.method == "POST"
        and (request.endpoint or "").startswith(_SIGN_IN_ENDPOINTS)
    ):
        _write(SecurityEvent.SIGN_IN_REFUSED)
    return answer


def _note_row(kind: RowKind, row_id: Any) -> None:
    if not isinstance(row_id, int):
        return
    try:
        is_there = foreign_rows.exists(kind, row_id)
    except SQLAlchemyError:
        # The answer does not wait for the log: what could not be looked up counts as missing, and says so.
        db.session.rollback()
        _write(SecurityEvent.ROW_MISSING, kind=kind.value, id=row_id, unchecked=True)
        return
    _write(SecurityEvent.ROW_FOREIGN if is_there else SecurityEvent.ROW_MISSING, kind=kind.value, id=row_id)


def _write(event: SecurityEvent, **facts: Any) -> None:
    g.is_refusal_noted = True
    found = g.get("signed_in")
    security_log.write(
        event,
        now=now(),
        administrator=found.viewer.administrator_id if found else None,
        account=found.viewer.account_id if found else None,
        address=request.remote_addr,
        method=request.method,
        endpoint=request.endpoint,
        **facts,
    )
