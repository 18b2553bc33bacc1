"""Whatever people and the clock do, in any order and at any instant: the portal does what its rules say."""

from __future__ import annotations

import pytest
from hypothesis import seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.fresh_portal import FreshPortal
from tests.properties.portal_machine import PortalMachine
from tests.properties.profiles import LONG, SHORT, chosen_seed


def machine_of(portal: FreshPortal) -> type[PortalMachine]:
    """Return the machine over a portal; each example makes one, without arguments."""

    class Machine(PortalMachine):
        def __init__(self) -> None:
            super().__init__(portal)

    return Machine


def test_the_portal_does_what_its_rules_say(portal: FreshPortal) -> None:
    fewer = settings(SHORT, max_examples=3) if portal.databases.postgres else SHORT
    run_state_machine_as_test(machine_of(portal), settings=fewer)


@pytest.mark.soak
def test_the_portal_does_what_its_rules_say_for_long(portal: FreshPortal) -> None:
    run_state_machine_as_test(seed(chosen_seed())(machine_of(portal)), settings=LONG)
