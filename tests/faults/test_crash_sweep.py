"""A process dies at any point of its work: done again, and once more, it is as if nothing had happened.

`SEED=` repeats a sample; `make soak` goes through every point.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from tests.support.crash_works import BOUNCING, BROKEN, WORKS, Preparation
from tests.support.database_copies import CopiedDatabase, prepare_copied
from tests.support.databases import DatabaseFactory
from tests.support.dying_process import Answer, Order, WarmProcess, WorkFailed
from tests.support.fingerprints import differences
from tests.support.smtp_server import NO_SUCH_MAILBOX, SmtpServer, running_smtp

pytestmark = pytest.mark.faults

MODULE = "tests.support.crash_works"
#: Points that the ordinary suite dies at: one of each work, and some more.
SAMPLED = 10


@dataclass
class Sweep:
    """The prepared databases, by what prepared them, the warm process, and where mails go to."""

    databases: Mapping[Preparation, CopiedDatabase]
    process: WarmProcess
    smtp: SmtpServer
    undisturbed: dict[str, tuple[Answer, Counter[str]]] = field(default_factory=dict)

    def order(self, name: str, function: str, numbers: list[int], die_at: int | None = None) -> Order:
        database = self.database(name)
        values = {**database.facts, "mail_url": self.smtp.url}
        arguments = {"name": name, "numbers": numbers, "values": values}
        return Order(f"{MODULE}:{function}", database.url, arguments, die_at)

    def database(self, name: str) -> CopiedDatabase:
        return self.databases[(WORKS | BROKEN)[name].prepare]

    def reference(self, name: str) -> tuple[Answer, Counter[str]]:
        """Carry a work out undisturbed, once a module; return what came of it and which mails arrived."""
        if name not in self.undisturbed:
            self.database(name).renew()
            self.process.warm_up(self.order(name, "attempt_and_tell", [0]))
            self.database(name).renew()
            self.smtp.received.clear()
            points = self.process.carry_out(self.order(name, "attempt", [0]))
            mails = self.arrived()
            told = self.process.carry_out(self.order(name, "attempt_and_tell", []))
            self.undisturbed[name] = (
                Answer(False, points.points, told.result | {"results": points.result}),
                mails,
            )
        return self.undisturbed[name]

    def die_and_go_on(self, name: str, die_at: int) -> list[str]:
        """Die at a point, do the work again and once more; return what is not as in the undisturbed work."""
        expected, mails = self.reference(name)
        self.database(name).renew()
        self.smtp.received.clear()
        try:
            died = self.process.carry_out(self.order(name, "attempt", [0], die_at))
            if not died.died:
                return [f"it had {died.points} points only"]
            self.database(name).wait_until_left()
            found = self.process.carry_out(self.order(name, "attempt_and_tell", [1, 2])).result
        except WorkFailed as failure:
            return [str(failure)]
        told = differences(expected.result["fingerprint"], found["fingerprint"]) + found["violations"]
        if found["results"] != expected.result["results"] * 2:
            told.append(f"answered {found['results']} instead of {expected.result['results']}")
        return told + self._mails_amiss(mails)

    def arrived(self) -> Counter[str]:
        """Return the mails that arrived, as text with their Message-ID."""
        return Counter(mail.message.as_string() for mail in self.smtp.received)

    def _mails_amiss(self, expected: Counter[str]) -> list[str]:
        """Every mail arrives; one may arrive twice, whose answer was lost, and then as the same message."""
        arrived = self.arrived()
        if arrived.keys() == expected.keys() and arrived.total() <= expected.total() + 1:
            return []
        return [f"arrived: {arrived}, sent: {expected}"]


@pytest.fixture(scope="module")
def sweep(databases: DatabaseFactory, warm_process: WarmProcess) -> Iterator[Sweep]:
    prepared = {
        filling: prepare_copied(databases, f"crashed_{place}", filling)
        for place, filling in enumerate(dict.fromkeys(work.prepare for work in WORKS.values()))
    }
    with running_smtp() as smtp:
        smtp.recipient_answers[BOUNCING] = NO_SUCH_MAILBOX
        yield Sweep(prepared, warm_process, smtp)
    for database in prepared.values():
        database.forget()


def test_a_work_that_died_somewhere_is_done_once(sweep: Sweep) -> None:
    seed = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    chance = random.Random(seed)
    for name in [*WORKS, *chance.choices(list(WORKS), k=SAMPLED - len(WORKS))]:
        expected, _mails = sweep.reference(name)
        assert expected.result["violations"] == []
        die_at = chance.randint(1, expected.points)
        told = sweep.die_and_go_on(name, die_at)
        assert told == [], f"SEED={seed}: {name}, point {die_at} of {expected.points}"


def test_the_works_have_all_of_it_to_do(sweep: Sweep) -> None:
    """Several chunks of both levels, parked, suspended, resumed, blocked and canceled ones, a mail that bounces."""
    held = {name: sweep.reference(name)[0].result["fingerprint"] for name in WORKS}
    chunks = [dict(part.split("=") for part in row.split()) for row in held["run"]["billing_chunks"]]
    assert [chunk["depth"] for chunk in chunks].count("3") >= 3
    assert [chunk["depth"] for chunk in chunks].count("2") >= 1
    reasons = {row.split("parked_reason=")[1] for row in held["run"]["billing_items"]}
    assert reasons == {"-", "fee_out_of_range", "database_refused"}
    told = "\n".join(held["run"]["audit_events"])
    expected = (
        "account.suspended",
        "account.resumed",
        "cancellation.blocked",
        "warning_mail.queued",
        "approval.expired",
    )
    assert [action for action in expected if f"action={action} " not in told] == []
    canceled = [row for row in held["cancellation"]["accounts"] if "status=canceled" in row]
    assert [kind for kind in ("msp", "customer") if not any(f"type={kind} " in row for row in canceled)] == []
    states = [row.split("state=")[1].split()[0] for row in held["mails"]["outgoing_mails"]]
    assert sorted(states) == ["bounced", "sent", "sent"]
    assert held["provisioning"]["point_balances"] != held["mails"]["point_balances"]


def test_the_sweep_tells_a_work_that_is_not_whole(sweep: Sweep) -> None:
    points = sweep.reference("broken")[0].points
    assert sweep.die_and_go_on("broken", points // 2 + 2) != []


@pytest.mark.soak
@pytest.mark.parametrize("name", WORKS)
def test_a_work_that_died_anywhere_is_done_once(sweep: Sweep, name: str) -> None:
    began = time.perf_counter()
    points = sweep.reference(name)[0].points
    amiss = {die_at: told for die_at in range(1, points + 1) if (told := sweep.die_and_go_on(name, die_at))}
    print(f"{name}: died at each of {points} points in {time.perf_counter() - began:.0f} s")
    assert amiss == {}
