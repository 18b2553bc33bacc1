"""The Tokyo calendar decides, wherever the servers stand: 40 instants in four time zones, against a table.

The table is written by hand from the rules: the 25th begins at 00:00 in Tokyo, a cancellation on its date, the
fee is of the users at that moment, and work done late comes to the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.clock_works import prepare
from tests.support.database_copies import CopiedDatabase, prepare_copied
from tests.support.databases import DatabaseFactory
from tests.support.dying_process import Order, WarmProcess
from tests.support.fingerprints import differences

pytestmark = pytest.mark.faults

#: Zones of the servers, and what their clocks show at 00:00 UTC of 1 July 2026.
ZONES = {"UTC": "00:00", "Asia/Tokyo": "09:00", "America/New_York": "20:00", "Pacific/Kiritimati": "14:00"}
#: The customers that leave, in the order of their dates, and on how many 25ths each was there before it left.
LEAVERS = {
    "leaves-1124": 0,
    "leaves-1125": 0,
    "leaves-1126": 1,
    "leaves-1231": 2,
    "leaves-0101": 2,
    "leaves-0314": 4,
    "leaves-0229": 16,
}
MONTHS = ("2026-11", "2026-12", *(f"2027-{month:02}" for month in range(1, 13)), "2028-01", "2028-02")
BILLING_DATES = [f"{month}-25" for month in MONTHS]


@dataclass(frozen=True)
class Instant:
    """A line of the table: what is done when, and what must be so afterwards.

    `fees`: 25ths charged to those who stay, 10 points each (but `first_grown` to the one that grows, the first
    time). `estimate`: 今月25日の推定残ポイント数 of the one that stays, of 1,000 points. `gone`: how many of
    LEAVERS are canceled; `days_left` and `next_estimate` are of the next of them, of 500 points.
    """

    steps: str
    fees: int
    estimate: int
    gone: int
    days_left: int | None
    next_estimate: int | None
    first_grown: int = 10


TABLE = {
    # Before the cut, at it, and after it.
    "days before": Instant("tick 2026-11-20T10:00:00+09:00", 0, 990, 0, 4, 500),
    "24th begins": Instant("tick 2026-11-24T00:00:00+09:00", 0, 990, 1, 1, 500),
    "24th ends": Instant("tick 2026-11-24T23:59:59.9+09:00", 0, 990, 1, 1, 500),
    "the cut": Instant("tick 2026-11-25T00:00:00+09:00", 1, 990, 2, 1, 490),
    "just after the cut": Instant("tick 2026-11-25T00:00:00.1+09:00", 1, 990, 2, 1, 490),
    "the cut, said in New York": Instant("tick 2026-11-24T10:00:00-05:00", 1, 990, 2, 1, 490),
    "before the cut, said on Kiritimati": Instant("tick 2026-11-25T04:59:59.9+14:00", 0, 990, 1, 1, 500),
    "the cut, said on Kiritimati": Instant("tick 2026-11-25T05:00:00+14:00", 1, 990, 2, 1, 490),
    "UTC's 25th begins": Instant("tick 2026-11-25T00:00:00+00:00", 1, 990, 2, 1, 490),
    "25th ends": Instant("tick 2026-11-25T23:59:59.9+09:00", 1, 990, 2, 1, 490),
    "26th begins": Instant("tick 2026-11-26T00:00:00+09:00", 1, 990, 3, 35, 490),
    # The worker was away.
    "away over the cut": Instant(
        "tick 2026-11-24T23:00:00+09:00, tick 2026-11-27T09:00:00+09:00", 1, 990, 3, 34, 490
    ),
    "never there before": Instant("tick 2026-11-27T09:00:00+09:00", 1, 990, 3, 34, 490),
    "ticks on both sides": Instant(
        "tick 2026-11-24T23:59:59.9+09:00, tick 2026-11-25T00:00:00.1+09:00", 1, 990, 2, 1, 490
    ),
    # 契約ユーザ数 rises to 30 around the cut.
    "grown before the cut": Instant(
        "grow 2026-11-24T23:59:59.9+09:00, tick 2026-11-27T09:00:00+09:00", 1, 990, 3, 34, 490, first_grown=30
    ),
    "grown at the cut": Instant(
        "grow 2026-11-25T00:00:00+09:00, tick 2026-11-27T09:00:00+09:00", 1, 990, 3, 34, 490, first_grown=30
    ),
    "grown after the cut": Instant(
        "grow 2026-11-25T00:00:00.1+09:00, tick 2026-11-27T09:00:00+09:00", 1, 990, 3, 34, 490
    ),
    "grown when the list was written": Instant(
        "tick 2026-11-25T00:00:00+09:00, grow 2026-11-25T00:00:00+09:00, tick 2026-11-27T09:00:00+09:00",
        *(1, 990, 3, 34, 490),
    ),
    # Ends of months: the column turns to the next 25th.
    "November ends": Instant("tick 2026-11-30T23:59:59.9+09:00", 1, 990, 3, 31, 490),
    "December begins": Instant("tick 2026-12-01T00:00:00+09:00", 1, 980, 3, 30, 480),
    "December begins, said in New York": Instant("tick 2026-11-30T10:00:00-05:00", 1, 980, 3, 30, 480),
    "December's 24th ends": Instant("tick 2026-12-24T23:59:59.9+09:00", 1, 980, 3, 7, 480),
    "December's cut": Instant("tick 2026-12-25T00:00:00+09:00", 2, 980, 3, 6, 480),
    # 31 December to January.
    "30 December ends": Instant("tick 2026-12-30T23:59:59.9+09:00", 2, 980, 3, 1, 480),
    "31 December begins": Instant("tick 2026-12-31T00:00:00+09:00", 2, 980, 4, 1, 480),
    "31 December ends": Instant("tick 2026-12-31T23:59:59.9+09:00", 2, 980, 4, 1, 480),
    "1 January begins": Instant("tick 2027-01-01T00:00:00+09:00", 2, 970, 5, 72, 470),
    "1 January begins, said in New York": Instant("tick 2026-12-31T10:00:00-05:00", 2, 970, 5, 72, 470),
    "February begins, said in UTC": Instant("tick 2027-01-31T15:00:00+00:00", 3, 960, 5, 41, 460),
    "a February of 28 days ends": Instant("tick 2027-02-28T23:59:59.9+09:00", 4, 960, 5, 14, 460),
    # Clocks change in the United States; one customer leaves on that day.
    "13 March ends": Instant("tick 2027-03-13T09:59:59.9-05:00", 4, 950, 5, 1, 460),
    "summer time is about to begin": Instant("tick 2027-03-14T01:59:59.9-05:00", 4, 950, 6, 352, 450),
    "summer time begins": Instant("tick 2027-03-14T03:00:00-04:00", 4, 950, 6, 352, 450),
    "01:30 for the first time": Instant("tick 2027-11-07T01:30:00-04:00", 12, 870, 6, 114, 370),
    "01:30 for the second time": Instant("tick 2027-11-07T01:30:00-05:00", 12, 870, 6, 114, 370),
    # The leap day.
    "the cut before it": Instant("tick 2028-02-25T00:00:00+09:00", 16, 840, 6, 4, 340),
    "the day before it ends": Instant("tick 2028-02-28T23:59:59.9+09:00", 16, 840, 6, 1, 340),
    "it begins": Instant("tick 2028-02-29T00:00:00+09:00", 16, 840, 7, None, None),
    "it begins, said in New York": Instant("tick 2028-02-28T10:00:00-05:00", 16, 840, 7, None, None),
    "March begins after it": Instant("tick 2028-02-29T15:00:00+00:00", 16, 830, 7, None, None),
}
#: Those that the ordinary suite looks at.
SAMPLED = (
    "24th ends",
    "the cut, said in New York",
    "before the cut, said on Kiritimati",
    "away over the cut",
    "grown before the cut",
    "grown after the cut",
    "December begins, said in New York",
    "31 December begins",
)


@pytest.fixture(scope="module")
def database(databases: DatabaseFactory, warm_process: WarmProcess) -> Iterator[CopiedDatabase]:
    prepared = prepare_copied(databases, "clocked", prepare)
    prepared.renew()
    warm_process.warm_up(looking(prepared, "tick 2026-11-25T00:00:00+09:00", "UTC"))
    yield prepared
    prepared.forget()


def looking(database: CopiedDatabase, steps: str, zone: str) -> Order:
    values = {"steps": [step.split() for step in steps.split(", ")]}
    return Order("tests.support.clock_works:look", database.url, values, zone=zone)


def check(told: dict[str, Any], expected: Instant) -> None:
    """Compare what a process saw with a line of the table."""
    charged, shown = told["charged"], told["list"]
    dates = BILLING_DATES[: expected.fees]
    assert charged.get("stays", []) == [[date, 10] for date in dates]
    assert [points for _date, points in charged.get("grows", [])] == [expected.first_grown, *[10] * 15][
        : expected.fees
    ]
    assert shown["stays"] == {
        "is_canceled": False,
        "balance": 1_000 - 10 * expected.fees,
        "estimate": expected.estimate,
        "days_left": None,
    }
    for place, (name, most) in enumerate(LEAVERS.items()):
        is_gone = place < expected.gone
        assert charged.get(name, []) == [[date, 10] for date in dates[:most]], name
        assert shown[name]["is_canceled"] == is_gone, name
        assert shown[name]["balance"] == (0 if is_gone else 500 - 10 * min(expected.fees, most)), name
        if place <= expected.gone:
            wanted = (None, None) if is_gone else (expected.days_left, expected.next_estimate)
            assert (shown[name]["days_left"], shown[name]["estimate"]) == wanted, name


def look_everywhere(
    database: CopiedDatabase, warm_process: WarmProcess, name: str, zones: Iterable[str] = tuple(ZONES)
) -> None:
    """Take the steps of a line in each zone; all end as the table says, and with the same database."""
    first = None
    for zone in zones:
        database.renew(zone=zone)
        told = warm_process.carry_out(looking(database, TABLE[name].steps, zone)).result
        assert told["zones"] in ([ZONES[zone]], [ZONES[zone], zone])
        check(told, TABLE[name])
        first = first or told["fingerprint"]
        assert differences(first, told["fingerprint"]) == [], zone


def test_the_tokyo_calendar_decides(database: CopiedDatabase, warm_process: WarmProcess) -> None:
    """Each in two of the zones in turn: all four take too long for the ordinary suite."""
    for place, name in enumerate(SAMPLED):
        look_everywhere(database, warm_process, name, list(ZONES)[place % 2 :: 2])


@pytest.mark.soak
def test_the_tokyo_calendar_decides_at_every_instant(
    database: CopiedDatabase, warm_process: WarmProcess
) -> None:
    began = time.perf_counter()
    for name in TABLE:
        look_everywhere(database, warm_process, name)
    seconds = time.perf_counter() - began
    print(f"clock table: {len(TABLE)} instants in {len(ZONES)} time zones in {seconds:.0f} s")


def test_the_table_has_forty_instants() -> None:
    assert len(TABLE) == 40
