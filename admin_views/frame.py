"""What stands around every page: brand, menu, switch of portals, who is signed in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import Flask, current_app, g, request, url_for

from admin_views.portal import frame_parts
from admin_views.portal.visit import current_visit
from admin_views.request_context import language, settings
from domain.permissions import GRANTS, Viewer
from domain.portal_permissions import PORTAL_LEVELS
from services import portal_visits
from services.access import AccountNotVisible
from services.portal_visits import Visit


@dataclass(frozen=True)
class Entry:
    """A line of the menu."""

    label: str
    url: str
    is_here: bool
    #: How much of it waits for the viewer; 0: nothing, or it is not a list of work.
    waiting_count: int = 0


@dataclass(frozen=True)
class Group:
    """A heading of the menu with its lines; an empty one: lines that stand by themselves."""

    label: str
    entries: list[Entry]


def init_app(app: Flask) -> None:
    """Give every template `frame`."""
    app.context_processor(lambda: {"frame": Frame()})


def has_msp_portal(viewer: Viewer) -> bool:
    """Tell whether 管理画面 is open to a viewer."""
    return bool(GRANTS.get((viewer.account_type, viewer.level)))


def has_customer_portal(viewer: Viewer) -> bool:
    """Tell whether 顧客画面 is open to a viewer."""
    return viewer.level in PORTAL_LEVELS


class Frame:
    """The values of one request; only the customer portal's ask the database for anything."""

    def __init__(self) -> None:
        self._signed_in = g.get("signed_in")
        self.viewer: Viewer | None = self._signed_in.viewer if self._signed_in else None
        self.full_name: str = self._signed_in.full_name if self._signed_in else ""
        self.company_name: str = self._signed_in.company_name if self._signed_in else ""

    @property
    def language(self) -> str:
        """The language of the page."""
        return language()

    @property
    def brand_name(self) -> str:
        """The name of the product."""
        return settings().brand_name

    @property
    def brand_logo(self) -> str:
        """The address of the partner's logo, or nothing."""
        logo = settings().brand_logo
        return url_for("static", filename=logo.removeprefix("/static/").lstrip("/")) if logo else ""

    @property
    def kept_mails_url(self) -> str:
        """The address of the demo's mails; nothing where mails are sent for good."""
        return url_for("dev_mails.list_page") if settings().is_demo else ""

    @property
    def portal(self) -> str:
        """Which portal the page belongs to: "msp", "customer" or neither."""
        if request.path.startswith("/msp/"):
            return "msp"
        return "customer" if request.path.startswith("/portal/") else ""

    @property
    def is_msp_page(self) -> bool:
        """Whether the page belongs to 管理画面; one of neither portal belongs to the viewer's first."""
        is_customers = self.portal == "customer" or (
            not self.portal and self.viewer is not None and not has_msp_portal(self.viewer)
        )
        return not is_customers

    @property
    def is_held(self) -> bool:
        """Whether nothing is open to the viewer before a second factor is set up."""
        return self._signed_in is not None and self._signed_in.is_second_factor_due

    @property
    def has_msp_portal(self) -> bool:
        """Whether the switch offers 管理画面."""
        return self.viewer is not None and not self.is_held and has_msp_portal(self.viewer)

    @property
    def has_customer_portal(self) -> bool:
        """Whether the switch offers 顧客画面."""
        return self.viewer is not None and not self.is_held and has_customer_portal(self.viewer)

    @cached_property
    def visit(self) -> Visit | None:
        """Whose customer portal the page belongs to; None outside of it, and where it is not open."""
        if self.portal != "customer" or not self.has_customer_portal:
            return None
        try:
            return current_visit()
        except AccountNotVisible:
            return None

    @cached_property
    def menu(self) -> list[Group]:
        """The side bar of the portal that one is in: only what is open to the viewer."""
        if self.portal == "customer":
            return menu_groups("portal") if self.visit else []
        return menu_groups("msp") if self.has_msp_portal else []

    @property
    def header_buttons(self) -> list[frame_parts.HeaderButton]:
        """The customer portal's buttons in the header."""
        return frame_parts.header_buttons(self.visit) if self.visit else []

    @property
    def notes(self) -> list[str]:
        """What the banner of the customer portal says beside whose it is."""
        return frame_parts.notes(self.visit) if self.visit else []

    @property
    def has_switcher(self) -> bool:
        """Whether there is an account to switch to, or to go back from."""
        visit = self.visit
        return visit is not None and (not visit.is_own or portal_visits.has_other_portals(visit.viewer))


def menu_groups(endpoint: str) -> list[Group]:
    """Return a portal's menu as Flask-Admin knows it, in its order, without what is closed to the viewer.

    `endpoint` is the portal's: "msp" or "portal".
    """
    admin: Any = next(found for found in current_app.extensions["admin"] if found.endpoint == endpoint)
    groups: list[Group] = []
    for item in admin.menu():
        if item.is_category():
            entries = [_entry(child) for child in item.get_children()]
            if entries:
                groups.append(Group(str(item.name), entries))
        elif item.is_accessible() and item.is_visible():
            if not groups or groups[-1].label:
                groups.append(Group("", []))
            groups[-1].entries.append(_entry(item))
    return groups


def _entry(item: Any) -> Entry:
    url = item.get_url()
    count = getattr(getattr(item, "_view", None), "waiting_count", None)
    return Entry(str(item.name), url, request.path.startswith(url), count() if count else 0)
