"""Rows: columns, constraints with names, relationships. No decision, no query."""

from models.accounts import Account, ContractUserChange
from models.administrators import Administrator, OneTimeLink, SignIn
from models.approvals import ApprovalRequest, FourEyesRule
from models.audit import AuditEvent, AuditSeal
from models.base import db
from models.billing import BillingChunk, BillingItem, BillingRun
from models.cancellations import Cancellation
from models.health import Verification, WorkerBeat
from models.mails import BounceLift, OutgoingMail
from models.menu_presets import MenuPreset
from models.points import PointBalance, PointLine, PointRequest, PriceVersionRow
from models.rehearsals import BillingRehearsal, BillingRehearsalItem
from models.second_factors import RecoveryCode, SecondFactor
from models.service_users import ServiceUser
from models.settings import PortalSetting

__all__ = [
    "Account",
    "Administrator",
    "ApprovalRequest",
    "AuditEvent",
    "AuditSeal",
    "BillingChunk",
    "BillingItem",
    "BillingRehearsal",
    "BillingRehearsalItem",
    "BillingRun",
    "BounceLift",
    "Cancellation",
    "ContractUserChange",
    "FourEyesRule",
    "MenuPreset",
    "OneTimeLink",
    "OutgoingMail",
    "PointBalance",
    "PointLine",
    "PointRequest",
    "PortalSetting",
    "PriceVersionRow",
    "RecoveryCode",
    "SecondFactor",
    "ServiceUser",
    "SignIn",
    "Verification",
    "WorkerBeat",
    "db",
]
