"""納品通知: who gets the mail about a new account, who cannot and why, and the sending of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy import select

from domain.billing_calendar import tokyo_date
from domain.errors import DomainError
from domain.lifecycle import RUNNING, AccountStatus
from domain.permissions import Permission, Viewer
from models.accounts import Account
from models.administrators import Administrator
from models.base import db
from models.mails import MailKind
from services import access, audit, requests
from services.account_contacts import Contact, contacts_of
from services.bounces import BouncedAddress, bounced_addresses
from services.mail_texts import MailBrand
from services.outgoing_mails import MailDraft, queue_mails
from services.refills import LARGEST_SELECTION, SelectionTooLarge


class NobodyToNotify(DomainError):
    """None of the chosen accounts has anyone whom a delivery notice may go to."""


class NoticeRefusal(StrEnum):
    """Why an account gets no delivery notice."""

    CANCELED = "canceled"
    CANCELLATION_UNDER_WAY = "cancellation_under_way"
    NOT_PROVISIONED = "not_provisioned"
    NO_RECIPIENT = "no_recipient"
    ALL_BOUNCED = "all_bounced"


@dataclass(frozen=True)
class DeliveryNoticeRow:
    """One account of a plan. refusal None: each of `recipients` gets a mail.

    `contacts` are both contacts, with the gap of one that gets nothing; `bounced` are those addresses of theirs
    that sent a mail back, and get none until that is lifted (services/bounces.py). Without
    administrator_user_names there is no administrator yet: a warning.
    """

    account: Account
    contacts: tuple[Contact, Contact]
    refusal: NoticeRefusal | None
    administrator_user_names: tuple[str, ...]
    bounced: tuple[BouncedAddress, ...]

    @property
    def recipients(self) -> tuple[Contact, ...]:
        """The contacts to whom a mail goes: none when refused."""
        if self.refusal:
            return ()
        return tuple(
            contact
            for contact in self.contacts
            if contact.gap is None and (contact.email or "").lower() not in self.bounced_emails
        )

    @property
    def bounced_emails(self) -> frozenset[str]:
        """The addresses of `bounced`, in small letters."""
        return frozenset(address.email.lower() for address in self.bounced)

    @property
    def has_administrator(self) -> bool:
        """Tell whether anyone can sign in to the account yet."""
        return bool(self.administrator_user_names)


@dataclass(frozen=True)
class DeliveryNoticePlan:
    """What a press of the button sends, row by row in the order of the choice."""

    rows: tuple[DeliveryNoticeRow, ...]

    @property
    def mail_count(self) -> int:
        """How many mails go out."""
        return sum(len(row.recipients) for row in self.rows)

    @property
    def notified_count(self) -> int:
        """How many accounts get at least one mail."""
        return sum(1 for row in self.rows if row.recipients)

    @property
    def refused_count(self) -> int:
        """How many accounts get none."""
        return len(self.rows) - self.notified_count


@dataclass(frozen=True)
class DeliveryNoticeResult:
    """What was written: mails, accounts with a mail, accounts without."""

    mail_count: int
    notified_count: int
    refused_count: int


def plan_delivery_notices(
    *, viewer: Viewer, account_ids: Sequence[int], now: dt.datetime
) -> DeliveryNoticePlan:
    """Work out who would get a mail, in the order given; writes and locks nothing. Source: 納品通知.

    :raises NobodyToNotify: when nothing is chosen.
    :raises SelectionTooLarge: when more are chosen than one request may.
    :raises PermissionRefused: when the viewer may not send notices.
    :raises AccountNotVisible: when any account is not there or not the viewer's.
    """
    access.check_permission(viewer=viewer, permission=Permission.NOTICES_SEND)
    wanted = _check_selection(account_ids)
    statement = select(Account).where(
        Account.id.in_(wanted), access.scope(viewer), Account.account_type.in_(access.CUSTOMERS)
    )
    found = {account.id: account for account in db.session.scalars(statement)}
    for account_id in wanted:
        if account_id not in found:
            raise access.AccountNotVisible(account_id=account_id)
    return _plan([found[account_id] for account_id in wanted], now)


def _check_selection(account_ids: Sequence[int]) -> list[int]:
    wanted = list(dict.fromkeys(account_ids))
    if not wanted:
        raise NobodyToNotify(refused_count=0)
    if len(wanted) > LARGEST_SELECTION:
        raise SelectionTooLarge(maximum=LARGEST_SELECTION)
    return wanted


def _plan(accounts: Sequence[Account], now: dt.datetime) -> DeliveryNoticePlan:
    names = _administrator_user_names([account.id for account in accounts])
    bounced = bounced_addresses([account.id for account in accounts])
    return DeliveryNoticePlan(
        rows=tuple(
            _plan_row(account, names.get(account.id, ()), bounced.get(account.id, ()), now)
            for account in accounts
        )
    )


def send_delivery_notices(
    *, viewer: Viewer, account_ids: Sequence[int], request_id: str, brand: MailBrand, now: dt.datetime
) -> DeliveryNoticeResult:
    """Queue the delivery notices of the plan as it is now, under lock; the same request again sends nothing.

    Accounts that are canceled, not provisioned or without a recipient are left out and counted.

    :raises PermissionRefused: when the viewer may not send notices.
    :raises AccountNotVisible: when any account is not there or not the viewer's.
    :raises NobodyToNotify: when no mail would go out.
    :raises SelectionTooLarge: when more are chosen than one request may.
    :raises RequestIdMissing, RequestIdReused: when the request id is unusable.
    """
    access.check_permission(viewer=viewer, permission=Permission.NOTICES_SEND)
    wanted = _check_selection(account_ids)
    body = {"action": "delivery_notices", "account_ids": sorted(wanted)}
    first = requests.begin_request(request_id=request_id, viewer=viewer, body=body, now=now)
    if first is not None:
        return DeliveryNoticeResult(**first)
    accounts = access.accounts_to_change(
        viewer=viewer, permission=Permission.NOTICES_SEND, account_ids=wanted
    )
    plan = _plan(accounts, now)
    if plan.mail_count == 0:
        raise NobodyToNotify(refused_count=plan.refused_count)
    drafts = [_draft(row, contact, request_id) for row in plan.rows for contact in row.recipients]
    queue_mails(drafts, brand=brand, now=now)
    result = DeliveryNoticeResult(plan.mail_count, plan.notified_count, plan.refused_count)
    _record(plan, result, viewer, request_id, now)
    requests.finish_request(request_id=request_id, result=asdict(result))
    return result


def _record(
    plan: DeliveryNoticePlan, result: DeliveryNoticeResult, viewer: Viewer, request_id: str, now: dt.datetime
) -> None:
    """Write to the log of every account that is told of; of several, to the sender's own as well."""
    audit.record_many(
        action="delivery_notice.sent",
        viewer=viewer,
        now=now,
        details={row.account.id: {"mail_count": len(row.recipients)} for row in plan.rows if row.recipients},
    )
    if len(plan.rows) > 1:
        audit.record(
            action="delivery_notices.sent",
            viewer=viewer,
            account_id=viewer.account_id,
            now=now,
            request_id=request_id,
            account_ids=[row.account.id for row in plan.rows if row.recipients],
            **asdict(result),
        )


