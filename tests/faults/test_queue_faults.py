"""The queue is gone when a page wants to ring: the page succeeds, and what it wrote is picked up all the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from domain.lifecycle import AccountStatus
from jobs import tasks
from launcher.queue_server import free_port
from models import Account, OutgoingMail, db
from models.mails import MailKind, MailState
from tests.web.browser_session import send

pytestmark = pytest.mark.faults


@pytest.fixture
def content() -> str:
    return "demo"


def test_pages_succeed_without_the_queue_and_the_next_tick_does_what_they_asked_for(
    app: Flask, client: FlaskClient, sign_in: Callable[[FlaskClient, str], None]
) -> None:
    # Nobody listens there.
    gone = f"redis://127.0.0.1:{free_port()}/0"
    app.extensions["settings"] = replace(app.extensions["settings"], redis_url=gone)
    sign_in(client, "operator")
    with app.app_context():
        waiting = select(Account).where(Account.status == AccountStatus.PENDING_APPROVAL)
        account = db.session.execute(waiting.order_by(Account.id)).scalars().first()
        assert account is not None
        account_id, version = account.id, account.version

    began_at = time.monotonic()
    assert send(client, f"/msp/pending/{account_id}/approve/", version=version).status_code == 303
    assert send(client, f"/msp/pending/{account_id}/provision/").status_code == 303
    assert time.monotonic() - began_at < 5

    with app.app_context():
        approval = select(OutgoingMail.state).where(
            OutgoingMail.account_id == account_id, OutgoingMail.kind == MailKind.APPROVAL
        )
        assert set(db.session.execute(approval).scalars()) == {MailState.WAITING}
        db.session.rollback()
        tasks.send_mails()
        tasks.provision()
        assert set(db.session.execute(approval).scalars()) <= {MailState.KEPT, MailState.SENT}
        assert db.session.get_one(Account, account_id).status is AccountStatus.ACTIVE
