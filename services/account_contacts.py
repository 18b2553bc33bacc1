"""The two contacts of an account to whom mails go: 基本情報 (the customer) and 販売店情報 (the reseller)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, or_

from models.accounts import Account


class ContactRole(StrEnum):
    """Which of the two contacts it is."""

    PROFILE = "profile"
    RESELLER = "reseller"


class ContactGap(StrEnum):
    """Why a contact gets no mail."""

    NAME_MISSING = "name_missing"
    EMAIL_MISSING = "email_missing"
    NAME_AND_EMAIL_MISSING = "name_and_email_missing"
    SAME_ADDRESS = "same_address"


@dataclass(frozen=True)
class Contact:
    """担当者名 and 担当者Eメール with their company; gap None: mails go there."""

    role: ContactRole
    company_name: str | None
    name: str | None
    email: str | None
    gap: ContactGap | None


def contacts_of(account: Account) -> tuple[Contact, Contact]:
    """Return both contacts; one address named twice counts for 基本情報 alone. Source: 納品通知."""
    profile = _contact(ContactRole.PROFILE, account.company_name, account.contact_name, account.contact_email)
    reseller = _contact(
        ContactRole.RESELLER,
        account.reseller_company_name,
        account.reseller_contact_name,
        account.reseller_contact_email,
        taken=profile.email if profile.gap is None else None,
    )
    return profile, reseller


def recipients_of(account: Account) -> tuple[Contact, ...]:
    """Return the contacts that have both a name and an address: none, one or two."""
    return tuple(contact for contact in contacts_of(account) if contact.gap is None)


def has_recipient() -> ColumnElement[bool]:
    """Return the condition on Account that at least one contact has both a name and an address."""
    return or_(
        and_(Account.contact_name != "", Account.contact_email != ""),
        and_(Account.reseller_contact_name != "", Account.reseller_contact_email != ""),
    )


def _contact(
    role: ContactRole, company_name: str | None, name: str | None, email: str | None, taken: str | None = None
) -> Contact:
    gap = None
    if not name and not email:
        gap = ContactGap.NAME_AND_EMAIL_MISSING
    elif not name:
        gap = ContactGap.NAME_MISSING
    elif not email:
        gap = ContactGap.EMAIL_MISSING
    elif taken and email.lower() == taken.lower():
        gap = ContactGap.SAME_ADDRESS
    return Contact(role=role, company_name=company_name, name=name, email=email, gap=gap)
