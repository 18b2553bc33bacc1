"""What is sealed is read by nobody else, for nothing else, and not for ever."""

from __future__ import annotations

import datetime as dt

import pytest

from services.secret_box import Purpose, SecretBox
from tests.support.databases import START

BOX = SecretBox("a-secret-of-tests-0123456789-abcdef")
UNTIL = START + dt.timedelta(minutes=5)


def test_a_seal_opens_to_what_was_sealed_and_hides_it() -> None:
    sealed = BOX.seal(Purpose.SECOND_FACTOR, {"secret": "ABCDEFGH"})
    assert "ABCDEFGH" not in sealed
    assert sealed != BOX.seal(Purpose.SECOND_FACTOR, {"secret": "ABCDEFGH"})
    assert BOX.open(Purpose.SECOND_FACTOR, sealed, now=START + dt.timedelta(days=9999)) == {
        "secret": "ABCDEFGH"
    }


def test_a_seal_is_for_one_purpose_and_of_one_key() -> None:
    sealed = BOX.seal(Purpose.SET_UP, {"secret": "ABCDEFGH"})
    for purpose in set(Purpose) - {Purpose.SET_UP}:
        assert BOX.open(purpose, sealed, now=START) is None
    assert SecretBox("another-secret-0123456789-abcdefgh").open(Purpose.SET_UP, sealed, now=START) is None


def test_a_seal_ends_after_its_time() -> None:
    sealed = BOX.seal(Purpose.FIRST_STEP, {"administrator_id": 1}, until=UNTIL)
    assert BOX.open(Purpose.FIRST_STEP, sealed, now=UNTIL) == {"administrator_id": 1}
    assert BOX.open(Purpose.FIRST_STEP, sealed, now=UNTIL + dt.timedelta(seconds=1)) is None


@pytest.mark.parametrize("sealed", ["", "x", "パス", "\0", "A" * 5000, "gAAAAAB" + "A" * 90])
def test_what_is_no_seal_opens_to_nothing(sealed: str) -> None:
    assert BOX.open(Purpose.FIRST_STEP, sealed, now=START) is None


def test_the_key_is_not_shown() -> None:
    assert "tests" not in repr(BOX)
