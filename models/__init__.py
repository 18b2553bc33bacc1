"""Rows: columns, constraints with names, relationships. No decision, no query."""

from models.accounts import Account, ContractUserChange
from models.administrators import Administrator, OneTimeLink, SignIn
from models.audit import AuditEvent
from models.base import db
from models.billing import BillingItem, BillingRun
from models.cancellations import Cancellation
from models.mails import BounceLift, OutgoingMail
from models.menu_presets import MenuPreset
from models.points import PointBalance, PointLine, PointRequest, PriceVersionRow
from models.service_users import ServiceUser
from models.settings import PortalSetting

__all__ = [
    "Account",
    "Administrator",
    "AuditEvent",
    "BillingItem",
    "BillingRun",
    "BounceLift",
    "Cancellation",
    "ContractUserChange",
    "MenuPreset",
    "OneTimeLink",
    "OutgoingMail",
    "PointBalance",
    "PointLine",
    "PointRequest",
    "PortalSetting",
    "PriceVersionRow",
    "ServiceUser",
    "SignIn",
    "db",
]
