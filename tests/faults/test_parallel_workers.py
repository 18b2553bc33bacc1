"""Workers side by side: what two of them note or write at the same moment stands once, and neither fails."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from models import OutgoingMail, WorkerBeat, db
from models.mails import MailKind
from services import health_beats, outgoing_mails
from services.outgoing_mails import MailDraft
from services.transaction import transaction
from tests.builders import BRAND, START, World
from tests.faults.test_parallel_requests import together

pytestmark = pytest.mark.faults
WORKERS = 8
CONTEXT = {
    "recipient_name": "山田",
    "recipient_company": "株式会社例",
    "told_on": START.date(),
    "seal_number": 1,
    "seal_hash": "0" * 64,
}


def test_workers_that_come_back_after_a_day_do_not_stop_each_other(app: Flask, world: World) -> None:
    names = [f"host:{number}" for number in range(WORKERS)]

    def beating(name: str, now: dt.datetime) -> Callable[[], None]:
        return lambda: health_beats.beat(worker_name=name, now=now)

    for day in range(20):
        now = START + day * 2 * health_beats.FORGOTTEN_AFTER
        assert together(app, [beating(name, now) for name in names]) == [None] * WORKERS
    with transaction():
        health_beats.beat(worker_name=names[0], now=now)
    beats = select(WorkerBeat.worker_name).where(WorkerBeat.beat_at == now)
    assert sorted(db.session.execute(beats).scalars()) == names


def test_mails_that_several_write_at_once_are_there_once(app: Flask, world: World) -> None:
    customers = [world.customer() for _position in range(20)]

    def telling() -> int:
        drafts = [
            MailDraft(
                kind=MailKind.AUDIT_HEAD,
                account_id=account_id,
                recipient_name="山田",
                recipient_email=f"{account_id}@example.jp",
                event_key=f"event:{account_id}",
                language="ja",
                context=CONTEXT,
            )
            for account_id in customers
        ]
        return outgoing_mails.queue_mails(drafts, brand=BRAND, now=START)

    answers = together(app, [telling] * WORKERS)
    assert sum(answers) == len(customers)
    assert db.session.execute(select(func.count()).select_from(OutgoingMail)).scalar_one() == len(customers)
