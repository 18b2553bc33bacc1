"""The mail that tells a person that his second factor was changed, so that nobody changes it unseen."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from domain.billing_calendar import TOKYO, tokyo_date
from models import Administrator
from models.mails import MailKind
from services.administrator_mails import facts_of, recipient_of
from services.mail_texts import MailBrand
from services.outgoing_mails import queue_mail


class SecondFactorChange(StrEnum):
    """What happened to a second factor."""

    ON = "switched_on"
    REPLACED = "replaced"
    OFF = "switched_off"
    CODES = "codes_renewed"
    TAKEN_AWAY = "taken_away"


def queue_changed_mail(
    *, administrator: Administrator, change: SecondFactorChange, brand: MailBrand, now: dt.datetime
) -> None:
    """Tell an administrator what was changed and when."""
    queue_mail(
        kind=MailKind.SECOND_FACTOR_CHANGED,
        event_key=f"{MailKind.SECOND_FACTOR_CHANGED.value}:{administrator.id}:{change.value}:{now.isoformat()}",
        context={
            **facts_of(administrator),
            "change": change.value,
            "changed_on": tokyo_date(now),
            "changed_time": f"{now.astimezone(TOKYO):%H:%M}",
        },
        **recipient_of(administrator),
        brand=brand,
        now=now,
    )
