"""パスワードをお忘れですか: a link for who names himself at the sign-in page, if he is anybody."""

from __future__ import annotations

import datetime as dt

from services import audit, sign_ins
from services.administrator_mails import send_password_link
from services.mail_texts import MailBrand
from services.one_time_links import newest_link_at

#: So long after one link no other is mailed to the same person for the asking.
PAUSE_BETWEEN_LINKS = dt.timedelta(minutes=1)


def request_link(
    *, user_name_or_email: str, brand: MailBrand, now: dt.datetime, remote_address: str | None
) -> None:
    """Mail a new link to whom a user name or an e-mail address belongs.

    Nobody, a disabled person and one who has just got a link get none; who asks is not told which it was.
    """
    named = sign_ins.find_administrator(user_name_or_email)
    found = sign_ins.lock_administrator(named.id if named else 0)
    if found is None or not sign_ins.may_sign_in(found, found.account):
        return
    newest = newest_link_at(administrator_id=found.id)
    if newest is not None and now - newest < PAUSE_BETWEEN_LINKS:
        return
    send_password_link(administrator=found, brand=brand, now=now)
    audit.record(
        action="administrator.password_link_requested",
        viewer=None,
        account_id=found.account_id,
        now=now,
        user_name=found.user_name,
        from_address=remote_address,
    )
