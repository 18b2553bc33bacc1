"""Administrators (people who sign in), their sign-ins on the server, and one-time links."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from domain.permissions import AccountType, AdminLevel
from models.accounts import Account
from models.base import Base, BigInt, EnumText, UtcDateTime, is_one_of


class Administrator(Base):
    """A person who signs in for one account, at one level. No password hash: it has not been set yet."""

    __tablename__ = "administrators"
    __table_args__ = (
        is_one_of("level", AdminLevel),
        Index("ix_administrators_account_id", "account_id"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    user_name: Mapped[str] = mapped_column(String(60), unique=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    full_name: Mapped[str] = mapped_column(String(100))
    level: Mapped[AdminLevel] = mapped_column(EnumText(AdminLevel))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(2), default="ja")
    is_disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)

    account: Mapped[Account] = relationship(foreign_keys=[account_id])

    @property
    def account_type(self) -> AccountType:
        """The type of the account that this person works for."""
        return self.account.account_type


class SignIn(Base):
    """A session: the cookie holds a random token, the row its SHA-256; an ended row opens nothing."""

    __tablename__ = "sign_ins"
    __table_args__ = (Index("ix_sign_ins_administrator_id", "administrator_id"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    administrator_id: Mapped[int] = mapped_column(ForeignKey("administrators.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    remote_address: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(String(300))

    administrator: Mapped[Administrator] = relationship()


class OneTimeLink(Base):
    """A link by which an administrator sets a password once; the row keeps its SHA-256."""

    __tablename__ = "one_time_links"
    __table_args__ = (Index("ix_one_time_links_administrator_id", "administrator_id"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    administrator_id: Mapped[int] = mapped_column(ForeignKey("administrators.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)

    administrator: Mapped[Administrator] = relationship()
