"""Accounts as the mail services need them: one tree, everything valid, both contacts present."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from domain.lifecycle import AccountStatus
from domain.permissions import AccountType, AdminLevel, Viewer
from models import Account, Administrator, Cancellation, PointBalance, db
from services.mail_texts import MailBrand
from services.transaction import transaction

NOW = dt.datetime(2026, 11, 20, 3, 0, tzinfo=dt.UTC)
BRAND = MailBrand(brand_name="SingleID", portal_url="https://portal.example.jp")


@dataclass
class Tree:
    """The ids of an operator, a 特権MSP, two MSPs and the overall administrator of the first."""

    operator_id: int
    distributor_id: int
    msp_id: int
    other_msp_id: int
    viewer: Viewer


def plant_tree() -> Tree:
    """Store a tree without customers."""
    with transaction():
        operator = _add(AccountType.OPERATOR, None, None, "SingleID", "10000001")
        distributor = _add(AccountType.PRIVILEGED_MSP, operator.id, None, "ディストリビュータ", "10000002")
        msp = _add(AccountType.MSP, distributor.id, distributor.id, "販売店A", "10000003")
        other = _add(AccountType.MSP, distributor.id, distributor.id, "販売店B", "10000004")
        person = administrator(msp.id, "msp-a", AdminLevel.OVERALL)
        db.session.add_all(PointBalance(account_id=row.id) for row in (distributor, msp, other))
        viewer = Viewer(person.id, person.user_name, msp.id, AccountType.MSP, AdminLevel.OVERALL)
        return Tree(operator.id, distributor.id, msp.id, other.id, viewer)


def customer(tree: Tree, number: str, *, parent_id: int | None = None, **values: Any) -> int:
    """Store a running customer with both contacts and a balance of 0; return its id."""
    with transaction():
        facts: dict[str, Any] = {
            "contact_name": "山田 太郎",
            "contact_email": f"taro-{number}@example.jp",
            "reseller_company_name": "販売店A",
            "reseller_contact_name": "佐藤 花子",
            "reseller_contact_email": "hanako@example.jp",
        }
        account = _add(
            AccountType.CUSTOMER,
            parent_id or tree.msp_id,
            tree.distributor_id,
            f"顧客{number}",
            number,
            **(facts | values),
        )
        is_canceled = account.status == AccountStatus.CANCELED
        db.session.add(PointBalance(account_id=account.id, is_closed=is_canceled))
        if is_canceled or account.cancellation_date:
            consent = agree(tree, account.id, account.cancellation_date, NOW - dt.timedelta(days=1))
            consent.executed_at = account.canceled_at
        return account.id


def agree(tree: Tree, account_id: int, date: dt.date | None, consented_at: dt.datetime) -> Cancellation:
    """Store the consent to a cancellation, inside a transaction."""
    consent = Cancellation(
        account_id=account_id,
        scheduled_on=date,
        consent_text="同意",
        shown_top_up_points=0,
        shown_write_off_points=0,
        consented_at=consented_at,
        administrator_id=tree.viewer.administrator_id,
    )
    db.session.add(consent)
    return consent


def administrator(account_id: int, user_name: str, level: AdminLevel) -> Administrator:
    """Store an administrator, inside a transaction."""
    person = Administrator(
        account_id=account_id,
        user_name=user_name,
        email=f"{user_name}@example.jp",
        full_name=f"担当 {user_name}",
        level=level,
        created_at=NOW,
    )
    db.session.add(person)
    db.session.flush()
    return person


def _add(
    account_type: AccountType,
    parent_id: int | None,
    privileged_msp_id: int | None,
    company_name: str,
    account_number: str,
    **values: Any,
) -> Account:
    facts: dict[str, Any] = {
        "status": AccountStatus.ACTIVE,
        "phone_number": "03-1234-5678",
        "postal_code": "100-0001",
        "prefecture": "東京都",
        "city": "千代田区",
        "contract_user_count": 10,
        "contract_date": dt.date(2026, 1, 5),
        "applied_at": NOW - dt.timedelta(days=300),
        "provisioned_at": NOW - dt.timedelta(days=299),
        "account_number": account_number,
    }
    account = Account(
        account_type=account_type,
        parent_id=parent_id,
        privileged_msp_id=privileged_msp_id,
        company_name=company_name,
        **(facts | values),
    )
    db.session.add(account)
    db.session.flush()
    return account
