"""The parents of the customer portal's screens: who may come in, which menu they are, whose rows they show."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import abort
from flask_admin import BaseView
from werkzeug.wrappers import Response

from admin_views import sign_in
from admin_views.base import ScopedModelView
from admin_views.portal.visit import current_visit, has_portal
from admin_views.request_context import viewer_or_none
from domain.portal_permissions import PortalPermission
from services.access import AccountNotVisible


class PortalGate:
    """Closes a screen to those without 顧客画面, and where 画面のカスタマイズ hides its menu."""

    #: Key of domain.portal_menus, or "" for what is never hidden.
    menu_key: ClassVar[str] = ""

    def is_accessible(self) -> bool:
        """Tell whether the viewer has the screen here and now; also decides about the menu entry."""
        if not has_portal():
            return False
        try:
            visit = current_visit()
        except AccountNotVisible:
            return False
        return not (self.menu_key and visit.is_hidden(self.menu_key))

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Response:
        """Lead to the sign-in page, or refuse."""
        if viewer_or_none() is not None:
            abort(403)
        return sign_in.to_sign_in()

    def require_here(self, permission: PortalPermission) -> None:
        """Refuse a viewer who may not change something in this portal."""
        if not current_visit().can(permission):
            abort(403)


class PortalPageView(PortalGate, BaseView):
    """A screen of the customer portal without a list."""


class PortalListView(PortalGate, ScopedModelView):
    """A list of the account whose portal it is. A subclass gives `scope` and `list_source`."""
