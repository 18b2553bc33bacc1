"""Rows: columns, constraints with names, relationships. No decision, no query."""

from models.accounts import Account, ContractUserChange
from models.administrators import Administrator, OneTimeLink, SignIn
from models.audit import AuditEvent
from models.base import db
from models.billing import BillingItem, BillingRun
from models.cancellations import Cancellation
from models.mails import OutgoingMail
from models.points import PointBalance, PointLine, PointRequest, PriceVersionRow
from models.settings import PortalSetting

__all__ = [
    "Account",
    "Administrator",
    "AuditEvent",
    "BillingItem",
    "BillingRun",
    "Cancellation",
    "ContractUserChange",
    "OneTimeLink",
    "OutgoingMail",
    "PointBalance",
    "PointLine",
    "PointRequest",
    "PortalSetting",
    "PriceVersionRow",
    "SignIn",
    "db",
]
