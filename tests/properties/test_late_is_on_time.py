"""The same history with its ticks at other instants takes the same fees."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.properties import portal_reading as reading
from tests.properties.fresh_portal import FreshPortal
from tests.properties.portal_machine import PortalMachine
from tests.properties.portal_model import day_of
from tests.properties.profiles import LONG, SHORT, chosen_seed

#: Never the very instant of a cut: a change then counts for this 25th until its list is written.
waits = st.sampled_from(("none", "hour", "day", "week", "before_cut", "after_cut", "month"))
customers = st.integers(0, 6)
#: So small that no run comes near the bound at which it waits for a person.
users = st.integers(1, 40)
works = st.one_of(
    st.tuples(st.just("change_users"), st.fixed_dictionaries({"position": customers, "users": users})),
    st.tuples(
        st.just("cancel"),
        st.fixed_dictionaries({"position": customers, "ahead": st.none() | st.integers(1, 50)}),
    ),
    st.tuples(st.just("lift"), st.fixed_dictionaries({"position": customers})),
    st.tuples(st.just("register"), st.fixed_dictionaries({"users": users})),
    st.tuples(
        st.just("add_price"),
        st.fixed_dictionaries(
            {"ahead": st.integers(1, 40), "numbers": st.tuples(*map(st.integers, (0, 0, 0), (20, 10, 2)))}
        ),
    ),
)
histories = st.lists(st.tuples(waits, works), min_size=4, max_size=12)
Fees = dict[tuple[int, dt.date], int]


def fees_of(portal: FreshPortal, history: list[Any], *, tick_at_every_step: bool) -> Fees:
    """Live through a history from the beginning and return (account, 25th) → fee of all that was charged."""
    machine = PortalMachine(portal)
    for wait, (work, arguments) in history:
        machine.wait(wait)
        live_through(machine, work, arguments)
        if tick_at_every_step:
            machine.tick("none")
    machine.tick("month")
    assert not machine.model.is_held
    machine.it_is_as_the_model_says()
    return reading.fees_of_database()


def live_through(machine: PortalMachine, work: str, arguments: dict[str, Any]) -> None:
    """Do one thing of a history, by the machine's own steps; it may be refused."""
    if work == "register":
        machine.register("none", "above", "customer", 0, arguments["users"], True)
    elif work == "add_price":
        machine.add_price("none", "operator", "customer", **arguments)
    elif work == "change_users":
        machine.change_users("none", "above", **arguments)
    else:
        account_id = machine.customer(arguments["position"])
        people = machine.people("above", account_id)
        if work == "lift":
            machine.stay(*people, account_id)
        else:
            ahead = arguments["ahead"]
            day = None if ahead is None else day_of(machine.now) + dt.timedelta(days=ahead)
            machine.leave(*people, account_id, day, "")


def compare(portal: FreshPortal, history: list[Any]) -> None:
    """Live through a history twice, ticking at every step and once at its end."""
    on_time = fees_of(portal, history, tick_at_every_step=True)
    assert fees_of(portal, history, tick_at_every_step=False) == on_time
    assert on_time


def test_run_late_is_run_on_time(portal: FreshPortal) -> None:
    examples = 2 if portal.databases.postgres else 5

    @settings(SHORT, max_examples=examples)
    @given(history=histories)
    def check(history: list[Any]) -> None:
        compare(portal, history)

    check()


@pytest.mark.soak
def test_run_late_is_run_on_time_for_long(portal: FreshPortal) -> None:
    chosen = chosen_seed()

    @seed(chosen)
    @settings(LONG, max_examples=100)
    @given(history=histories)
    def check(history: list[Any]) -> None:
        compare(portal, history)

    check()
