"""The account rows of the demo's customers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from domain.billing_calendar import approval_due_on, billing_instant, next_billing_date, tokyo_date
from domain.lifecycle import AccountStatus, SuspensionReason
from domain.permissions import AccountType
from models.accounts import search_text_of
from services.demo_people import DemoPeople
from services.demo_plan import DemoCustomer, Situation, is_provisioned

FIRST_ACCOUNT_NUMBER = 30_000_001


def account_row(
    *,
    customer: DemoCustomer,
    account_id: int,
    parent_id: int,
    people: DemoPeople,
    billing_dates: Sequence[dt.date],
    now: dt.datetime,
) -> dict[str, Any]:
    """Return the row of a demo customer's account."""
    position = customer.position
    is_in_service = is_provisioned(customer.situation)
    row = {
        "id": account_id,
        "parent_id": parent_id,
        "privileged_msp_id": people.distributor_id,
        "account_type": AccountType.CUSTOMER,
        "status": _status(customer, billing_dates),
        "suspension_reason": (
            SuspensionReason.SHORTAGE if _status(customer, billing_dates) is AccountStatus.SUSPENDED else None
        ),
        "account_number": str(FIRST_ACCOUNT_NUMBER + position) if is_in_service else None,
        **_profile(customer),
        "contract_user_count": customer.contract_user_count,
        "contract_date": customer.contract_date if is_in_service else None,
        "cancellation_date": cancellation_date(customer, now),
        "support_account_id": people.support_id if position % 7 == 0 and is_in_service else None,
        "hidden_menu_keys": [],
        **_application(customer, now),
        "applied_by_id": people.actor_above(parent_id)["administrator_id"],
        "provisioning_attempts": 0,
        "provisioned_at": customer.provisioned_at if is_in_service else None,
        "canceled_at": _canceled_at(customer, billing_dates, now),
        "version": 1,
    }
    return row | {"search_text": search_text_of(row)}


def _application(customer: DemoCustomer, now: dt.datetime) -> dict[str, Any]:
    is_decided = is_provisioned(customer.situation) or customer.situation is Situation.REJECTED
    applied_at = customer.provisioned_at - dt.timedelta(days=1)
    if not is_provisioned(customer.situation):
        applied_at = now - dt.timedelta(days=1 + 6 * (customer.position % 2))
    is_rejected = customer.situation is Situation.REJECTED
    return {
        "applied_at": applied_at,
        "approval_due_on": approval_due_on(applied_at),
        "decided_at": applied_at + dt.timedelta(hours=3) if is_decided else None,
        "rejection_reason": "ご担当者の連絡先が確認できませんでした。" if is_rejected else None,
    }


def _profile(customer: DemoCustomer) -> dict[str, Any]:
    position, has_reseller = customer.position, customer.reseller_contact
    return {
        "language": "ja",
        "company_name": customer.company_name,
        "website_url": f"https://customer{position + 1}.example.jp/",
        "phone_number": f"03-{5000 + position % 5000:04d}-{position * 7 % 10000:04d}",
        "postal_code": customer.postal_code,
        "prefecture": customer.prefecture,
        "city": customer.city,
        "contact_name": customer.contact_name,
        "contact_email": customer.contact_email,
        **reseller_columns(has_reseller=has_reseller),
    }


def reseller_columns(*, has_reseller: bool) -> dict[str, str | None]:
    """Return the columns of the contact at a reseller: the same one for every customer that has one."""
    return {
        "reseller_company_name": "株式会社サンプル販売" if has_reseller else None,
        "reseller_contact_name": "販売 太郎" if has_reseller else None,
        "reseller_contact_email": "sales@reseller.example.jp" if has_reseller else None,
    }


def _status(customer: DemoCustomer, billing_dates: Sequence[dt.date]) -> AccountStatus:
    if customer.situation is Situation.SUSPENDED and billing_dates:
        return AccountStatus.SUSPENDED
    return {
        Situation.CANCELED: AccountStatus.CANCELED,
        Situation.PENDING: AccountStatus.PENDING_APPROVAL,
        Situation.REJECTED: AccountStatus.REJECTED,
    }.get(customer.situation, AccountStatus.ACTIVE)


def _canceled_at(
    customer: DemoCustomer, billing_dates: Sequence[dt.date], now: dt.datetime
) -> dt.datetime | None:
    if customer.situation is not Situation.CANCELED:
        return None
    last = max([customer.provisioned_at, *map(billing_instant, billing_dates)])
    return last + (now - last) * 0.7


def cancellation_date(customer: DemoCustomer, now: dt.datetime) -> dt.date | None:
    """The first six leave on the next 24th, 25th and 26th, one of each MSP; the others some day."""
    if customer.situation is not Situation.SCHEDULED:
        return None
    today = tokyo_date(now)
    if customer.position >= 10:
        return today + dt.timedelta(days=customer.days_until_cancellation)
    cut_day = next_billing_date(now)
    day = cut_day + dt.timedelta(days=(customer.position - 4) // 2 - 1)
    return day if day > today else next_billing_date(billing_instant(cut_day)) - dt.timedelta(days=1)
