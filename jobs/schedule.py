"""The timetable as data: which job is rung how often.

A job asks what is due and not done; the database answers. So these are intervals, never dates, and a ring
that is lost, late or doubled changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A job of `jobs.tasks` and its interval, counted from the whole minute of the portal's clock."""

    job_name: str
    seconds: int


TIMETABLE = (
    Entry("tick", 60),
    Entry("send_mails", 60),
    Entry("provision", 60),
    Entry("seal", 60),
    # Each hour; asked more often, so that one that was lost is not missed for another hour.
    Entry("verify", 600),
)
