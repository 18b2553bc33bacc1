"""The screens of the MSP portal in the order of its menu."""

from __future__ import annotations

from flask import Flask
from flask_admin import Admin


def register_views(admin: Admin, app: Flask) -> None:
    """Add every list to the MSP portal; the order here is the order of the menu."""
