"""ユーザ一覧: the users of the identity service that an account has registered."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from domain.inputs.text import search_key
from models.base import Base, BigInt, UtcDateTime


class ServiceUser(Base):
    """A user of the identity service; counts against 契約ユーザ数, disabled or not. Names are kept lower-case."""

    __tablename__ = "service_users"
    __table_args__ = (
        UniqueConstraint("account_id", "user_name"),
        Index("ix_service_users_account_id_id", "account_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    user_name: Mapped[str] = mapped_column(String(100))
    full_name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str | None] = mapped_column(String(254))
    department: Mapped[str | None] = mapped_column(String(100))
    is_disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    #: Normalized words by which the user is found; kept by the listener below.
    search_text: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}


SEARCHED = ("user_name", "full_name", "email", "department")


def search_text_of(values: dict[str, Any]) -> str:
    """Return the normalized text by which a user with these column values is found."""
    return search_key("\n".join(str(values[name]) for name in SEARCHED if values.get(name)))


@event.listens_for(ServiceUser, "before_insert")
@event.listens_for(ServiceUser, "before_update")
def _keep_search_text(mapper: Mapper[ServiceUser], connection: Connection, user: ServiceUser) -> None:
    text = search_text_of({name: getattr(user, name) for name in SEARCHED})
    if user.search_text != text:
        user.search_text = text
