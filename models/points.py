"""Points: prices, balances, the ledger's lines, and the requests that moved them."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.permissions import AccountType
from domain.points import LARGEST_BALANCE_POINTS, LARGEST_LINE_POINTS, PointKind, PriceVersion
from models.base import Base, BigInt, EnumText, UtcDateTime, is_one_of


class PriceVersionRow(Base):
    """A price of one account type from an instant on; added, never changed."""

    __tablename__ = "price_versions"
    __table_args__ = (
        UniqueConstraint("account_type", "valid_from"),
        is_one_of("account_type", AccountType),
        CheckConstraint(
            "base_points >= 0 AND included_user_count >= 0 AND points_per_additional_user >= 0",
            name="not_negative",
        ),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    account_type: Mapped[AccountType] = mapped_column(EnumText(AccountType))
    valid_from: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    base_points: Mapped[int]
    included_user_count: Mapped[int]
    points_per_additional_user: Mapped[int]
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    administrator_id: Mapped[int | None] = mapped_column(ForeignKey("administrators.id"))

    def as_value(self) -> PriceVersion:
        """Return the price as the domain's value."""
        return PriceVersion(
            valid_from=self.valid_from,
            base_points=self.base_points,
            included_user_count=self.included_user_count,
            points_per_additional_user=self.points_per_additional_user,
        )


class PointBalance(Base):
    """The balance of an account: a narrow row apart from the wide account row; also the ledger's lock.

    `is_closed` is set by a cancellation: a closed balance is 0 and takes no more lines.
    """

    __tablename__ = "point_balances"
    __table_args__ = (
        CheckConstraint("NOT is_closed OR point_balance = 0", name="closed_is_zero"),
        CheckConstraint(
            f"point_balance BETWEEN -{LARGEST_BALANCE_POINTS} AND {LARGEST_BALANCE_POINTS}", name="range"
        ),
        CheckConstraint("(negative_since IS NOT NULL) = (point_balance < 0)", name="negative_has_instant"),
        Index(
            "ix_point_balances_negative_since",
            "negative_since",
            sqlite_where=text("negative_since IS NOT NULL"),
            postgresql_where=text("negative_since IS NOT NULL"),
        ),
        {"postgresql_with": {"fillfactor": 50}},
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    point_balance: Mapped[int] = mapped_column(BigInt, default=0)
    last_line_number: Mapped[int] = mapped_column(default=0)
    negative_since: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    is_closed: Mapped[bool] = mapped_column(default=False)


class PointLine(Base):
    """A line of the ledger: appended, never changed, numbered 1..n per account.

    The two lines of a transfer share transfer_id; the lines of one request share request_id.
    """

    __tablename__ = "point_lines"
    __table_args__ = (
        UniqueConstraint("account_id", "line_number"),
        is_one_of("kind", PointKind),
        CheckConstraint(f"points BETWEEN -{LARGEST_LINE_POINTS} AND {LARGEST_LINE_POINTS}", name="range"),
        CheckConstraint("points <> 0", name="not_zero"),
        CheckConstraint(
            "corrects_line_id IS NOT NULL OR kind NOT IN ('monthly_fee', 'cancellation_write_off') OR points < 0",
            name="consumption_is_negative",
        ),
        CheckConstraint("(kind = 'monthly_fee') = (billing_date IS NOT NULL)", name="fee_has_billing_date"),
        CheckConstraint(
            "kind NOT IN ('addition', 'cancellation_top_up') OR transfer_id IS NOT NULL",
            name="handed_down_is_transfer",
        ),
        Index(
            "uq_point_lines_monthly_fee",
            "account_id",
            "billing_date",
            unique=True,
            sqlite_where=text("kind = 'monthly_fee' AND corrects_line_id IS NULL"),
            postgresql_where=text("kind = 'monthly_fee' AND corrects_line_id IS NULL"),
        ),
        # Partial, so that no plan walks every uncorrected line by it.
        Index(
            "uq_point_lines_corrects_line_id",
            "corrects_line_id",
            unique=True,
            sqlite_where=text("corrects_line_id IS NOT NULL"),
            postgresql_where=text("corrects_line_id IS NOT NULL"),
        ),
        Index("ix_point_lines_recorded_at", "recorded_at", "id"),
        Index(
            "ix_point_lines_transfer_id",
            "transfer_id",
            sqlite_where=text("transfer_id IS NOT NULL"),
            postgresql_where=text("transfer_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("point_balances.account_id"))
    line_number: Mapped[int]
    kind: Mapped[PointKind] = mapped_column(EnumText(PointKind))
    points: Mapped[int] = mapped_column(BigInt)
    balance_after: Mapped[int] = mapped_column(BigInt)
    recorded_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    transfer_id: Mapped[str | None] = mapped_column(String(36))
    request_id: Mapped[str | None] = mapped_column(String(36))
    corrects_line_id: Mapped[int | None] = mapped_column(ForeignKey("point_lines.id"))
    billing_date: Mapped[dt.date | None] = mapped_column(Date)
    administrator_id: Mapped[int | None] = mapped_column(ForeignKey("administrators.id"))
    #: User name of who pressed the button; empty for the clockwork.
    actor_name: Mapped[str] = mapped_column(String(60), default="")
    remark: Mapped[str | None] = mapped_column(String(500))


class PointRequest(Base):
    """A request that had an effect: the same id with the same body is answered with the first result."""

    __tablename__ = "point_requests"

    request_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    administrator_id: Mapped[int] = mapped_column(ForeignKey("administrators.id"))
    body_digest: Mapped[str] = mapped_column(String(64))
    result: Mapped[dict[str, int]] = mapped_column(JSON)
    requested_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
