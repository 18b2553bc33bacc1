"""不達: addresses that sent a mail back, what that means for later mails, and a person's word that lifts it.

A contact's address that bounced gets no further notices, reminders and warnings until somebody lifts it: mail
servers put a sender that goes on writing to addresses which do not exist on their block lists, and then nobody gets
anything. Nothing of it is silent: 納品通知 says so for each recipient, what the clock withholds is kept as a mail in
the state 不達, the row and the account's page bear the mark, and lifting is one press away.

Mails that answer what a person just did (approval, rejection, an administrator's registration and password link)
are still tried: each goes to one address on somebody's word, and one that arrives takes the mark away by itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased

from domain.errors import DomainError
from domain.permissions import Permission, Viewer
from models import Account, db
from models.mails import BounceLift, MailState, OutgoingMail
from services import access, audit
from services.ledger import check_running


class BounceUnknown(DomainError):
    """No address of that account is marked as bounced so: it never was, or it has been lifted meanwhile."""

    http_status = 404


@dataclass(frozen=True)
class BouncedAddress:
    """An address of an account to which mails do not go, since when, and what the server said.

    `withheld_count`: mails that were not sent there since then.
    """

    email: str
    reason: str
    mail_id: int
    bounced_at: dt.datetime
    withheld_count: int = 0


def bounced_addresses(account_ids: Collection[int]) -> dict[int, tuple[BouncedAddress, ...]]:
    """Return, for the accounts that have any, the addresses that bounced and were not lifted since.

    An address is lifted by a person (lift), and by itself as soon as a later mail reaches it.
    """
    later, lifted = aliased(OutgoingMail), aliased(BounceLift)
    is_delivered_since = exists().where(
        later.account_id == OutgoingMail.account_id,
        later.id > OutgoingMail.id,
        func.lower(later.recipient_email) == func.lower(OutgoingMail.recipient_email),
        later.state.in_((MailState.SENT, MailState.KEPT)),
    )
    is_lifted = exists().where(
        lifted.account_id == OutgoingMail.account_id,
        func.lower(lifted.recipient_email) == func.lower(OutgoingMail.recipient_email),
        lifted.lifted_at >= OutgoingMail.next_attempt_at,
    )
    statement = (
        select(OutgoingMail)
        .where(
            OutgoingMail.account_id.in_(account_ids),
            OutgoingMail.state == MailState.BOUNCED,
            ~is_delivered_since,
            ~is_lifted,
        )
        .order_by(OutgoingMail.account_id, OutgoingMail.id)
    )
    mails: dict[tuple[int, str], list[OutgoingMail]] = {}
    for mail in db.session.scalars(statement):
        mails.setdefault((mail.account_id, mail.recipient_email.lower()), []).append(mail)
    found: dict[int, tuple[BouncedAddress, ...]] = {}
    for (account_id, _email), bounced in mails.items():
        found[account_id] = (*found.get(account_id, ()), _address(bounced))
    return found


def is_withheld(mail: OutgoingMail) -> bool:
    """Tell whether a mail in the state 不達 was never tried, because its address had bounced before."""
    return mail.state == MailState.BOUNCED and mail.attempts == 0


def find_bounce(*, viewer: Viewer, account_id: int, email: str) -> BouncedAddress:
    """Return what is known of a bounced address of one of the viewer's customers.

    :raises AccountNotVisible: when the account is not there or not the viewer's.
    :raises BounceUnknown: when mails go to the address, or it is none of the account's.
    """
    access.find_account(viewer=viewer, account_id=account_id)
    return _bounce_of(account_id, email)


def lift(*, viewer: Viewer, account_id: int, email: str, now: dt.datetime) -> BouncedAddress:
    """Let mails go to an address again from now on; what was withheld stays unsent. Returns what was lifted.

    :raises DomainError: AccountNotVisible, PermissionRefused, AccountNotRunning, CancellationUnderWay,
        BounceUnknown.
    """
    account: Account = access.accounts_to_change(
        viewer=viewer, permission=Permission.BOUNCES_LIFT, account_ids=[account_id]
    )[0]
    check_running(account, now)
    bounced = _bounce_of(account_id, email)
    db.session.add(
        BounceLift(
            account_id=account_id,
            recipient_email=bounced.email,
            lifted_at=max(now, bounced.bounced_at),
            lifted_by_id=viewer.administrator_id,
        )
    )
    db.session.flush()
    audit.record(
        action="bounce.lifted",
        viewer=viewer,
        account_id=account_id,
        now=now,
        email=bounced.email,
        reason=bounced.reason,
        bounced_at=bounced.bounced_at.isoformat(),
    )
    return bounced


def _bounce_of(account_id: int, email: str) -> BouncedAddress:
    wanted = email.strip().lower()
    for bounced in bounced_addresses([account_id]).get(account_id, ()):
        if bounced.email.lower() == wanted:
            return bounced
    raise BounceUnknown(email=email)


def _address(mails: list[OutgoingMail]) -> BouncedAddress:
    """Return one address from its bounced and withheld mails, oldest first."""
    tried = [mail for mail in mails if not is_withheld(mail)] or mails
    first, newest = tried[0], tried[-1]
    return BouncedAddress(
        email=newest.recipient_email,
        reason=newest.last_error or "",
        mail_id=newest.id,
        bounced_at=first.next_attempt_at,
        withheld_count=sum(is_withheld(mail) for mail in mails),
    )
