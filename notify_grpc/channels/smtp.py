"""Email through an SMTP server (RFC 5321), one connection per message."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException

from notify_grpc.channels.addresses import email_error
from notify_grpc.channels.mail import compose, mailbox_of
from notify_grpc.channels.smtp_replies import reply_receipt
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Message, Receipt

Security = Literal["auto", "starttls", "implicit", "none"]
_IMPLICIT_TLS_PORT = 465


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """A submission server.

    ``security`` auto: TLS from the first byte on port 465, else STARTTLS: demanded with a username, else taken if
    offered.
    """

    host: str
    from_address: str
    """``name@host`` or ``Name <name@host>``."""
    port: int = 587
    username: str = ""
    password: str = field(default="", repr=False)
    security: Security = "auto"
    hello_name: str = ""
    """What EHLO says; "" takes the machine's name."""
    timeout_s: float = 30.0


class SmtpProvider:
    """A failure before the message goes out has certainly sent nothing; after that, without a reply, it is unknown."""

    name = "smtp"
    channel = Channel.EMAIL

    def __init__(self, settings: SmtpSettings, *, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._tls = tls
        self._sender = mailbox_of(settings.from_address)
        self.timeout_s = settings.timeout_s

    async def open(self) -> None:
        self._tls = self._tls or ssl.create_default_context()

    async def close(self) -> None: ...

    def accepts(self, target: str) -> bool:
        return True

    def validate(self, target: str) -> str | None:
        return email_error(target)

    async def send(self, message: Message) -> Receipt:
        mail = compose(message, self._settings.from_address)
        step = _Step()
        try:
            async with asyncio.timeout(self.timeout_s), self._connected() as client:
                step.name = "mail"
                await client.mail(self._sender)
                step.name = "rcpt"
                await client.rcpt(message.target)
                step.name = "data"
                await client.data(mail.as_bytes())
        except SMTPResponseException as exc:
            return reply_receipt(exc.code, exc.message, step.name)
        except (SMTPException, OSError) as exc:
            return step.receipt(exc)
        return Receipt(message_id=mail["Message-ID"])

    async def check(self) -> str | None:
        try:
            async with asyncio.timeout(self.timeout_s), self._connected() as client:
                await client.noop()
        except SMTPResponseException as exc:
            return reply_receipt(exc.code, exc.message, "connect").error
        except (SMTPException, OSError) as exc:
            return _Step().receipt(exc).error
        return None

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        settings = self._settings
        implicit = settings.security == "implicit" or (
            settings.security == "auto" and settings.port == _IMPLICIT_TLS_PORT
        )
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username or None,
            password=settings.password or None,
            local_hostname=settings.hello_name or None,
            timeout=self.timeout_s,
            use_tls=implicit,
            start_tls=False if implicit else self._start_tls(),
            tls_context=self._tls,
        )
        try:
            await client.connect()
            yield client
        finally:
            # Without QUIT: the answer that counts is in, and a server that does not answer QUIT must not change it.
            client.close()

    def _start_tls(self) -> bool | None:
        if self._settings.security == "auto":
            return True if self._settings.username else None
        return self._settings.security == "starttls"


class _Step:
    """How far the conversation came."""

    name = "connect"

    def receipt(self, exc: Exception) -> Receipt:
        code = "timeout" if isinstance(exc, TimeoutError) else type(exc).__name__
        if self.name == "data":
            return Receipt(ErrorClass.UNKNOWN_OUTCOME, error_code=code, error="no answer to the message")
        refused = isinstance(exc, SMTPException) and not isinstance(exc, OSError)
        if refused and self.name == "connect":
            # Not a reply and not the network: the server lacks STARTTLS or every AUTH method we know.
            return Receipt(ErrorClass.MISCONFIGURED, error_code=code, error="the server lacks STARTTLS or AUTH")
        return Receipt(ErrorClass.TRANSIENT, error_code=code, error=f"failed before the message was sent ({self.name})")
