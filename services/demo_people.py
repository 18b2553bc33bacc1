"""The demo's accounts above the customers, and its administrators with their sign-ins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from domain.billing_calendar import tokyo_date
from domain.lifecycle import AccountStatus
from domain.permissions import AccountType, AdminLevel
from models import Account, Administrator, ContractUserChange, PointBalance, PriceVersionRow, db
from services.passwords import hash_password

EMAIL_DOMAIN = "example.jp"
#: User name → (which account, level). `customer-a` belongs to the first customer of MSP A.
SIGN_INS: dict[str, tuple[str, AdminLevel, str]] = {
    "operator": ("operator", AdminLevel.OVERALL, "運用 一郎"),
    "distributor": ("distributor", AdminLevel.OVERALL, "流通 花子"),
    "msp-a": ("msp-a", AdminLevel.OVERALL, "青木 一"),
    "msp-b": ("msp-b", AdminLevel.OVERALL, "馬場 二郎"),
    "contract-a": ("msp-a", AdminLevel.CONTRACT, "契約 さくら"),
    "system-a": ("msp-a", AdminLevel.SYSTEM, "技術 守"),
    "support": ("support", AdminLevel.OVERALL, "支援 結"),
    "customer-a": ("customer", AdminLevel.SYSTEM, "顧客 明"),
}


@dataclass
class DemoPeople:
    """The accounts above the customers, by id, and who acts for them."""

    began_at: dt.datetime
    operator_id: int
    distributor_id: int
    msp_ids: list[int]
    support_id: int
    first_customer_id: int
    prices: Mapping[AccountType, PriceVersionRow]
    actors: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def reseller_ids(self) -> list[int]:
        """Every account above the customers that holds points."""
        return [self.distributor_id, *self.msp_ids, self.support_id]

    def actor_above(self, account_id: int) -> dict[str, Any]:
        """Return who moves points out of an account: its administrator, else the distributor's."""
        return self.actors.get(account_id) or self.actors[self.distributor_id]


def create_people(*, msps: int, password: str, brand_name: str, began_at: dt.datetime) -> DemoPeople:
    """Write the operator, the distributor, MSPs, a support account, prices and the demo's sign-ins."""
    operator = _account(None, None, AccountType.OPERATOR, "10000001", brand_name, began_at)
    distributor = _account(
        operator.id, None, AccountType.PRIVILEGED_MSP, "10000002", "株式会社ディストリビュート", began_at
    )
    letters = [chr(ord("A") + index) if index < 26 else str(index + 1) for index in range(max(2, msps))]
    below = [
        (AccountType.MSP, f"1{index + 100:07d}", f"MSP {letter}株式会社")
        for index, letter in enumerate(letters)
    ]
    below.append((AccountType.SUPPORT, "19999999", "サポートデスク株式会社"))
    children = [
        _account(distributor.id, distributor.id, kind, number, name, began_at) for kind, number, name in below
    ]
    people = DemoPeople(
        began_at=began_at,
        operator_id=operator.id,
        distributor_id=distributor.id,
        msp_ids=[account.id for account in children[:-1]],
        support_id=children[-1].id,
        first_customer_id=children[-1].id + 1,
        prices=_prices(began_at),
    )
    _administrators(people, password, with_customer=False)
    return people


def add_customer_administrator(people: DemoPeople, password: str) -> None:
    """Write `customer-a`, once the first customer is there."""
    _administrators(people, password, with_customer=True)


def set_passwords(password: str) -> None:
    """Give the demo's sign-ins another password."""
    hashed = hash_password(password)
    statement = select(Administrator).where(Administrator.user_name.in_(SIGN_INS))
    for administrator in db.session.execute(statement).scalars():
        administrator.password_hash = hashed


def _account(
    parent_id: int | None,
    privileged_msp_id: int | None,
    account_type: AccountType,
    number: str,
    name: str,
    began_at: dt.datetime,
) -> Account:
    account = Account(
        parent_id=parent_id,
        privileged_msp_id=privileged_msp_id,
        account_type=account_type,
        status=AccountStatus.ACTIVE,
        account_number=number,
        company_name=name,
        phone_number="03-1234-5678",
        postal_code="100-0001",
        prefecture="東京都",
        city="千代田区",
        contact_name="代表 窓口",
        contact_email=f"office{number}@{EMAIL_DOMAIN}",
        contract_user_count=10,
        contract_date=tokyo_date(began_at),
        hidden_menu_keys=[],
        applied_at=began_at,
        decided_at=began_at,
        provisioned_at=began_at,
    )
    db.session.add(account)
    db.session.flush()
    if account_type is not AccountType.OPERATOR:
        db.session.add(PointBalance(account_id=account.id))
        db.session.add(
            ContractUserChange(account_id=account.id, effective_at=began_at, contract_user_count=10)
        )
    return account


def _prices(began_at: dt.datetime) -> dict[AccountType, PriceVersionRow]:
    rows = {
        account_type: PriceVersionRow(
            account_type=account_type,
            valid_from=began_at,
            base_points=10,
            included_user_count=10,
            points_per_additional_user=1,
            created_at=began_at,
        )
        for account_type in (AccountType.CUSTOMER, AccountType.MSP, AccountType.SUPPORT)
    }
    db.session.add_all(rows.values())
    db.session.flush()
    return rows


def _administrators(people: DemoPeople, password: str, *, with_customer: bool) -> None:
    owners = {
        "operator": people.operator_id,
        "distributor": people.distributor_id,
        "msp-a": people.msp_ids[0],
        "msp-b": people.msp_ids[1],
        "support": people.support_id,
        "customer": people.first_customer_id,
    }
    hashed = hash_password(password)
    for user_name, (owner, level, full_name) in SIGN_INS.items():
        if (owner == "customer") is not with_customer:
            continue
        administrator = Administrator(
            account_id=owners[owner],
            user_name=user_name,
            email=f"{user_name}@{EMAIL_DOMAIN}",
            full_name=full_name,
            level=level,
            password_hash=hashed,
            created_at=people.began_at,
        )
        db.session.add(administrator)
        db.session.flush()
        people.actors.setdefault(
            owners[owner], {"administrator_id": administrator.id, "actor_name": user_name}
        )
