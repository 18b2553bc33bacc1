"""The works that are made to die: a world in which each of them has something to do, and one function each.

A function is called within the application as one attempt of a process: number 0 is the one that dies, each
further one comes some minutes later, as the worker's next tick or the client's repeat does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import select

from domain.lifecycle import AccountStatus, SuspensionReason
from domain.permissions import AccountType, Viewer
from models import Account, Administrator, Cancellation, PriceVersionRow, db
from models.mails import MailKind
from services import (
    approval_asking,
    approvals,
    audit_seals,
    cancellations,
    clockwork,
    invariants,
    outgoing_mails,
    points,
    provisioning,
    refills,
)
from services.cancellation_previews import preview
from services.mail_transports import SmtpTransport
from services.transaction import transaction
from tests.builders import BEGAN, BRAND, PROFILE, SETTINGS, START, World, begin_world, request_id, tokyo
from tests.services.test_shared_runs import refuse_lines_of
from tests.support.fingerprints import ColumnName, fingerprint

#: Longer than the lease of a mail and than the wait before a refused one is tried again.
BETWEEN_ATTEMPTS = dt.timedelta(minutes=6)
LONGEST_WORK = dt.timedelta(hours=1)
#: Fills a database and returns what the works must be told.
Preparation = Callable[[], dict[str, Any]]
REFILL_REQUEST = "5f0c1c5e-0000-4000-8000-000000000025"
BOUNCING = "nobody@customer.example.jp"
SUSPENDING = replace(SETTINGS, suspend_after_days=3)
ON_THE_22ND = tokyo("2026-11-22T00:00:30")
CUT = tokyo("2026-11-25T00:00:00")


@dataclass(frozen=True)
class Work:
    """A work: `do(now, values)` and when its first attempt is, on a database filled by `prepare`.

    `left_out` depends on how often it was tried.
    """

    do: Callable[[dt.datetime, Mapping[str, Any]], Any]
    begins_at: dt.datetime
    prepare: Preparation
    left_out: tuple[ColumnName, ...] = ()


def prepare() -> dict[str, Any]:
    """Fill a database, and return what the works must be told."""
    world = begin_world(stock=100_000)
    _raise_prices()
    short = [
        world.customer(parent=who, users=users) for who in (world.msp_a, world.msp_b) for users in (3, 11)
    ]
    world.customer(users=1_000_000, points_held=7)  # its fee is larger than a line may be: parked
    world.customer(users=12, points_held=5_000, support_account_id=world.support.account_id)
    _owe_for_long(world)
    _schedule_all(world, short)
    _apply(world, 2)
    _write_mails(short)
    approval_id = _ask(world)
    plan = refills.plan_refill(viewer=world.distributor, account_ids=short, now=START)
    return {"short": short, "digest": plan.digest, "approval_id": approval_id}


def prepare_the_25th() -> dict[str, Any]:
    """Fill a database, carry out what comes before the 25th, and let it refuse the fee of one account."""
    facts = prepare()
    _run_due_work(ON_THE_22ND, facts)
    refuse_lines_of(facts["short"][0])
    return facts


def _raise_prices() -> None:
    with transaction() as session:
        session.add(
            PriceVersionRow(
                account_type=AccountType.CUSTOMER,
                valid_from=CUT,
                base_points=10,
                included_user_count=10,
                points_per_additional_user=2_000,
                created_at=BEGAN,
            )
        )


def _owe_for_long(world: World) -> None:
    """One account is to be suspended for shortage, and one that was is covered again."""
    world.take_back(world.customer(), 30)
    covered = world.customer(points_held=20)
    with transaction() as session:
        account = session.get_one(Account, covered)
        account.status, account.suspension_reason = AccountStatus.SUSPENDED, SuspensionReason.SHORTAGE


def _schedule_all(world: World, short: list[int]) -> None:
    """Cancellations on the 22nd and the 25th, one to be reminded of, an MSP with all below it, one blocked."""
    rich, poor, on_the_25th, later = (world.customer(points_held=40) for _account in range(4))
    world.take_back(poor, 90)
    days = {rich: "2026-11-21", poor: "2026-11-22", on_the_25th: "2026-11-25", later: "2027-01-20"}
    days |= dict.fromkeys(short[2:], "2026-11-22")
    for account_id, day in days.items():
        _schedule(world.distributor, account_id, dt.date.fromisoformat(day))
    _schedule(world.distributor, world.msp_b.account_id, dt.date(2026, 11, 22))
    with transaction() as session:
        # Accounts below it run: it could not have been agreed to today, and is not carried out.
        session.get_one(Account, world.distributor.account_id).cancellation_date = dt.date(2026, 11, 21)
        session.add(
            Cancellation(
                account_id=world.distributor.account_id,
                scheduled_on=dt.date(2026, 11, 21),
                consent_text=cancellations.CONSENT_TEXT,
                shown_top_up_points=0,
                shown_write_off_points=0,
                consented_at=BEGAN,
                administrator_id=world.operator.administrator_id,
            )
        )


def _schedule(viewer: Viewer, account_id: int, day: dt.date) -> None:
    found = preview(viewer=viewer, account_id=account_id, scheduled_on=day, now=BEGAN)
    with transaction():
        cancellations.schedule(
            viewer=viewer,
            account_id=account_id,
            scheduled_on=day,
            consent=True,
            shown=(found.top_up_points, found.write_off_points),
            now=BEGAN,
        )


def _apply(world: World, count: int) -> None:
    """Approved accounts whose provisioning was ordered."""
    with transaction() as session:
        for number in range(count):
            session.add(
                Account(
                    **PROFILE,
                    account_type=AccountType.CUSTOMER,
                    status=AccountStatus.APPROVED,
                    parent_id=world.msp_a.account_id,
                    privileged_msp_id=world.distributor.account_id,
                    account_number=str(30_000_000 + number),
                    contract_user_count=10,
                    hidden_menu_keys=[],
                    applied_at=BEGAN,
                    provisioning_requested_at=BEGAN,
                    provisioning_next_attempt_at=BEGAN,
                )
            )


def _write_mails(account_ids: list[int]) -> None:
    addresses = ["taro@customer.example.jp", "hanako@customer.example.jp", BOUNCING]
    with transaction():
        for account_id, address in zip(account_ids, addresses, strict=False):
            outgoing_mails.queue_mail(
                kind=MailKind.CANCELLATION_REMINDER,
                account_id=account_id,
                recipient_name="山田 太郎",
                recipient_email=address,
                event_key=f"crash:{address}",
                language="ja",
                brand=BRAND,
                context={
                    "recipient_name": "山田 太郎",
                    "recipient_company": "株式会社青葉商事",
                    "account_number": "20000001",
                    "company_name": "株式会社青葉商事",
                    "contract_user_count": 10,
                    "cancellation_date": dt.date(2027, 1, 20),
                    "days_left": 60,
                },
                now=BEGAN,
            )


def _ask(world: World) -> int:
    """Ask a second person for points; nobody answers until the 25th."""
    customer = world.customer()
    with transaction():
        return approval_asking.ask_for_movement(
            movement=points.Movement(customer, is_addition=True, points=60),
            viewer=world.msp_a,
            request_id=request_id(),
            brand=BRAND,
            now=BEGAN,
        ).id


def _viewer(user_name: str) -> Viewer:
    row = db.session.execute(
        select(Administrator, Account.account_type)
        .join(Account, Account.id == Administrator.account_id)
        .where(Administrator.user_name == user_name)
    ).one()
    person = row.Administrator
    return Viewer(person.id, person.user_name, person.account_id, row.account_type, person.level)


def _run_due_work(now: dt.datetime, values: Mapping[str, Any]) -> None:
    report = clockwork.run_due_work(now=now, settings=SUSPENDING, chunk_size=3)
    assert not report.failed, report


def _refill(now: dt.datetime, values: Mapping[str, Any]) -> dict[str, int]:
    viewer = _viewer("distributor")
    with transaction():
        result = refills.refill(
            viewer=viewer,
            account_ids=values["short"],
            digest=values["digest"],
            request_id=REFILL_REQUEST,
            now=now,
        )
    return asdict(result)


def _approve(now: dt.datetime, values: Mapping[str, Any]) -> int:
    with transaction():
        return approvals.approve(
            viewer=_viewer("distributor"),
            approval_id=values["approval_id"],
            shown=(60,),
            consent=False,
            brand=BRAND,
            now=now,
        ).moved_points


def _send_mails(now: dt.datetime, values: Mapping[str, Any]) -> None:
    transport = SmtpTransport(values["mail_url"], "portal@example.jp", "SingleID")
    outgoing_mails.send_waiting(now=now, transport=transport)


def _provision(now: dt.datetime, values: Mapping[str, Any]) -> None:
    provisioning.provision_requested(now=now)


def _seal(now: dt.datetime, values: Mapping[str, Any]) -> list[Any]:
    """Seal the events of 操作ログ, five in a transaction; return how many are, and what is wrong with the chain."""
    count, after_id = 1, 0
    while count:
        with transaction():
            count, after_id = audit_seals.seal_batch(after_id=after_id, now=now, size=5)
    report = audit_seals.verify_chain()
    db.session.rollback()
    return [report.seal_count, *(fault for _number, fault in report.faults)]


def _add_twice(now: dt.datetime, values: Mapping[str, Any]) -> None:
    """Do in two transactions, and without a request id that lasts, what belongs into one."""
    viewer = _viewer("distributor")
    for account_id in values["short"][:2]:
        with transaction():
            points.add(
                viewer=viewer,
                account_id=account_id,
                points=5,
                remark=None,
                request_id=request_id(),
                now=now,
            )


WORKS: dict[str, Work] = {
    "run": Work(_run_due_work, CUT + dt.timedelta(seconds=30), prepare_the_25th),
    "refill": Work(_refill, START, prepare),
    "approval": Work(_approve, START, prepare),
    "cancellation": Work(_run_due_work, ON_THE_22ND, prepare),
    "mails": Work(_send_mails, START, prepare, left_out=(("outgoing_mails", "attempts"),)),
    "provisioning": Work(_provision, START, prepare),
    # A seal is of the instant of sealing; that the chain holds is told by what the attempts return.
    "seals": Work(_seal, START, prepare, left_out=(("audit_seals", "hash"),)),
}
#: A work that is not whole, to see that the sweep tells.
BROKEN: dict[str, Work] = {"broken": Work(_add_twice, START, prepare)}


def attempt(name: str, numbers: list[int], values: Mapping[str, Any]) -> list[Any]:
    """Carry out attempts of a work one after the other; return what each of them returned."""
    work = (WORKS | BROKEN)[name]
    return [work.do(work.begins_at + number * BETWEEN_ATTEMPTS, values) for number in numbers]


def attempt_and_tell(name: str, numbers: list[int], values: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out attempts, and return their results, the broken laws and the fingerprint of the database."""
    work = (WORKS | BROKEN)[name]
    results = attempt(name, numbers, values)
    violations = [str(violation) for violation in invariants.verify()]
    db.session.rollback()
    span = (work.begins_at, work.begins_at + LONGEST_WORK)
    found = fingerprint(db.session(), at_work=span, left_out=work.left_out)
    return {"results": results, "violations": violations, "fingerprint": found}
