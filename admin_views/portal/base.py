"""The parents of the customer portal's screens: who may come in, which menu they are, whose rows they show."""

from __future__ import annotations

from typing import Any

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
    menu_key: str = ""

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
        """Refuse a viewer who may not change something in this portal.

        :raises PermissionRefused: 403, whatever the account's state.
        :raises PortalReadOnly: 409: the account is suspended or canceled.
        """
        current_visit().require(permission)


class PortalPageView(PortalGate, BaseView):
    """A screen of the customer portal without a list."""


class PortalListView(PortalGate, ScopedModelView):
    """A list of the account whose portal it is. A subclass gives `scope` and `list_source`."""

    def exporting_account_id(self) -> int:
        """Return in whose operation log a download of the list stands: the portal's account."""
        return current_visit().account_id
