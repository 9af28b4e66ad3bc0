"""A real SMTP server (aiosmtpd) on loopback, told how to behave, that keeps what it took."""

from __future__ import annotations

import asyncio
import logging
import ssl
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from types import TracebackType
from typing import cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

_DRIP_EVERY_S = 0.01
# The server logs every line it reads; tests look for secrets in what the client logs.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


class ScriptedSmtp:
    """``starttls`` and ``implicit_tls`` take a server context; ``login`` demands that user name and password."""

    def __init__(
        self,
        *,
        starttls: ssl.SSLContext | None = None,
        implicit_tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self._starttls = starttls
        self._implicit_tls = implicit_tls
        self._login = login
        self._replies: dict[str, str] = {}
        self._silence = ""
        self._arrived = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.envelopes: list[Envelope] = []
        self.sessions: list[Session] = []

    async def __aenter__(self) -> ScriptedSmtp:
        self._server = await asyncio.get_running_loop().create_server(
            self._protocol, "127.0.0.1", 0, ssl=self._implicit_tls
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def mails(self) -> list[EmailMessage]:
        """What arrived, parsed."""
        parser = BytesParser(policy=default)
        return [parser.parsebytes(cast(bytes, envelope.content)) for envelope in self.envelopes]

    @property
    def taken(self) -> int:
        return len(self.envelopes)

    def accept(self) -> None:
        self._replies, self._silence = {}, ""

    def hang(self) -> None:
        self._silence = "hang"

    def drip(self) -> None:
        self._silence = "drip"

    def reset(self) -> None:
        self._silence = "reset"

    def refuse(self, step: str, reply: str) -> None:
        """Answer ``mail``, ``rcpt`` or ``data`` with this reply."""
        self._replies = {step: reply}

    async def received(self) -> None:
        await self._arrived.wait()

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _protocol(self) -> SMTP:
        return SMTP(
            self,
            hostname="localhost",
            tls_context=self._starttls,
            # aiosmtpd knows TLS only as STARTTLS: over implicit TLS it must not ask for it.
            auth_required=self._login is not None and self._starttls is not None,
            auth_require_tls=self._starttls is not None,
            authenticator=self._authenticate,
            loop=asyncio.get_running_loop(),
        )

    def _authenticate(
        self, server: object, session: object, envelope: object, mechanism: str, data: object
    ) -> AuthResult:
        given = data if isinstance(data, LoginPassword) else LoginPassword(b"", b"")
        known = (given.login.decode(), given.password.decode()) == self._login
        return AuthResult(success=known, handled=False)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self._replies.get("mail", "250 OK")

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self._replies.get("rcpt", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's names
        if "data" in self._replies:
            return self._replies["data"]
        self.envelopes.append(envelope)
        self.sessions.append(session)
        self._arrived.set()
        await self._misbehave(server)
        return "250 OK queued"

    async def _misbehave(self, server: SMTP) -> None:
        transport = cast(asyncio.WriteTransport, server.transport)
        if self._silence == "reset":
            transport.abort()
        while self._silence in ("hang", "drip"):
            if self._silence == "drip":
                transport.write(b"250-and\r\n")
            await asyncio.sleep(_DRIP_EVERY_S)
