"""What the portal itself remembers: the clock's offset, the newest instant seen."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class PortalSetting(Base):
    """A named value."""

    __tablename__ = "portal_settings"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[str] = mapped_column(String(300))
