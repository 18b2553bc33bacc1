"""Administrators (people who sign in), their sign-ins on the server, and one-time links."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, event, text
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from domain.inputs.text import search_key
from domain.permissions import AccountType, AdminLevel
from models.accounts import Account
from models.base import Base, BigInt, EnumText, UtcDateTime, is_one_of


class Administrator(Base):
    """A person who signs in for one account, at one level. No password hash: it has not been set yet.

    A deleted one stays as a row, since lines and events name it, and its user name stays taken; its e-mail
    address is free again. Locked (too many wrong passwords) is not disabled: it passes by itself.
    """

    __tablename__ = "administrators"
    __table_args__ = (
        is_one_of("level", AdminLevel),
        CheckConstraint("deleted_at IS NULL OR is_disabled", name="deleted_is_disabled"),
        Index("ix_administrators_account_id", "account_id"),
        Index(
            "uq_administrators_email",
            "email",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    user_name: Mapped[str] = mapped_column(String(60), unique=True)
    email: Mapped[str] = mapped_column(String(254))
    full_name: Mapped[str] = mapped_column(String(100))
    level: Mapped[AdminLevel] = mapped_column(EnumText(AdminLevel))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(2), default="ja")
    is_disabled: Mapped[bool] = mapped_column(default=False)
    failed_sign_in_count: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    #: Locks since the person last signed in by the right password: each one is longer than the one before.
    consecutive_lock_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    #: Normalized words by which the person is found; kept by the listener below.
    search_text: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)

    account: Mapped[Account] = relationship(foreign_keys=[account_id])

    __mapper_args__ = {"version_id_col": version}

    @property
    def account_type(self) -> AccountType:
        """The type of the account that this person works for."""
        return self.account.account_type


@event.listens_for(Administrator, "before_insert")
@event.listens_for(Administrator, "before_update")
def _keep_search_text(mapper: Mapper[Administrator], connection: Connection, found: Administrator) -> None:
    words = search_key("\n".join((found.user_name, found.full_name, found.email)))
    if found.search_text != words:
        found.search_text = words


class SignIn(Base):
    """A session: the cookie holds a random token, the row its SHA-256; an ended row opens nothing.

    Ended or not, it is how a browser is known again at the next sign-in: services/sign_in_attempts.py.
    """

    __tablename__ = "sign_ins"
    __table_args__ = (Index("ix_sign_ins_administrator_id", "administrator_id"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    administrator_id: Mapped[int] = mapped_column(ForeignKey("administrators.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    #: When the password (and the code) was given last; NULL: when the session began.
    authenticated_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    remote_address: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(String(300))
    #: Wrong passwords that came later from the browser of this session.
    failed_count: Mapped[int] = mapped_column(default=0)
    #: Whose customer portal this session is in; NULL: its own account's.
    portal_account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))

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
