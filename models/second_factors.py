"""The second factor of an administrator, and the recovery codes beside it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigInt, UtcDateTime


class SecondFactor(Base):
    """An authenticator that has proved itself by a code; no row: the person signs in by password alone."""

    __tablename__ = "second_factors"
    __table_args__ = (Index("ix_second_factors_account_id", "account_id"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    administrator_id: Mapped[int] = mapped_column(ForeignKey("administrators.id"), unique=True)
    #: The account that the person works for.
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    #: services.secret_box: worth nothing without SECRET_KEY.
    sealed_secret: Mapped[str] = mapped_column(String(500))
    #: The newest time step whose code was good: neither it nor one before it is good again.
    last_used_step: Mapped[int] = mapped_column(BigInteger)
    confirmed_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class RecoveryCode(Base):
    """A code that takes the place of the authenticator's once; the row keeps its SHA-256."""

    __tablename__ = "recovery_codes"
    __table_args__ = (
        Index("ix_recovery_codes_administrator_id", "administrator_id"),
        Index("ix_recovery_codes_account_id", "account_id"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    administrator_id: Mapped[int] = mapped_column(ForeignKey("administrators.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
