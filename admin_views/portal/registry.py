"""The screens of the customer portal in the order of its menu."""

from __future__ import annotations

from flask_admin import Admin


def register_views(portal: Admin) -> None:
    """Add every screen to the customer portal; the order here is the order of the menu."""
    portal.add_views()
