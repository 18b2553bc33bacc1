"""How a mail leaves the portal: over SMTP, or kept in the demo. Knows no row and no transaction."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import re
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, quote
from typing import Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from config import Settings
from models.mails import MailState

TIMEOUT_SECONDS = 10.0
LONGEST_REASON = 500
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_UNUSABLE = re.compile(r"[\x00-\x20\x7f<>]")


class MailNotTaken(Exception):
    """A mail was not taken over; `reason` is one line of at most LONGEST_REASON characters."""

    def __init__(self, reason: str) -> None:
        self.reason = " ".join("".join(c if c.isprintable() else " " for c in reason).split())[
            :LONGEST_REASON
        ]
        super().__init__(self.reason)


class MailServerAway(MailNotTaken):
    """Our own mail server cannot be used now; no mail and no recipient is at fault."""


class MailDelayed(MailNotTaken):
    """The server answered 4xx for this mail or fell silent in the middle of it: try again later."""


class MailRefused(MailNotTaken):
    """The server refused this mail or its recipient for good (5xx)."""


@dataclass(frozen=True)
class MailMessage:
    """One mail to one recipient; the same `message_id` on every attempt. body_html "" is none."""

    message_id: str
    recipient_name: str
    recipient_email: str
    subject: str
    body_text: str
    body_html: str
    created_at: dt.datetime


class MailTransport(Protocol):
    """The way out for mails."""

    #: State of a mail that was delivered.
    delivered_state: MailState

    def deliver(self, message: MailMessage) -> None:
        """Hand one mail over.

        :raises MailServerAway, MailDelayed, MailRefused: when it was not taken.
        """


class KeepingTransport:
    """Keeps every mail for /dev/mails/; the demo without MAIL_URL."""

    delivered_state = MailState.KEPT

    def deliver(self, message: MailMessage) -> None:
        """Do nothing: the row is the kept mail."""


class AbsentTransport:
    """Lets every mail wait; production without MAIL_URL."""

    delivered_state = MailState.SENT

    def deliver(self, message: MailMessage) -> None:
        """Refuse to send.

        :raises MailServerAway: always.
        """
        raise MailServerAway("MAIL_URL is not set")


class SmtpTransport:
    """Hands mails to the SMTP server of MAIL_URL, one connection a mail.

    `smtp://[user:password@]host[:25][/?starttls]` or `smtps://[user:password@]host[:465]`.
    """

    delivered_state = MailState.SENT

    def __init__(
        self, mail_url: str, mail_from: str, brand_name: str, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        """Read the address.

        :raises ValueError: when mail_url is no such address.
        """
        self._url = _parse_mail_url(mail_url)
        self._starttls = "starttls" in parse_qs(self._url.query, keep_blank_values=True)
        self._mail_from = mail_from
        self._brand_name = brand_name
        self._timeout_seconds = timeout_seconds

    def deliver(self, message: MailMessage) -> None:
        """Hand one mail over.

        :raises MailServerAway, MailDelayed, MailRefused: when it was not taken.
        """
        recipient = _envelope_address(message.recipient_email)
        content = self._compose(message, recipient).as_bytes()
        with self._connected() as client:
            try:
                client.sendmail(self._mail_from, [recipient], content)
            except smtplib.SMTPRecipientsRefused as error:
                code, answer = error.recipients[recipient]
                raise _refusal(code, answer) from error
            except smtplib.SMTPDataError as error:
                raise _refusal(error.smtp_code, error.smtp_error) from error
            except (smtplib.SMTPSenderRefused, smtplib.SMTPHeloError) as error:
                raise MailServerAway(_answer(error.smtp_code, error.smtp_error)) from error
            except (smtplib.SMTPException, OSError) as error:
                raise MailDelayed(_describe(error)) from error

    @contextlib.contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        try:
            client = self._connect()
        except (smtplib.SMTPException, OSError) as error:
            raise MailServerAway(_describe(error)) from error
        try:
            yield client
        finally:
            # The mail has its answer already; a server that is rude at the farewell changes nothing.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                client.quit()
            client.close()

    def _connect(self) -> smtplib.SMTP:
        host, port, own_name = (
            self._url.hostname or "",
            self._url.port or 0,
            self._mail_from.rpartition("@")[2],
        )
        if self._url.scheme == "smtps":
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                host,
                port or 465,
                own_name,
                timeout=self._timeout_seconds,
                context=ssl.create_default_context(),
            )
        else:
            client = smtplib.SMTP(host, port or 25, own_name, timeout=self._timeout_seconds)
        try:
            if self._starttls:
                client.starttls(context=ssl.create_default_context())
            if self._url.username:
                client.login(unquote(self._url.username), unquote(self._url.password or ""))
            client.ehlo_or_helo_if_needed()
        except BaseException:
            client.close()
            raise
        return client

    def _compose(self, message: MailMessage, recipient: str) -> EmailMessage:
        composed = EmailMessage(policy=SMTP)
        try:
            composed["From"] = _named_address(self._brand_name, self._mail_from)
            composed["To"] = _named_address(message.recipient_name, recipient)
            composed["Subject"] = message.subject
            composed["Date"] = format_datetime(message.created_at.astimezone(dt.UTC))
            composed["Message-ID"] = message.message_id
        except ValueError as error:
            raise MailRefused(f"not a sendable header: {error}") from error
        composed["Auto-Submitted"] = "auto-generated"
        # base64: Japanese text survives servers without 8BITMIME, and no line grows beyond 998 bytes.
        composed.set_content(message.body_text, charset="utf-8", cte="base64")
        if message.body_html:
            composed.add_alternative(message.body_html, subtype="html", charset="utf-8", cte="base64")
            # Not a random one: a repeated attempt is the same message to the byte.
            composed.set_boundary("=_" + hashlib.sha256(message.message_id.encode()).hexdigest()[:40])
        return composed


def transport_from(settings: Settings) -> MailTransport:
    """Choose the way out that the settings ask for.

    :raises ValueError: when MAIL_URL is not an smtp:// or smtps:// address.
    """
    if settings.mail_url:
        return SmtpTransport(settings.mail_url, settings.mail_from, settings.brand_name)
    return KeepingTransport() if settings.is_demo else AbsentTransport()


def _parse_mail_url(mail_url: str) -> SplitResult:
    url = urlsplit(mail_url)
    if url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise ValueError("MAIL_URL must be smtp://host:port or smtps://host:port")
    if url.port == 0:
        raise ValueError("MAIL_URL has no usable port")
    return url


def _envelope_address(email: str) -> str:
    """Return an address as SMTP wants it: ASCII domain, and a local part like `abc..d.` in quotes."""
    local, _at, domain = email.rpartition("@")
    if not local or not domain or not local.isascii() or _UNUSABLE.search(email):
        raise MailRefused(f"not a sendable address: {email}")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise MailRefused(f"not a sendable address: {email}") from error
    if not _DOT_ATOM.fullmatch(local) and not local.startswith('"'):
        local = f'"{quote(local)}"'
    return f"{local}@{domain}"


def _named_address(name: str, address: str) -> str:
    return f'"{quote(name)}" <{address}>'


def _refusal(code: int, answer: bytes | str) -> MailNotTaken:
    kind = MailRefused if 500 <= code < 600 else MailDelayed
    return kind(_answer(code, answer))


def _answer(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {text}"


def _describe(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    # smtplib wraps the timeout of a read in a SMTPServerDisconnected of its own.
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
