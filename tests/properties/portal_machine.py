"""Any sequence of what people and the clock may do, over the real services, beside the model."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import select

from domain.errors import DomainError
from domain.permissions import AccountType
from models import Account, BillingRun, db
from services import (
    account_registrations,
    accounts,
    applications,
    billing_runs,
    cancellations,
    clockwork,
    invariants,
    manual_suspensions,
    moves,
    points,
    price_changes,
    provisioning,
    refills,
    rehearsals,
)
from services.transaction import transaction
from tests.builders import BRAND, PROFILE, SETTINGS, START, request_id
from tests.properties import portal_reading as reading
from tests.properties.fresh_portal import FreshPortal
from tests.properties.portal_model import (
    MOMENT,
    RUNNING,
    Person,
    Price,
    Reasons,
    day_of,
    following,
    midnight,
    next_cut_day,
)

NOBODY = 10**9
PEOPLE = ("operator", "distributor", "msp_a", "msp_b", "support")
#: `above`: who can do most to an account; the others often may not.
actors = st.sampled_from((*["above"] * 8, *PEOPLE))
positions = st.integers(0, 12)
selections = st.lists(positions, min_size=1, max_size=4)
waits = st.sampled_from(
    ("none", "none", "none", "moment", "hour", "day", "week", "before_cut", "cut", "after_cut")
    + ("before_leaving", "leaving", "month")
)
amounts = st.sampled_from((0, 1, 2, 9, 10, 11, 40, 300, 9_000, 12_000, 10**9 + 1)) | st.integers(1, 200)
user_counts = st.sampled_from((0, 1, 9, 10, 11, 12, 100_000, 1_000_000, 1_000_001)) | st.integers(1, 60)
remarks = st.sampled_from((None, "備考"))
days_ahead = st.sampled_from((-1, 0, 1, 2, 3, 5, 7, 30, 33, 66, 400, 3700)) | st.integers(1, 40)


class PortalMachine(RuleBasedStateMachine):
    """A portal under any hands: after each step it is what the model says, and every law holds."""

    def __init__(self, portal: FreshPortal) -> None:
        super().__init__()
        self.portal, self.model, self.now = portal, portal.begin(), START
        #: What was sent with a request id: sends it again, at an instant, as it was or otherwise.
        self.sent: list[tuple[Callable[[bool], Any], Any]] = []
        self.shown: tuple[dict[str, Any], bool, str, Any] | None = None
        #: id → (month of the estimate, estimate, lines that were there) as the database said it last.
        self.promised: dict[int, tuple[dt.date, int, int]] = {}

    # Who, whom and when.

    def wait(self, how: str) -> None:
        """Let time pass, or none, to an instant that matters."""
        cut = midnight(next_cut_day(self.now))
        leaving = [row.leaves for row in self.model.rows.values() if row.leaves and row.status in RUNNING]
        date = min((day for day in leaving if midnight(day) > self.now), default=day_of(cut))
        fixed = {"moment": MOMENT, "hour": dt.timedelta(hours=1), "month": dt.timedelta(days=31)}
        fixed |= {"day": dt.timedelta(days=1), "week": dt.timedelta(days=7), "none": dt.timedelta()}
        instants = {
            "before_cut": cut - MOMENT,
            "cut": cut,
            "after_cut": cut + MOMENT,
            "before_leaving": midnight(date) - MOMENT,
            "leaving": midnight(date),
        }
        later = instants[how] if how in instants else self.now + fixed[how]
        self.now = max(self.now, later.astimezone(dt.UTC))

    def account(self, position: int) -> int:
        """Return an account's id; of the last position one that is nobody's."""
        known = sorted(self.model.rows)
        return known[position % len(known)] if position < 12 else NOBODY

    def customer(self, position: int) -> int:
        """Return a customer's id, or of the last positions that of any account."""
        known = [one for one, row in sorted(self.model.rows.items()) if row.kind == "customer"]
        return known[position % len(known)] if position < 10 else self.account(position)

    def msp(self, position: int) -> int:
        """Return the id of an account above customers, or of the last positions that of any account."""
        known = [one for one, row in sorted(self.model.rows.items()) if row.kind in ("privileged_msp", "msp")]
        return known[position % len(known)] if position < 10 else self.account(position)

    def people(self, actor: str, account_id: int) -> tuple[Any, Person]:
        """Return who acts, for the services and for the model."""
        if actor == "above":
            row = self.model.rows.get(account_id)
            actor = "operator" if row is None or row.kind == "privileged_msp" else "distributor"
        return getattr(self.portal.world, actor), self.portal.person(actor)

    def ask(self, expected: Reasons, call: Callable[[], Any]) -> Any:
        """Do something that must be refused for one of the reasons, or done if there is none."""
        try:
            with transaction():
                result = call()
        except DomainError as refusal:
            name = type(refusal).__name__
            assert name in expected, f"refused as {name}, not for one of {sorted(expected)}"
            return None
        assert not expected, f"done, but should be refused for one of {sorted(expected)}"
        return result

    # Points.

    @rule(wait=waits, actor=actors, position=positions, count=amounts, remark=remarks, back=st.booleans())
    def change_points(
        self, wait: str, actor: str, position: int, count: int, remark: str | None, back: bool
    ) -> None:
        self.wait(wait)
        account_id = self.account(position)
        viewer, person = self.people(actor, account_id)
        use_case, key, started = (points.take_back if back else points.add), request_id(), self.now
        if back:
            expected = self.model.take_back(person, account_id, count, remark, self.now)
        else:
            expected = self.model.add(person, account_id, count, self.now)

        def send(otherwise: bool) -> points.MovementResult:
            return use_case(
                viewer=viewer,
                account_id=account_id,
                points=count + otherwise if count < 10**9 else count - otherwise,
                remark=remark,
                request_id=key,
                now=max(started, self.now),
            )

        result = self.ask(expected, lambda: send(False))
        if result is not None:
            self.sent.append((send, result))

    @rule(wait=waits, actor=actors, chosen=selections, far=st.booleans())
    def refill(self, wait: str, actor: str, chosen: list[int], far: bool) -> None:
        self.wait(wait)
        ids = [self.customer(position) for position in chosen]
        viewer, person = self.people(actor, ids[0])
        reasons, planned, money = self.model.plan(person, ids, far, self.now)
        asked = {"viewer": viewer, "account_ids": ids}
        plan = self.ask(reasons, lambda: refills.plan_refill(**asked, now=self.now, as_far_as_possible=far))
        if plan is None:
            return
        seen = [(row.account_id, row.estimated_balance, row.refill_points, row.outcome) for row in plan.rows]
        assert seen == [(one.account_id, one.estimate, one.points, one.outcome) for one in planned]
        assert {row.account_id: (row.asked_points, row.paid_points) for row in plan.payers} == money
        self.shown = (asked, far, plan.digest, self._fingerprint(person, ids, far))
        self._press(self.model.refill(person, ids, far, self.now), asked, far, plan.digest)

    def _press(self, expected: Reasons, asked: dict[str, Any], far: bool, digest: str) -> None:
        key = request_id()

        def send(otherwise: bool) -> refills.RefillResult:
            far_now = far != otherwise
            return refills.refill(
                **asked, digest=digest, request_id=key, now=self.now, as_far_as_possible=far_now
            )

        result = self.ask(expected, lambda: send(False))
        if result is None:
            return
        self.sent.append((send, result))
        again = refills.plan_refill(**asked, now=self.now)
        wanted = [
            row for row in again.rows if row.estimated_balance is not None and row.estimated_balance < 0
        ]
        short = {refills.RefillOutcome.REFILLED}
        assert far or not [row for row in wanted if row.outcome in short], "a second press would write"

    def _fingerprint(self, person: Person, ids: Sequence[int], far: bool) -> Any:
        reasons, planned, money = self.model.plan(person, ids, far, self.now)
        rows = [(one.account_id, self.model.rows[one.account_id].balance, one.points) for one in planned]
        stocks = [(payer, self.model.rows[payer].balance, paid) for payer, (_asked, paid) in money.items()]
        return reasons, rows, sorted(stocks)

    @rule(wait=waits)
    def press_what_was_shown_before(self, wait: str) -> None:
        """The button of a dialog that was opened earlier: the same numbers still, or refused."""
        if self.shown is None:
            return
        self.wait(wait)
        asked, far, digest, fingerprint = self.shown
        person = Person(asked["viewer"].account_type.value, asked["viewer"].account_id)
        is_same = self._fingerprint(person, asked["account_ids"], far) == fingerprint
        reasons, _planned, _money = self.model.plan(person, asked["account_ids"], far, self.now)
        if is_same:
            reasons = self.model.refill(person, asked["account_ids"], far, self.now)
        self._press(reasons if is_same else reasons | {"RefillPlanChanged"}, asked, far, digest)

    @rule(wait=waits, which=st.integers(0, 30), otherwise=st.booleans())
    def send_again(self, wait: str, which: int, otherwise: bool) -> None:
        """The same request has its first answer and no second effect; another body is refused."""
        if self.sent:
            self.wait(wait)
            send, first = self.sent[which % len(self.sent)]
            result = self.ask({"RequestIdReused"} if otherwise else set(), lambda: send(otherwise))
            assert otherwise or first is True or result == first

    # Users and prices.

    @rule(wait=waits, actor=actors, position=positions, users=user_counts)
    def change_users(self, wait: str, actor: str, position: int, users: int) -> None:
        self.wait(wait)
        account_id = self.customer(position)
        viewer, person = self.people(actor, account_id)
        self.ask(
            self.model.change_users(person, account_id, users, self.now),
            lambda: accounts.change_contract_users(
                viewer=viewer, account_id=account_id, contract_user_count=users, now=self.now
            ),
        )

    @rule(
        wait=waits,
        actor=st.sampled_from(("operator", "operator", "operator", "distributor")),
        kind=st.sampled_from(("customer", "customer", "msp", "support", "privileged_msp")),
        ahead=days_ahead,
        numbers=st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 5)),
    )
    def add_price(self, wait: str, actor: str, kind: str, ahead: int, numbers: tuple[int, int, int]) -> None:
        self.wait(wait)
        viewer, person = self.people(actor, NOBODY)
        day = day_of(self.now) + dt.timedelta(days=ahead)
        draft = price_changes.PriceDraft(AccountType(kind), day, *numbers)

        def add() -> object:
            effect = price_changes.preview_price(viewer=viewer, draft=draft, now=self.now)
            return price_changes.add_price(viewer=viewer, draft=draft, digest=effect.digest, now=self.now)

        price = Price(kind, midnight(day), *numbers)
        self.ask(self.model.add_price(person, kind, day, price, self.now), add)

    # The way into service.

    @rule(
        wait=waits,
        actor=actors,
        kind=st.sampled_from(("customer", "customer", "customer", "msp", "support", "privileged_msp")),
        above=positions,
        users=user_counts,
        at_once=st.booleans(),
    )
    def register(self, wait: str, actor: str, kind: str, above: int, users: int, at_once: bool) -> None:
        """登録申請, and often the whole way into service."""
        self.wait(wait)
        parent = self.msp(above)
        viewer, person = self.people(actor, parent)
        is_customer, key = kind == "customer", request_id()
        if not is_customer:
            users = 10
            if person.kind != "operator" or kind == "privileged_msp":
                parent = person.account_id
        expected = self.model.register(person, kind, parent, users, self.now)

        def send(otherwise: bool) -> int:
            profile = PROFILE | ({"city": "港区"} if otherwise else {})
            common = {"viewer": viewer, "profile": profile, "now": self.now, "request_id": key}
            if is_customer:
                return applications.register(**common, contract_user_count=users, parent_id=parent).id
            return account_registrations.register_account(
                **common, account_type=AccountType(kind), parent_id=parent
            ).id

        account_id = self.ask(expected, lambda: send(False))
        if account_id is None:
            return
        self.sent.append((send, account_id))
        self.model.enter(account_id, kind, parent, users)
        if at_once:
            for what in ("approve", "order"):
                self._decide(*self.people("operator", account_id), what, account_id)
            self.provision("none")

    @rule(
        wait=waits,
        actor=st.sampled_from(("operator", "operator", "operator", "distributor", "msp_a")),
        what=st.sampled_from(("approve", "order", "order", "reject", "withdraw", "reapply")),
        position=positions,
    )
    def decide(self, wait: str, actor: str, what: str, position: int) -> None:
        self.wait(wait)
        waiting = [one for one, row in self.model.rows.items() if row.status not in (*RUNNING, "canceled")]
        account_id = waiting[position % len(waiting)] if waiting else self.account(position)
        self._decide(*self.people(actor, account_id), what, account_id)

    def _decide(self, viewer: Any, person: Person, what: str, account_id: int) -> None:
        with_id = {"viewer": viewer, "account_id": account_id, "now": self.now}
        found = db.session.get(Account, account_id)
        version = found.version if found else 1
        calls: dict[str, Callable[[], object]] = {
            "approve": lambda: applications.approve(**with_id, brand=BRAND),
            "reject": lambda: applications.reject(**with_id, rejection_reason="不備", brand=BRAND),
            "withdraw": lambda: applications.withdraw(**with_id),
            "order": lambda: applications.request_provisioning(**with_id),
            "reapply": lambda: applications.change_application(
                **with_id, version=version, profile=PROFILE, contract_user_count=None
            ),
        }
        self.ask(self.model.decide(person, what, account_id, self.now), calls[what])

    @rule(wait=waits)
    def provision(self, wait: str) -> None:
        self.wait(wait)
        assert provisioning.provision_requested(now=self.now) == self.model.provision(self.now)

    # 一時停止 and moves.

    @rule(wait=waits, actor=actors, position=positions, again=st.booleans())
    def suspend_or_resume(self, wait: str, actor: str, position: int, again: bool) -> None:
        self.wait(wait)
        account_id = self.customer(position)
        viewer, person = self.people(actor, account_id)
        with_id = {"viewer": viewer, "account_id": account_id, "now": self.now}
        if again:
            expected = self.model.resume(person, account_id, self.now)
            self.ask(expected, lambda: manual_suspensions.resume(**with_id))
        else:
            expected = self.model.suspend(person, account_id, self.now)
            self.ask(expected, lambda: manual_suspensions.suspend(**with_id, reason="調査のため"))

    @rule(wait=waits, actor=actors, chosen=selections, to=positions)
    def move(self, wait: str, actor: str, chosen: list[int], to: int) -> None:
        self.wait(wait)
        ids, goal, key = [self.customer(one) for one in chosen], self.msp(to), request_id()
        viewer, person = self.people(actor, ids[0])
        asked = {"viewer": viewer, "account_ids": ids, "target_id": goal}
        digests: list[str] = []

        def send(otherwise: bool) -> bool:
            if not digests:
                digests.append(moves.plan_move(**asked, now=self.now).digest)
            digest = "0" * 64 if otherwise else digests[0]
            moves.move(**asked, digest=digest, request_id=key, now=self.now)
            return True

        if self.ask(self.model.move(person, ids, goal, self.now), lambda: send(False)):
            self.sent.append((send, True))

    # 解約.

    @rule(
        wait=waits,
        actor=actors,
        position=positions,
        ahead=st.none() | days_ahead,
        is_wrong=st.sampled_from(("", "", "", "", "", "", "consent", "amounts")),
        is_customer=st.sampled_from((True, True, False)),
    )
    def cancel(
        self, wait: str, actor: str, position: int, ahead: int | None, is_wrong: str, is_customer: bool
    ) -> None:
        """解約 at once (None) or on a day that lies so many days ahead."""
        self.wait(wait)
        account_id = self.customer(position) if is_customer else self.account(position)
        day = None if ahead is None else day_of(self.now) + dt.timedelta(days=ahead)
        self.leave(*self.people(actor, account_id), account_id, day, is_wrong)

    def leave(self, viewer: Any, person: Person, account_id: int, day: dt.date | None, is_wrong: str) -> None:
        """Cancel an account as the dialog would, or with its box or its numbers wrong."""
        row = self.model.rows.get(account_id)
        shown = self.model.amounts(row, day, self.now) if row and row.status in RUNNING else (0, 0)
        if is_wrong == "amounts":
            shown = (shown[0] + 1, shown[1] + 1)
        arguments = {"viewer": viewer, "account_id": account_id, "now": self.now}
        arguments |= {"consent": is_wrong != "consent", "shown": shown}
        expected = self.model.leave(person, account_id, day, shown, is_wrong != "consent", self.now)
        if day is None:
            self.ask(expected, lambda: cancellations.cancel(**arguments))
        else:
            self.ask(expected, lambda: cancellations.schedule(**arguments, scheduled_on=day))

    @rule(wait=waits, actor=actors, position=positions)
    def lift(self, wait: str, actor: str, position: int) -> None:
        self.wait(wait)
        leaving = [one for one, row in self.model.rows.items() if row.leaves and row.status in RUNNING]
        account_id = leaving[position % len(leaving)] if leaving else self.account(position)
        self.stay(*self.people(actor, account_id), account_id)

    def stay(self, viewer: Any, person: Person, account_id: int) -> None:
        """Take 解約予定日 of an account away."""
        expected = self.model.lift(person, account_id, self.now)
        self.ask(expected, lambda: cancellations.lift(viewer=viewer, account_id=account_id, now=self.now))

    # The clock.

    @rule(wait=waits)
    def tick(self, wait: str) -> None:
        self.wait(wait)
        report = clockwork.run_due_work(now=self.now, settings=SETTINGS)
        assert report.failed == [] or self.model.is_held
        assert report.billed_dates == self.model.tick(self.now)
        assert report.held_dates == ([self.model.unfinished] if self.model.is_held else [])
        self._check_promises()

    @rule(wait=waits)
    def tick_until_all_is_done(self, wait: str) -> None:
        """Each tick may let a level leave that the one below blocked; then there is nothing left to do."""
        self.wait(wait)
        for _level in ("customers", "MSP", "特権MSP"):
            self.tick("none")
            if not any(row.leaves and row.status in RUNNING for row in self.model.rows.values()):
                break
        report = clockwork.run_due_work(now=self.now, settings=SETTINGS)
        left = {name: getattr(report, name) for name in ("held_dates", "blocked", "waiting", "failed")}
        assert report == clockwork.WorkReport(**left)

    @rule(actor=st.sampled_from(("operator", "operator", "distributor", "msp_a")))
    def release(self, actor: str) -> None:
        """Let a run go on that waits in 要確認, or try to."""
        self._release(*self.people(actor, NOBODY))

    def _release(self, viewer: Any, person: Person) -> None:
        newest = db.session.execute(select(BillingRun.id).order_by(BillingRun.billing_date.desc())).scalar()
        if newest is not None:
            self.ask(
                self.model.release(person),
                lambda: billing_runs.release_run(run_id=newest, viewer=viewer, now=self.now),
            )

    def _check_promises(self) -> None:
        """The estimate of an earlier instant was the balance after that month's fee, if nothing came between."""
        lines = reading.lines_of_database()
        for account_id, (month, estimate, count) in self.promised.items():
            for line in lines.get(account_id, [])[count:]:
                if line.kind != "monthly_fee":
                    break
                if line.billing_date == month:
                    assert line.balance_after == estimate, "the estimate was no fact"

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        db.session.rollback()
        found = reading.rows_of_database(self.now)
        assert found == reading.rows_of_model(self.model, self.now)
        assert reading.fees_of_database() == reading.fees_of_model(self.model)
        lines = reading.lines_of_database()
        written = {one: [(line.kind, line.points) for line in of_one] for one, of_one in lines.items()}
        assert written == {one: row.lines for one, row in self.model.rows.items() if row.lines}
        assert invariants.verify() == []
        month = day_of(self.now).replace(day=25)
        self.promised = {
            one: (month, values[-1], len(lines.get(one, [])))
            for one, values in found.items()
            if values[-1] is not None
        }
        db.session.rollback()

    def _tick_and_release(self) -> None:
        self.tick("none")
        while self.model.is_held:
            self._release(*self.people("operator", NOBODY))
            self.tick("none")

    def teardown(self) -> None:
        """At the end every place shows one number, and the next 25th takes what was rehearsed."""
        operator = self.portal.world.operator
        db.session.rollback()
        estimates = {
            one: self.model.estimate(row, self.now)
            for one, row in self.model.rows.items()
            if row.status in (*RUNNING, "canceled")
        }
        assert reading.estimates_of_lists(operator, self.now) == estimates
        numbers = reading.numbers()
        exported = {numbers[one]: "" if left is None else str(left) for one, left in estimates.items()}
        for number, text in reading.estimates_of_export(operator, self.now).items():
            assert exported[number] == text
        self._tick_and_release()
        day = next_cut_day(self.now)
        rehearsed = {row.account_number: row for row in rehearsals.rehearse(billing_date=day)}
        if day == day_of(self.now).replace(day=25):
            for one, row in self.model.rows.items():
                found = rehearsed.get(numbers[one])
                assert found is None or found.balance_after == self.model.estimate(row, self.now)
        self.now = midnight(day).astimezone(dt.UTC)
        self._tick_and_release()
        fees = {numbers[one]: row.fees[day] for one, row in self.model.rows.items() if day in row.fees}
        rehearsed_fees = {number: row.fee_points for number, row in rehearsed.items()}
        assert {number: fee for number, fee in fees.items() if fee} == {
            number: fee for number, fee in rehearsed_fees.items() if fee
        }
        assert following(day) not in fees
        self.it_is_as_the_model_says()
