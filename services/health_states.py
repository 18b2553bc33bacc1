"""What each check of 稼働状況 says: its state, what was found, what to do; and how long ago something was."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from flask_babel import gettext

from services.clockwork import LATE_TICK

#: Nothing that is due is left longer than this while a worker lives. Source: docs/rules.md J2.
OVERDUE = dt.timedelta(minutes=15)


class State(StrEnum):
    """正常, 注意, 異常: the last one is for somebody to act upon now."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what was found, and what to do when it is not all right."""

    name: str
    title: str
    state: State
    finding: str
    advice: str = ""
    #: Lines that show it in detail, such as the rows that break a law.
    rows: tuple[str, ...] = ()


def by_age(age: dt.timedelta, *, late: dt.timedelta = LATE_TICK, dead: dt.timedelta = OVERDUE) -> State:
    """Return how an age is judged: 正常 up to `late`, 異常 from `dead` on."""
    if age > dead:
        return State.BROKEN
    return State.WARNING if age > late else State.OK


def ago(age: dt.timedelta) -> str:
    """Return an age in words, in minutes, hours or days."""
    minutes = int(age.total_seconds() // 60)
    if minutes < 1:
        return gettext("1分以内")
    if minutes < 120:
        return gettext("%(count)s分前", count=minutes)
    if minutes < 48 * 60:
        return gettext("%(count)s時間前", count=minutes // 60)
    return gettext("%(count)s日前", count=f"{minutes // (24 * 60):,}")


def dates(days: list[dt.date]) -> str:
    """Return days as the screens write them."""
    return gettext("、").join(f"{day:%Y/%m/%d}" for day in days)
