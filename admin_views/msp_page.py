"""The parent of the MSP portal's screens that are no list."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import abort
from flask_admin import BaseView
from werkzeug.wrappers import Response

from admin_views import sign_in
from admin_views.request_context import viewer_or_none
from domain.permissions import Permission


class MspPageView(BaseView):
    """A screen that is open to those with its permission."""

    #: The permission without which the screen is closed.
    permission: ClassVar[Permission]

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