def _plan_row(
    account: Account,
    administrator_user_names: tuple[str, ...],
    bounced: tuple[BouncedAddress, ...],
    now: dt.datetime,
) -> DeliveryNoticeRow:
    contacts = contacts_of(account)
    addresses = {contact.email.lower() for contact in contacts if contact.email and not contact.gap}
    hit = tuple(address for address in bounced if address.email.lower() in addresses)
    refusal = _refusal(account, contacts, now)
    if refusal is None and len(hit) == len(addresses):
        refusal = NoticeRefusal.ALL_BOUNCED
    return DeliveryNoticeRow(
        account=account,
        contacts=contacts,
        refusal=refusal,
        administrator_user_names=administrator_user_names,
        bounced=hit,
    )


def _refusal(account: Account, contacts: tuple[Contact, Contact], now: dt.datetime) -> NoticeRefusal | None:
    if account.status == AccountStatus.CANCELED:
        return NoticeRefusal.CANCELED
    if account.status not in RUNNING:
        return NoticeRefusal.NOT_PROVISIONED
    if account.cancellation_date is not None and account.cancellation_date <= tokyo_date(now):
        return NoticeRefusal.CANCELLATION_UNDER_WAY
    return NoticeRefusal.NO_RECIPIENT if all(contact.gap for contact in contacts) else None


def _administrator_user_names(account_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return the user names of those who may sign in, by account; accounts without any are left out."""
    statement = (
        select(Administrator.account_id, Administrator.user_name)
        .where(Administrator.account_id.in_(account_ids), Administrator.is_disabled.is_(False))
        .order_by(Administrator.account_id, Administrator.id)
    )
    names: dict[int, tuple[str, ...]] = {}
    for account_id, user_name in db.session.execute(statement):
        names[account_id] = (*names.get(account_id, ()), user_name)
    return names


def _draft(row: DeliveryNoticeRow, contact: Contact, request_id: str) -> MailDraft:
    account = row.account
    return MailDraft(
        kind=MailKind.DELIVERY_NOTICE,
        account_id=account.id,
        recipient_name=contact.name or "",
        recipient_email=contact.email or "",
        event_key=f"delivery_notice:{request_id}:{account.id}",
        language=account.language,
        context={
            "recipient_name": contact.name,
            "recipient_company": contact.company_name,
            "account_number": account.account_number,
            "company_name": account.company_name,
            "contract_user_count": account.contract_user_count,
            "contract_date": account.contract_date,
            "postal_code": account.postal_code,
            "prefecture": account.prefecture,
            "city": account.city,
            "address_line": account.address_line,
            "phone_number": account.phone_number,
            "website_url": account.website_url,
            "contact_name": account.contact_name,
            "administrator_user_names": row.administrator_user_names,
        },
    )
