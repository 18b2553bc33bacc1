"""The menus whose functions are the identity service's own: plain pages that say so. Source: docs/rules.md R21."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_admin import expose
from flask_babel import LazyString

from admin_views.portal.base import PortalPageView
from admin_views.portal.visit import current_visit
from admin_views.request_context import viewer
from services import portal_profiles


class OutsideView(PortalPageView):
    """A menu entry with a page that says that its function is not part of this portal: no list, no data."""

    template = "portal/outside.html"

    def __init__(
        self, *, menu_key: str = "", name: LazyString, category: LazyString | None, endpoint: str, url: str
    ) -> None:
        self.menu_key = menu_key
        super().__init__(name=name, category=category, endpoint=endpoint, url=url)

    def facts(self) -> dict[str, Any]:
        """Return what the page of a subclass names beside."""
        return {}

    @expose("/")
    def index(self) -> str:
        """Show the page."""
        return render_template(self.template, title=self.name, category=self.category, **self.facts())


class SupportView(OutsideView):
    """サポート: whom the customer may turn to."""

    template = "portal/support.html"

    def facts(self) -> dict[str, Any]:
        """Name the assigned support account and the reseller's contact."""
        account_id = current_visit().account_id
        return {"contacts": portal_profiles.find_contacts(viewer=viewer(), account_id=account_id)}


class ConsultationView(SupportView):
    """導入のご相談: the MSP that sells the service."""

    template = "portal/consultation.html"
