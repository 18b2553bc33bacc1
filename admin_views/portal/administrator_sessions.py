"""管理＞管理者: where a person is signed in, and ending it."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin_views.dialogs import Subject, render_dialog, success
from admin_views.fields import PortalForm
from admin_views.portal.visit import current_visit
from admin_views.request_context import now, session_token, viewer
from admin_views.sessions import SESSION_FIELD, end_message, sent_session_id
from models import Administrator
from services import session_list
from services.transaction import transaction

ALL = "all"


class AdministratorSessions:
    """A part of the list's view."""

    _open: Any
    row_url: Any

    @expose("/<row_id:administrator_id>/sessions/", methods=("GET", "POST"))
    def sessions(self, administrator_id: int) -> Response:
        """ログイン中の端末, for those who may reset the person's password; nobody above one's own level."""
        person: Administrator = self._open(administrator_id)
        if request.method == "POST":
            return self._end_sessions(administrator_id)
        found = session_list.running_sessions(
            administrator_id=administrator_id, token=session_token(), now=now()
        )
        return render_dialog(
            title=_("ログイン中の端末"),
            form=PortalForm(),
            submit_label="",
            back_url=self.row_url(administrator_id),
            subject=Subject(f"{person.full_name} ({person.user_name})"),
            template="portal/administrator_sessions.html",
            wide=True,
            sessions=found,
            everything=ALL,
        )

    def _end_sessions(self, administrator_id: int) -> Response:
        is_all = request.form.get(SESSION_FIELD) == ALL
        session_id = None if is_all else sent_session_id()
        with transaction():
            count = session_list.end_sessions_of(
                viewer=viewer(),
                account_id=current_visit().account_id,
                administrator_id=administrator_id,
                session_id=session_id,
                now=now(),
            )
        category = "success" if count else "info"
        return success(to=self.row_url(administrator_id), message=end_message(count), category=category)
