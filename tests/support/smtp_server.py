"""A real SMTP server for tests that keeps what it gets and refuses on request."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.ports import settled_port

ACCEPTED = "250 Accepted"
TRY_LATER = "451 Try again later"
NO_SUCH_MAILBOX = "550 No such mailbox"


@dataclass
class ReceivedMail:
    """A message with the envelope it came in."""

    sender: str
    recipients: list[str]
    message: EmailMessage

    @property
    def body_text(self) -> str:
        """The plain text of the message."""
        part = self.message.get_body(("plain",))
        return "" if part is None else str(part.get_content())


@dataclass
class SmtpServer:
    """What arrived, and what is answered to recipients and to messages."""

    port: int = field(default_factory=settled_port)
    received: list[ReceivedMail] = field(default_factory=list)
    #: The answer to every recipient without one of its own.
    recipient_answer: str = ACCEPTED
    #: Answers to single addresses.
    recipient_answers: dict[str, str] = field(default_factory=dict)
    #: The answer to a whole message.
    message_answer: str = ACCEPTED

    @property
    def url(self) -> str:
        """Address for MAIL_URL."""
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """Take or refuse one recipient."""
        answer = self.recipient_answers.get(address, self.recipient_answer)
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a message, unless messages are being refused."""
        if self.message_answer.startswith("2"):
            content = envelope.content
            octets = content if isinstance(content, bytes) else str(content).encode()
            message = email.message_from_bytes(octets, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            self.received.append(ReceivedMail(envelope.mail_from or "", list(envelope.rcpt_tos), message))
        return self.message_answer


@contextmanager
def running_smtp() -> Iterator[SmtpServer]:
    """Give a running server and end it afterwards."""
    server = SmtpServer()
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
