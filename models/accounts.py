"""Accounts: one table for everything that holds points, as one tree, and their users over time."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, Text, event, false
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from domain.inputs.text import search_key
from domain.lifecycle import AccountStatus, SuspensionReason
from domain.permissions import AccountType
from domain.points import LARGEST_USER_COUNT, SMALLEST_USER_COUNT
from models.base import Base, BigInt, EnumText, UtcDateTime, is_one_of


class Account(Base):
    """An account: operator, 特権MSP, MSP, support or customer; `version` counts its changes by people."""

    __tablename__ = "accounts"
    __table_args__ = (
        is_one_of("account_type", AccountType),
        is_one_of("status", AccountStatus),
        CheckConstraint(
            f"contract_user_count BETWEEN {SMALLEST_USER_COUNT} AND {LARGEST_USER_COUNT}",
            name="contract_user_count_range",
        ),
        CheckConstraint("(parent_id IS NULL) = (account_type = 'operator')", name="only_operator_is_root"),
        CheckConstraint(
            "(privileged_msp_id IS NULL) = (account_type IN ('operator', 'privileged_msp'))",
            name="privileged_msp_above",
        ),
        CheckConstraint(
            "(suspension_reason IS NOT NULL) = (status = 'suspended')", name="suspension_has_reason"
        ),
        CheckConstraint(
            "status NOT IN ('active', 'suspended', 'canceled') OR "
            "(account_number IS NOT NULL AND provisioned_at IS NOT NULL AND contract_date IS NOT NULL)",
            name="running_is_provisioned",
        ),
        CheckConstraint("(canceled_at IS NOT NULL) = (status = 'canceled')", name="canceled_has_instant"),
        CheckConstraint("account_number IS NULL OR length(account_number) = 8", name="account_number_length"),
        Index("ix_accounts_parent_id_id", "parent_id", "id"),
        Index("ix_accounts_privileged_msp_id_id", "privileged_msp_id", "id"),
        Index("ix_accounts_support_account_id_id", "support_account_id", "id"),
        Index("ix_accounts_cancellation_date", "cancellation_date"),
        Index("ix_accounts_status_type", "status", "account_type"),
        # By this services/account_search.py finds; SQLite reads the rows.
        Index(
            "ix_accounts_search_text",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
            info={"only_on": "postgresql"},
        ).ddl_if(dialect="postgresql"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    privileged_msp_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    account_type: Mapped[AccountType] = mapped_column(EnumText(AccountType))
    status: Mapped[AccountStatus] = mapped_column(EnumText(AccountStatus))
    suspension_reason: Mapped[SuspensionReason | None] = mapped_column(EnumText(SuspensionReason))
    account_number: Mapped[str | None] = mapped_column(String(8), unique=True)
    language: Mapped[str] = mapped_column(String(2), default="ja")

    company_name: Mapped[str] = mapped_column(String(120))
    website_url: Mapped[str | None] = mapped_column(String(300))
    phone_number: Mapped[str] = mapped_column(String(20))
    postal_code: Mapped[str] = mapped_column(String(8))
    prefecture: Mapped[str] = mapped_column(String(10))
    city: Mapped[str] = mapped_column(String(100))
    address_line: Mapped[str | None] = mapped_column(String(200))
    contact_name: Mapped[str | None] = mapped_column(String(100))
    contact_email: Mapped[str | None] = mapped_column(String(254))
    industry: Mapped[str | None] = mapped_column(String(60))

    reseller_company_name: Mapped[str | None] = mapped_column(String(120))
    reseller_phone_number: Mapped[str | None] = mapped_column(String(20))
    reseller_postal_code: Mapped[str | None] = mapped_column(String(8))
    reseller_prefecture: Mapped[str | None] = mapped_column(String(10))
    reseller_city: Mapped[str | None] = mapped_column(String(100))
    reseller_address_line: Mapped[str | None] = mapped_column(String(200))
    reseller_contact_name: Mapped[str | None] = mapped_column(String(100))
    reseller_contact_email: Mapped[str | None] = mapped_column(String(254))
    reseller_remark: Mapped[str | None] = mapped_column(String(1000))

    contract_user_count: Mapped[int]
    contract_date: Mapped[dt.date | None] = mapped_column(Date)
    cancellation_date: Mapped[dt.date | None] = mapped_column(Date)
    support_account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    hidden_menu_keys: Mapped[list[str]] = mapped_column(JSON, default=list)

    #: Everybody who signs in for this account needs a second factor.
    requires_second_factor: Mapped[bool] = mapped_column(default=False, server_default=false())

    applied_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    applied_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("administrators.id", use_alter=True, name="fk_accounts_applied_by_id")
    )
    #: Last day of the promised three business days, fixed when the application was made.
    approval_due_on: Mapped[dt.date | None] = mapped_column(Date)
    decided_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    rejection_reason: Mapped[str | None] = mapped_column(String(1000))
    provisioning_requested_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    #: Who ordered it: his right is looked at again when it is done. None: ordered before this was kept.
    provisioning_requested_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("administrators.id", use_alter=True, name="fk_accounts_provisioning_requested_by_id")
    )
    provisioning_attempts: Mapped[int] = mapped_column(default=0)
    provisioning_error: Mapped[str | None] = mapped_column(String(500))
    provisioning_next_attempt_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    provisioned_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    canceled_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    #: Normalized words by which the account is found; kept by the listener below.
    search_text: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)

    parent: Mapped[Account | None] = relationship(foreign_keys=[parent_id], remote_side=[id])
    support_account: Mapped[Account | None] = relationship(
        foreign_keys=[support_account_id], remote_side=[id]
    )

    __mapper_args__ = {"version_id_col": version}

    @property
    def hidden_keys(self) -> frozenset[str]:
        """The menus that this customer's portal does not show."""
        return frozenset(self.hidden_menu_keys or ())


SEARCHED = (
    "account_number",
    "company_name",
    "contact_name",
    "contact_email",
    "phone_number",
    "reseller_company_name",
    "reseller_contact_name",
)


def search_text_of(values: dict[str, Any]) -> str:
    """Return the normalized text by which an account with these column values is found."""
    words = "\n".join(str(values[name]) for name in SEARCHED if values.get(name))
    return search_key(words)


@event.listens_for(Account, "before_insert")
@event.listens_for(Account, "before_update")
def _keep_search_text(mapper: Mapper[Account], connection: Connection, account: Account) -> None:
    text = search_text_of({name: getattr(account, name) for name in SEARCHED})
    if account.search_text != text:
        account.search_text = text


class ContractUserChange(Base):
    """契約ユーザ数 as it held from an instant on; the newest one not after a cut counts for its fee."""

    __tablename__ = "contract_user_changes"
    __table_args__ = (
        CheckConstraint(
            f"contract_user_count BETWEEN {SMALLEST_USER_COUNT} AND {LARGEST_USER_COUNT}", name="count_range"
        ),
        Index("ix_contract_user_changes_as_of", "account_id", "effective_at", "id"),
        # What changed after a cut: rarely anything, and asked of all accounts.
        Index("ix_contract_user_changes_effective_at", "effective_at"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    effective_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    contract_user_count: Mapped[int]
    administrator_id: Mapped[int | None] = mapped_column(ForeignKey("administrators.id"))
