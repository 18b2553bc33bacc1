"""What the portal itself remembers, by name."""

from __future__ import annotations

from sqlalchemy import select

from models import PortalSetting, db
from services.engines import upsert


def keep(name: str, value: str) -> None:
    """Remember a value; several processes may do so at once, the last one counts."""
    db.session.execute(
        upsert(PortalSetting)
        .values(name=name, value=value)
        .on_conflict_do_update(index_elements=["name"], set_={"value": value})
    )


def kept(name: str) -> str | None:
    """Return a remembered value, or None."""
    return db.session.execute(
        select(PortalSetting.value).where(PortalSetting.name == name)
    ).scalar_one_or_none()
