"""二人承認: from how many points on an account wants a second person, and what waits for one."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.four_eyes import ApprovalKind, ApprovalState
from models.base import Base, BigInt, EnumText, UtcDateTime, is_one_of


class FourEyesRule(Base):
    """The rule of an account that pays; without a row there is none."""

    __tablename__ = "four_eyes_rules"
    __table_args__ = (CheckConstraint("threshold_points > 0", name="threshold_positive"),)

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    #: Movements of so many points or more wait.
    threshold_points: Mapped[int] = mapped_column(BigInt)
    changed_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    administrator_id: Mapped[int] = mapped_column(ForeignKey("administrators.id"))


class ApprovalRequest(Base):
    """What one person asked for and a second one has to approve, reject, or let expire.

    `account_id` is the account whose points move (of a rule: whose rule it is). Amounts are points ≥ 0, by kind:
    addition [points]; return [points, of which are consumed]; refill [points of each row of account_ids];
    cancellations [top-up, write-off]; rule change [].
    """

    __tablename__ = "approval_requests"
    __table_args__ = (
        is_one_of("kind", ApprovalKind),
        is_one_of("state", ApprovalState),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided_has_instant"),
        CheckConstraint(
            "state NOT IN ('approved', 'rejected', 'withdrawn') OR decided_by_id IS NOT NULL",
            name="decided_by_somebody",
        ),
        CheckConstraint("state <> 'approved' OR decided_by_id <> requester_id", name="approved_by_another"),
        CheckConstraint(
            "state <> 'withdrawn' OR decided_by_id = requester_id", name="withdrawn_by_requester"
        ),
        CheckConstraint("state <> 'approved' OR decided_at < expires_at", name="approved_in_time"),
        CheckConstraint(
            "(state = 'approved') = (approved_points IS NOT NULL AND moved_points IS NOT NULL)",
            name="approved_has_points",
        ),
        CheckConstraint("moved_points IS NULL OR moved_points <= approved_points", name="moved_as_approved"),
        CheckConstraint("(state = 'rejected') = (rejection_reason IS NOT NULL)", name="rejected_has_reason"),
        Index("ix_approval_requests_account_id", "account_id", "id"),
        Index(
            "uq_approval_requests_open",
            "account_id",
            "subject_key",
            "expires_at",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[ApprovalKind] = mapped_column(EnumText(ApprovalKind))
    state: Mapped[ApprovalState] = mapped_column(EnumText(ApprovalState), default=ApprovalState.OPEN)
    #: The row that it is about; NULL: rows in account_ids, or the account's own rule.
    subject_account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    #: What there may be only one open request of; one that has expired without being marked is in nobody's way.
    subject_key: Mapped[str] = mapped_column(String(80))
    account_ids: Mapped[list[int]] = mapped_column(JSON, default=list)
    asked_amounts: Mapped[list[int]] = mapped_column(JSON, default=list)
    #: What the threshold was held against.
    asked_points: Mapped[int] = mapped_column(BigInt)
    remark: Mapped[str | None] = mapped_column(String(500))
    scheduled_on: Mapped[dt.date | None] = mapped_column(Date)
    as_far_as_possible: Mapped[bool] = mapped_column(default=False)
    #: Of a rule change: the threshold before and after; NULL: no rule.
    old_threshold_points: Mapped[int | None] = mapped_column(BigInt)
    new_threshold_points: Mapped[int | None] = mapped_column(BigInt)
    #: The lines that an approval writes carry it.
    request_id: Mapped[str] = mapped_column(String(36), unique=True)
    requester_id: Mapped[int] = mapped_column(ForeignKey("administrators.id"))
    requested_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("administrators.id"))
    rejection_reason: Mapped[str | None] = mapped_column(String(1000))
    #: What the approver was shown, and what then was moved: never more.
    approved_points: Mapped[int | None] = mapped_column(BigInt)
    moved_points: Mapped[int | None] = mapped_column(BigInt)
