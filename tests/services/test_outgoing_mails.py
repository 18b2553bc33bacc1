"""Sending mails to real SMTP servers that take, delay, refuse, fall silent or hang up."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from flask import Flask
from sqlalchemy import select

from config import Settings
from domain.mail_retries import GIVEN_UP_AFTER
from domain.permissions import AdminLevel
from models import OneTimeLink, OutgoingMail, db
from models.mails import MailKind, MailState
from services import outgoing_mails
from services.administrator_mails import send_password_link
from services.bounces import bounced_addresses
from services.mail_transports import (
    AbsentTransport,
    KeepingTransport,
    MailMessage,
    MailServerAway,
    SmtpTransport,
    transport_from,
)
from services.outgoing_mails import SendingCounts, queue_mail, send_waiting
from services.sign_ins import token_hash
from services.transaction import transaction
from tests.support.mail_accounts import BRAND, NOW, Tree, administrator, customer, plant_tree
from tests.support.mail_servers import rude_server
from tests.support.smtp_server import NO_SUCH_MAILBOX, TRY_LATER, SmtpServer, running_smtp

CERTIFICATE = Path(__file__).parents[1] / "support" / "smtp_certificate.pem"
CONTEXT = {
    "recipient_name": "山田 太郎",
    "recipient_company": None,
    "account_number": "10000042",
    "company_name": "髙橋𠮷商店",
    "contract_user_count": 12,
    "applied_on": dt.date(2026, 11, 18),
}


@pytest.fixture
def tree(app: Flask) -> Iterator[Tree]:
    with app.app_context():
        yield plant_tree()


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with running_smtp() as server:
        yield server


def to_server(url: str, timeout_seconds: float = 30.0) -> SmtpTransport:
    return SmtpTransport(url, "no-reply@example.jp", "SingleID", timeout_seconds=timeout_seconds)


def queue(tree: Tree, email: str = "taro@example.jp", *, event_key: str = "event-1") -> int | None:
    with transaction():
        mail = write_mail(tree, email, event_key)
        return mail.id if mail else None


def write_mail(tree: Tree, email: str, event_key: str) -> OutgoingMail | None:
    return queue_mail(
        kind=MailKind.APPROVAL,
        account_id=tree.msp_id,
        recipient_name="山田, 太郎",
        recipient_email=email,
        event_key=event_key,
        language="ja",
        brand=BRAND,
        context=CONTEXT,
        now=NOW,
    )


def stored(mail_id: int | None) -> OutgoingMail:
    db.session.rollback()
    return db.session.get_one(OutgoingMail, mail_id)


def test_mail_arrives_as_it_was_written(tree: Tree, smtp: SmtpServer) -> None:
    mail_id = queue(tree)
    counts = send_waiting(now=NOW, transport=to_server(smtp.url))
    received, mail = smtp.received[0], stored(mail_id)
    assert counts == SendingCounts(delivered_count=1)
    assert (mail.state, mail.sent_at, mail.attempts) == (MailState.SENT, NOW, 1)
    assert (received.sender, received.recipients) == ("no-reply@example.jp", ["taro@example.jp"])
    assert received.message["From"] == "SingleID <no-reply@example.jp>"
    assert received.message["To"].addresses[0].display_name == "山田, 太郎"
    assert received.message["Subject"] == "【SingleID】アカウント承認のお知らせ(髙橋𠮷商店 様)"
    assert received.message["Message-ID"] == mail.message_id
    assert received.message["Auto-Submitted"] == "auto-generated"
    assert received.message["Date"].datetime == NOW
    assert received.body_text.replace("\r\n", "\n") == mail.body_text
    assert received.message.get_content_type() == "multipart/alternative"
    plain, html = received.message.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert html.get_content().replace("\r\n", "\n") == mail.body_html
    assert "髙橋𠮷商店" in mail.body_html


def test_the_secret_of_a_link_is_kept_only_until_its_mail_is_sent_or_comes_back(
    tree: Tree, smtp: SmtpServer
) -> None:
    with transaction():
        people = [administrator(tree.msp_id, name, AdminLevel.SYSTEM) for name in ("arrives", "nobody")]
        for person in people:
            send_password_link(administrator=person, brand=BRAND, now=NOW)
        mails = list(db.session.execute(select(OutgoingMail).order_by(OutgoingMail.id)).scalars())
        ids, bodies = [mail.id for mail in mails], [mail.body_text for mail in mails]
    tokens = [body.partition("/set-password/")[2].split()[0] for body in bodies]
    assert all(len(token) > 40 for token in tokens)
    assert db.session.execute(select(OneTimeLink.token_hash).order_by(OneTimeLink.id)).scalars().all() == [
        token_hash(token) for token in tokens
    ]
    smtp.recipient_answers = {"nobody@example.jp": NO_SUCH_MAILBOX}
    send_waiting(now=NOW, transport=to_server(smtp.url))
    assert [stored(number).state for number in ids] == [MailState.SENT, MailState.BOUNCED]
    assert tokens[0] in smtp.received[0].body_text
    for number in ids:
        for body in (stored(number).body_text, stored(number).body_html):
            assert "/set-password/…" in body
            assert not any(token in body for token in tokens)


def test_a_mail_of_before_without_html_goes_out_as_text(tree: Tree, smtp: SmtpServer) -> None:
    mail_id = queue(tree)
    with transaction() as session:
        session.get_one(OutgoingMail, mail_id).body_html = ""
    send_waiting(now=NOW, transport=to_server(smtp.url))
    assert smtp.received[0].message.get_content_type() == "text/plain"


def test_one_event_and_recipient_have_one_mail(tree: Tree) -> None:
    assert queue(tree) is not None
    assert queue(tree) is None
    assert queue(tree, "TARO@example.jp") is None
    assert queue(tree, "hanako@example.jp") is not None
    assert queue(tree, event_key="event-2") is not None


def test_a_rolled_back_cause_sends_nothing(tree: Tree, smtp: SmtpServer) -> None:
    with transaction() as session:
        write_mail(tree, "taro@example.jp", "event-1")
        session.rollback()
    assert db.session.scalars(select(OutgoingMail)).all() == []
    assert send_waiting(now=NOW, transport=to_server(smtp.url)) == SendingCounts()


def test_greylisting_waits_longer_each_time_and_keeps_the_message_id(tree: Tree, smtp: SmtpServer) -> None:
    mail_id, now = queue(tree), NOW
    message_id = stored(mail_id).message_id
    smtp.recipient_answer = TRY_LATER
    for minutes in (1, 5, 15, 60, 360, 360):
        assert send_waiting(now=now, transport=to_server(smtp.url)).delayed_count == 1
        mail = stored(mail_id)
        assert mail.state == MailState.RETRYING
        assert mail.last_error == TRY_LATER
        assert mail.next_attempt_at - now == dt.timedelta(minutes=minutes)
        just_before = mail.next_attempt_at - dt.timedelta(seconds=1)
        assert send_waiting(now=just_before, transport=to_server(smtp.url)) == SendingCounts()
        now = mail.next_attempt_at
    smtp.recipient_answer = "250 ok"
    send_waiting(now=now, transport=to_server(smtp.url))
    assert stored(mail_id).state == MailState.SENT
    assert stored(mail_id).last_error is None
    assert smtp.received[0].message["Message-ID"] == message_id


def test_mail_that_is_delayed_for_three_days_is_given_up(tree: Tree, smtp: SmtpServer) -> None:
    mail_id, now = queue(tree), NOW
    smtp.recipient_answer = TRY_LATER
    while stored(mail_id).state in (MailState.WAITING, MailState.RETRYING):
        send_waiting(now=now, transport=to_server(smtp.url))
        last, now = now, stored(mail_id).next_attempt_at
    assert stored(mail_id).state == MailState.BOUNCED
    assert stored(mail_id).last_error == TRY_LATER
    assert dt.timedelta(days=2, hours=12) < last - NOW <= GIVEN_UP_AFTER


def test_refused_recipient_bounces_and_blocks_nobody(tree: Tree, smtp: SmtpServer) -> None:
    smtp.recipient_answers = {"gone@example.jp": NO_SUCH_MAILBOX, "later@example.jp": TRY_LATER}
    emails = ("gone@example.jp", "later@example.jp", "taro@example.jp")
    gone, later, taro = (queue(tree, email) for email in emails)
    counts = send_waiting(now=NOW, transport=to_server(smtp.url))
    assert counts == SendingCounts(delivered_count=1, delayed_count=1, bounced_count=1)
    assert [stored(mail_id).state.value for mail_id in (gone, later, taro)] == ["bounced", "retrying", "sent"]
    assert stored(gone).last_error == NO_SUCH_MAILBOX
    assert send_waiting(now=NOW + dt.timedelta(seconds=5), transport=to_server(smtp.url)) == SendingCounts()


def test_refused_content_bounces(tree: Tree, smtp: SmtpServer) -> None:
    smtp.message_answer = "554 looks like spam"
    mail_id = queue(tree)
    assert send_waiting(now=NOW, transport=to_server(smtp.url)).bounced_count == 1
    assert stored(mail_id).last_error == "554 looks like spam"


@pytest.mark.parametrize(
    "email", ["a b@example.jp", "a@b\r\nBcc: evil@example.jp", "no-at-sign", "山田@example.jp", "@example.jp"]
)
def test_unsendable_address_bounces_and_blocks_nobody(tree: Tree, smtp: SmtpServer, email: str) -> None:
    bad, good = queue(tree, email), queue(tree)
    counts = send_waiting(now=NOW, transport=to_server(smtp.url))
    assert (counts.bounced_count, counts.delivered_count) == (1, 1)
    assert stored(bad).state == MailState.BOUNCED
    assert "not a sendable address" in (stored(bad).last_error or "")
    assert stored(good).state == MailState.SENT
    assert [received.recipients for received in smtp.received] == [["taro@example.jp"]]


def test_old_docomo_addresses_are_quoted(tree: Tree, smtp: SmtpServer) -> None:
    queue(tree, "abc..d.@docomo.ne.jp")
    assert send_waiting(now=NOW, transport=to_server(smtp.url)).delivered_count == 1
    assert smtp.received[0].recipients == ["abc..d.@docomo.ne.jp"]
    assert smtp.received[0].message["To"].addresses[0].username == "abc..d."
    queue(tree, "abc..d.@docomo.ne.jp", event_key="event-2")
    with rude_server("answer") as server:
        send_waiting(now=NOW, transport=to_server(server.url))
    assert 'rcpt TO:<"abc..d."@docomo.ne.jp>' in server.commands


def test_international_domain_is_written_in_ascii(tree: Tree, smtp: SmtpServer) -> None:
    queue(tree, "taro@日本語.example.jp")
    assert send_waiting(now=NOW, transport=to_server(smtp.url)).delivered_count == 1
    assert smtp.received[0].recipients == ["taro@xn--wgv71a119e.example.jp"]


def test_a_server_that_is_away_uses_up_nothing(tree: Tree, smtp: SmtpServer) -> None:
    first, second = queue(tree), queue(tree, "hanako@example.jp")
    nobody_there = to_server("smtp://127.0.0.1:1")
    now = NOW
    for _minute in range(3):
        counts = send_waiting(now=now, transport=nobody_there)
        assert counts == SendingCounts(is_server_away=True)
        now += dt.timedelta(minutes=1)
    assert (stored(first).attempts, stored(second).attempts) == (0, 0)
    assert "refused" in (stored(first).last_error or "")
    # A week without a server gives up no mail.
    later = NOW + dt.timedelta(days=7)
    assert send_waiting(now=later, transport=nobody_there).is_server_away
    assert (
        send_waiting(now=later + dt.timedelta(minutes=1), transport=to_server(smtp.url)).delivered_count == 2
    )


def test_a_server_that_never_greets_is_away(tree: Tree) -> None:
    mail_id = queue(tree)
    queue(tree, "hanako@example.jp")
    with rude_server("greeting") as server:
        counts = send_waiting(now=NOW, transport=to_server(server.url, timeout_seconds=0.3))
    assert counts == SendingCounts(is_server_away=True)
    assert stored(mail_id).attempts == 0
    assert stored(mail_id).last_error == "no answer in time"


def test_silence_in_mid_mail_is_retried(tree: Tree) -> None:
    mail_id = queue(tree)
    with rude_server("recipient") as server:
        # Long enough for what the server does answer, on a machine that does much else.
        counts = send_waiting(now=NOW, transport=to_server(server.url, timeout_seconds=3.0))
    assert counts == SendingCounts(delayed_count=1)
    assert stored(mail_id).state == MailState.RETRYING
    assert stored(mail_id).attempts == 1


def test_a_lost_answer_repeats_the_same_message(tree: Tree) -> None:
    mail_id = queue(tree)
    with rude_server("answer") as server:
        for minutes in (0, 1):
            now = NOW + dt.timedelta(minutes=minutes)
            assert send_waiting(now=now, transport=to_server(server.url)) == SendingCounts(delayed_count=1)
        assert len(server.stored) == 2
        assert server.stored[0] == server.stored[1]
    assert stored(mail_id).message_id in server.stored[0]


def test_a_run_takes_no_more_than_its_limit(tree: Tree, smtp: SmtpServer) -> None:
    for number in range(3):
        queue(tree, f"taro-{number}@example.jp")
    assert send_waiting(now=NOW, transport=to_server(smtp.url), limit=2).delivered_count == 2
    assert send_waiting(now=NOW, transport=to_server(smtp.url), limit=2).delivered_count == 1


class CrashingTransport:
    """Dies with a mail in its hands, as a killed worker does."""

    delivered_state = MailState.SENT

    def deliver(self, message: MailMessage) -> None:
        raise SystemExit(message.message_id)


def test_mail_of_a_worker_that_died_is_taken_up_again(tree: Tree, smtp: SmtpServer) -> None:
    dying, other = queue(tree), queue(tree, "hanako@example.jp")
    with pytest.raises(SystemExit):
        send_waiting(now=NOW, transport=CrashingTransport())
    send_waiting(now=NOW, transport=to_server(smtp.url))
    assert [stored(mail_id).state.value for mail_id in (dying, other)] == ["waiting", "sent"]
    send_waiting(now=NOW + outgoing_mails.LEASE, transport=to_server(smtp.url))
    assert stored(dying).state == MailState.SENT


def test_mail_that_kills_every_worker_is_given_up(tree: Tree) -> None:
    mail_id, now, crashes = queue(tree), NOW, 0
    while stored(mail_id).state == MailState.WAITING:
        assert crashes < 30
        try:
            counts = send_waiting(now=now, transport=CrashingTransport())
        except SystemExit:
            crashes += 1
        now += outgoing_mails.LEASE
    assert counts.bounced_count == 1
    assert stored(mail_id).state == MailState.BOUNCED


def test_a_second_worker_that_was_faster_is_not_overruled(tree: Tree, smtp: SmtpServer) -> None:
    mail_id = queue(tree)

    class SlowTransport:
        delivered_state = MailState.SENT

        def deliver(self, message: MailMessage) -> None:
            send_waiting(now=NOW + outgoing_mails.LEASE, transport=to_server(smtp.url))
            raise MailServerAway("too late")

    send_waiting(now=NOW, transport=SlowTransport(), limit=1)
    assert stored(mail_id).state == MailState.SENT
    assert len(smtp.received) == 1


def test_demo_keeps_every_mail(tree: Tree) -> None:
    mail_id = queue(tree)
    assert send_waiting(now=NOW, transport=KeepingTransport()).delivered_count == 1
    assert (stored(mail_id).state, stored(mail_id).sent_at) == (MailState.KEPT, None)


def test_production_without_a_server_lets_mails_wait(tree: Tree) -> None:
    mail_id = queue(tree)
    assert send_waiting(now=NOW, transport=AbsentTransport()).is_server_away
    assert (stored(mail_id).attempts, stored(mail_id).last_error) == (0, "MAIL_URL is not set")


def test_bounced_address_is_shown_until_a_mail_reaches_it(tree: Tree, smtp: SmtpServer) -> None:
    account_id = customer(tree, "20000001")
    smtp.recipient_answer = NO_SUCH_MAILBOX
    mail_id = queue(tree)
    send_waiting(now=NOW, transport=to_server(smtp.url))
    (bounced,) = bounced_addresses([tree.msp_id, account_id])[tree.msp_id]
    assert (bounced.email, bounced.reason, bounced.mail_id) == ("taro@example.jp", NO_SUCH_MAILBOX, mail_id)
    smtp.recipient_answer = "250 ok"
    queue(tree, event_key="event-2")
    assert bounced_addresses([tree.msp_id])
    send_waiting(now=NOW, transport=to_server(smtp.url))
    assert bounced_addresses([tree.msp_id, account_id]) == {}


def test_mail_settings_choose_the_way_out() -> None:
    settings = Settings(database_url="sqlite://", secret_key="", environment="demo")
    assert isinstance(transport_from(settings), KeepingTransport)
    assert isinstance(transport_from(replace(settings, environment="production")), AbsentTransport)
    assert isinstance(transport_from(replace(settings, mail_url="smtps://mail.example.jp")), SmtpTransport)


@pytest.mark.parametrize(
    "mail_url", ["http://mail", "smtp://", "mail.example.jp:25", "smtp://a:99999", "smtp://a:0"]
)
def test_unusable_mail_url_is_refused(mail_url: str) -> None:
    with pytest.raises(ValueError, match=r"MAIL_URL|Port"):
        SmtpTransport(mail_url, "no-reply@example.jp", "SingleID")


@pytest.fixture
def encrypted_smtp(request: pytest.FixtureRequest) -> Iterator[Controller]:
    """A server with starttls (or TLS from the start) that wants the sign-in portal / p@ss."""

    def authenticate(*arguments: object) -> AuthResult:
        data = arguments[-1]
        known = LoginPassword(b"portal", b"p@ss")
        # Not handled here: the server answers a wrong one itself, where it would say nothing otherwise.
        return AuthResult(success=data == known, handled=False)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server = SmtpServer()
    tls = {"ssl_context": context} if request.param == "smtps" else {"tls_context": context}
    options: dict[str, Any] = {
        "hostname": "127.0.0.1",
        "port": server.port,
        "authenticator": authenticate,
        **tls,
    }
    # aiosmtpd knows only STARTTLS as encryption; over smtps it must be told that it need not ask for more.
    if request.param == "smtps":
        options |= {"auth_require_tls": False}
    else:
        options |= {"require_starttls": True, "auth_required": True}
    controller = Controller(server, **options)
    controller.start()
    yield controller
    controller.stop()


@pytest.mark.parametrize(
    ("encrypted_smtp", "suffix"), [("smtp", "/?starttls"), ("smtps", "")], indirect=["encrypted_smtp"]
)
@pytest.mark.parametrize("password", ["p%40ss", "wrong"])
@pytest.mark.parametrize("is_trusted", [True, False])
def test_encryption_and_sign_in(
    tree: Tree,
    encrypted_smtp: Controller,
    suffix: str,
    password: str,
    is_trusted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    scheme = "smtp" if suffix else "smtps"
    mail_id = queue(tree)
    transport = to_server(f"{scheme}://portal:{password}@127.0.0.1:{encrypted_smtp.port}{suffix}")
    counts = send_waiting(now=NOW, transport=transport)
    is_welcome = is_trusted and password == "p%40ss"
    assert counts == SendingCounts(delivered_count=int(is_welcome), is_server_away=not is_welcome)
    assert "p@ss" not in (stored(mail_id).last_error or "")
