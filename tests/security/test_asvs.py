"""docs/security.md: a row for each requirement of the standard, and nothing named that is not there."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.test_architecture import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (V\d+\.\d+\.\d+) \| (\d) \| ([\w/]+) \| (.*) \| (.*) ?\|$", PAGE, re.MULTILINE)
STATES = {"met", "part", "no", "deployer", "n/a"}
#: ASVS 5.0.0: requirements of levels 1 and 2 in each section, by the standard's own numbers (those of level 3 between
#: them left out).
NUMBERS = """
1.1:1-2 1.2:1-9 1.3:1-11 1.4:1-3 1.5:1-2  2.1:1-3 2.2:1-3 2.3:1-4 2.4:1-1
3.2:1-2 3.3:1-4 3.4:1-6 3.5:1-5 3.7:1-2  4.1:1-3 4.2:1-1 4.3:1-2 4.4:1-4  5.1:1-1 5.2:1-3 5.3:1-2 5.4:1-3
6.1:1-3 6.2:1-12 6.3:1-4 6.4:1-4 6.5:1-5 6.6:1-3 6.8:1-4  7.1:1-3 7.2:1-4 7.3:1-2 7.4:1-5 7.5:1-2 7.6:1-2
8.1:1-2 8.2:1-3 8.3:1-1 8.4:1-1  9.1:1-3 9.2:1-4  10.1:1-2 10.2:1-2 10.3:1-4 10.4:1-11 10.5:1-5 10.6:1-2 10.7:1-3
11.1:1-2 11.2:1-3 11.3:1-3 11.4:1-4 11.5:1-1 11.6:1-1  12.1:1-3 12.2:1-2 12.3:1-4  13.1:1-1 13.2:1-5 13.3:1-2 13.4:1-5
14.1:1-2 14.2:1-4 14.3:1-3  15.1:1-3 15.2:1-3 15.3:1-7  16.1:1-1 16.2:1-5 16.3:1-4 16.4:1-3 16.5:1-3
17.1:1-1 17.2:1-4 17.3:1-2
"""


def expected() -> list[str]:
    found = []
    for section, first, last in re.findall(r"([\d.]+):(\d+)-(\d+)", NUMBERS):
        found += [f"V{section}.{number}" for number in range(int(first), int(last) + 1)]
    return found


def test_each_requirement_of_levels_1_and_2_has_its_row_in_the_standard_s_order() -> None:
    assert [row[0] for row in ROWS] == expected()
    assert Counter(row[1] for row in ROWS) == {"1": 70, "2": 183}


def test_each_row_has_a_known_state_and_says_how() -> None:
    assert {row[2] for row in ROWS} <= STATES
    assert [
        row[0] for row in ROWS if row[2] in ("part", "no", "deployer", "n/a") and not row[3].strip()
    ] == []


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w./-]+\.(?:py|txt|toml|js|md))`", PAGE))))
def test_what_the_page_names_is_there(name: str) -> None:
    assert (ROOT / name).is_file()


def test_the_page_counts_right() -> None:
    counted = Counter(row[2] for row in ROWS)
    [sentence] = re.findall(r"^Of the 253: (.*)\.$", PAGE, re.MULTILINE)
    assert {state: int(number) for number, state in re.findall(r"(\d+) ([a-z/]+)", sentence)} == counted
