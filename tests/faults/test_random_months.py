"""Any sequence of what people and the clock do keeps every law. `SEED=` repeats a run."""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Callable

import pytest

from domain.errors import DomainError
from models import db
from services import accounts, cancellations, invariants, points, refills
from services.cancellation_previews import preview
from services.transaction import transaction
from tests.builders import START, World, request_id, tick


class Months:
    """A portal under random hands, with a clock that only moves forward."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance, self.now = world, chance, START
        self.customers = [world.customer(users=chance.randrange(1, 60)) for _position in range(6)]
        self.done = 0
        self.works: list[Callable[[], object]] = [
            self.add,
            self.add,
            self.take_back,
            self.change_users,
            self.refill,
            self.refill,
            self.schedule,
            self.lift,
            self.cancel,
            self.register,
        ]

    def step(self) -> None:
        """Let some time pass, perhaps tick, and do one thing, which may be refused."""
        self.now += dt.timedelta(hours=self.chance.choice((0, 1, 9, 30, 200)), microseconds=1)
        if self.chance.random() < 0.4:
            tick(self.now)
        try:
            with transaction():
                self.chance.choice(self.works)()
            self.done += 1
        except DomainError:
            pass

    @property
    def one(self) -> int:
        return self.chance.choice(self.customers)

    def add(self) -> None:
        self._move(points.add)

    def take_back(self) -> None:
        self._move(points.take_back)

    def _move(self, use_case: Callable[..., object]) -> None:
        use_case(
            viewer=self.world.msp_a,
            account_id=self.one,
            points=self.chance.randrange(1, 300),
            remark="無作為",
            request_id=request_id(),
            now=self.now,
        )

    def change_users(self) -> None:
        accounts.change_contract_users(
            viewer=self.world.msp_a,
            account_id=self.one,
            contract_user_count=self.chance.randrange(1, 200),
            now=self.now,
        )

    def refill(self) -> None:
        chosen = self.chance.sample(self.customers, 3)
        far = self.chance.random() < 0.5
        plan = refills.plan_refill(
            viewer=self.world.msp_a, account_ids=chosen, now=self.now, as_far_as_possible=far
        )
        refills.refill(
            viewer=self.world.msp_a,
            account_ids=chosen,
            digest=plan.digest,
            request_id=request_id(),
            now=self.now,
            as_far_as_possible=far,
        )

    def schedule(self) -> None:
        customer = self.one
        day = (self.now + dt.timedelta(days=self.chance.randrange(1, 60))).date()
        found = preview(viewer=self.world.msp_a, account_id=customer, scheduled_on=day, now=self.now)
        cancellations.schedule(
            viewer=self.world.msp_a,
            account_id=customer,
            scheduled_on=day,
            consent=True,
            shown=(found.top_up_points, found.write_off_points),
            now=self.now,
        )

    def lift(self) -> None:
        cancellations.lift(viewer=self.world.msp_a, account_id=self.one, now=self.now)

    def cancel(self) -> None:
        if self.chance.random() < 0.3:
            customer = self.one
            found = preview(viewer=self.world.msp_a, account_id=customer, scheduled_on=None, now=self.now)
            cancellations.cancel(
                viewer=self.world.msp_a,
                account_id=customer,
                consent=True,
                shown=(found.top_up_points, found.write_off_points),
                now=self.now,
            )

    def register(self) -> None:
        """A newcomer takes the place of a random customer, so that there always are some in service."""
        self.customers[self.chance.randrange(6)] = -1

    def settle_newcomers(self) -> None:
        """Put newcomers into service outside any transaction of a step."""
        for position, customer in enumerate(self.customers):
            if customer == -1:
                users = self.chance.randrange(1, 60)
                self.customers[position] = self.world.customer(users=users, now=self.now)


def walk(world: World, steps: int, seed: int) -> None:
    months = Months(world, random.Random(seed))
    for step in range(steps):
        months.step()
        months.settle_newcomers()
        if step % 25 == 24:
            broken = invariants.verify()
            db.session.rollback()
            assert broken == [], f"SEED={seed}, step {step}"
    assert months.done > steps / 4


def test_a_random_year_keeps_every_law(world: World) -> None:
    seed = int(os.environ.get("SEED", "1"))
    walk(world, 60, seed)


@pytest.mark.soak
@pytest.mark.parametrize("turn", range(10))
def test_many_random_years_keep_every_law(world: World, turn: int) -> None:
    seed = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(10**6) + turn
    print(f"SEED={seed}")
    walk(world, 600, seed)
