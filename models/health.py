"""What the portal remembers of its own health: the checks of its invariants, and the workers that were alive."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigInt, UtcDateTime


class Verification(Base):
    """One check of all invariants: when, how long, what was broken."""

    __tablename__ = "verifications"
    __table_args__ = (Index("ix_verifications_verified_at", "verified_at", "id"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    verified_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    duration_ms: Mapped[int] = mapped_column(BigInt)
    check_count: Mapped[int]
    #: Seals of the audit chain that were computed anew, and whether that was the chain from its beginning.
    seal_count: Mapped[int] = mapped_column(BigInt)
    is_whole_chain: Mapped[bool]
    #: {"law": name, "rows": [up to twenty rows as text]} of each broken one; empty: all hold.
    broken: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class WorkerBeat(Base):
    """When a worker was last seen at work; kept in the database, since the queue forgets its workers."""

    __tablename__ = "worker_beats"

    #: Host and process.
    worker_name: Mapped[str] = mapped_column(String(120), primary_key=True)
    beat_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
