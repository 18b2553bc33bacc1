"""基本情報 and 販売店情報: the descriptive fields of an account, and how a change of them is applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.errors import DomainError
from models import Account

PROFILE_FIELDS = (
    "website_url",
    "company_name",
    "phone_number",
    "postal_code",
    "prefecture",
    "city",
    "address_line",
    "contact_name",
    "contact_email",
    "industry",
)
RESELLER_FIELDS = (
    "reseller_company_name",
    "reseller_phone_number",
    "reseller_postal_code",
    "reseller_prefecture",
    "reseller_city",
    "reseller_address_line",
    "reseller_contact_name",
    "reseller_contact_email",
    "reseller_remark",
)
#: The only columns that a posted form may set; everything else has a use case of its own.
DESCRIPTIVE_FIELDS = PROFILE_FIELDS + RESELLER_FIELDS


class ChangedMeanwhile(DomainError):
    """Somebody else has changed the account since the form was opened; carries `current` field values."""

    http_status = 409


def check_version(account: Account, version: int) -> None:
    """Refuse a form that was opened before someone else's change.

    :raises ChangedMeanwhile: with the current values of the descriptive fields.
    """
    if account.version != version:
        current = {name: getattr(account, name) for name in DESCRIPTIVE_FIELDS}
        raise ChangedMeanwhile(
            current={**current, "contract_user_count": account.contract_user_count}, version=account.version
        )


def apply_profile(account: Account, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Set descriptive fields and return what changed, name → [old, new]; other names are ignored."""
    changes: dict[str, list[Any]] = {}
    for name in DESCRIPTIVE_FIELDS:
        if name in values and (values[name] or None) != (getattr(account, name) or None):
            changes[name] = [getattr(account, name), values[name] or None]
            setattr(account, name, values[name] or None)
    return changes
