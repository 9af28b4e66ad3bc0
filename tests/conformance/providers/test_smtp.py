"""SMTP passes the suite against a real server, with STARTTLS, implicit TLS and authentication."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from notify_grpc.channels.smtp import SmtpProvider, SmtpSettings
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.provider import Provider, Receipt
from tests.conformance.provider import Backend, ProviderSuite, message
from tests.conformance.provider.making import CREATED_AT_MS, DELIVERY_ID
from tests.support.keys import LoopbackTls, loopback_tls
from tests.support.scripted_smtp import ScriptedSmtp

TARGET = "alice@example.org"
LOGIN = ("shop", "s3cret-password")


@pytest.fixture
def tls(tmp_path: Path) -> LoopbackTls:
    return loopback_tls(tmp_path)


@pytest.fixture
async def server(tls: LoopbackTls) -> AsyncIterator[ScriptedSmtp]:
    async with ScriptedSmtp(starttls=tls.server, login=LOGIN) as server:
        yield server


def settings(server: ScriptedSmtp, timeout_s: float = 20.0) -> SmtpSettings:
    username, password = LOGIN
    return SmtpSettings("127.0.0.1", "Shop <shop@example.com>", server.port, username, password, timeout_s=timeout_s)


async def send(provider: Provider, content: Content | None = None) -> Receipt:
    await provider.open()
    sent = message(Channel.EMAIL, TARGET, content) if content else message(Channel.EMAIL, TARGET)
    return await provider.send(sent)


class TestSmtp(ProviderSuite):
    channel = Channel.EMAIL
    target = TARGET
    secret_values = ("s3cret-password",)

    @pytest.fixture
    def backend(self, server: ScriptedSmtp) -> Backend:
        return server

    @pytest.fixture
    def making(self, server: ScriptedSmtp, tls: LoopbackTls) -> Callable[[float], Provider]:
        # An attempt over STARTTLS takes two handshakes: give the impatient one time for them.
        return lambda timeout_s: SmtpProvider(settings(server, max(timeout_s, 1.5)), tls=tls.client)

    @pytest.fixture
    def message_id(self) -> str:
        return f"<{DELIVERY_ID}@example.com>"

    @pytest.mark.parametrize(
        ("step", "reply", "error_class", "code"),
        [
            ("rcpt", "550 5.1.1 no such user", ErrorClass.PERMANENT, "550 5.1.1"),
            ("rcpt", "450 4.2.1 greylisted", ErrorClass.TRANSIENT, "450 4.2.1"),
            ("rcpt", "552 mailbox full", ErrorClass.PERMANENT, "552"),
            ("mail", "553 5.7.1 not your address", ErrorClass.MISCONFIGURED, "553 5.7.1"),
            ("mail", "552 5.3.4 too large", ErrorClass.PERMANENT, "552 5.3.4"),
            ("mail", "451 try later", ErrorClass.TRANSIENT, "451"),
            ("data", "554 5.7.1 spam", ErrorClass.PERMANENT, "554 5.7.1"),
            ("data", "452 4.3.1 no room", ErrorClass.TRANSIENT, "452 4.3.1"),
        ],
    )
    async def test_each_refusal_has_its_class_and_code(
        self, provider: Provider, server: ScriptedSmtp, step: str, reply: str, error_class: ErrorClass, code: str
    ) -> None:
        server.refuse(step, reply)
        receipt = await send(provider)
        assert (receipt.error_class, receipt.error_code) == (error_class, code)
        assert "user" not in receipt.error

    async def test_an_unreadable_reply_to_the_message_is_unknown(
        self, provider: Provider, server: ScriptedSmtp
    ) -> None:
        server.refuse("data", "what?")
        assert (await send(provider)).error_class is ErrorClass.UNKNOWN_OUTCOME

    async def test_the_mail(self, provider: Provider, server: ScriptedSmtp) -> None:
        await send(provider, Content("Grüße", "Text ü\nzwei", data={"html": "<p>ü</p>"}))
        [mail], [envelope] = server.mails, server.envelopes
        assert (envelope.mail_from, envelope.rcpt_tos) == ("shop@example.com", [TARGET])
        assert (mail["From"], mail["To"], mail["Subject"]) == ("Shop <shop@example.com>", TARGET, "Grüße")
        assert mail["Message-ID"] == f"<{DELIVERY_ID}@example.com>"
        assert parsedate_to_datetime(str(mail["Date"])).timestamp() * 1000 == CREATED_AT_MS
        assert mail.get_content_type() == "multipart/alternative"
        text, html = (part.get_content() for part in mail.iter_parts() if isinstance(part, EmailMessage))
        assert (text.split(), html.strip()) == (["Text", "ü", "zwei"], "<p>ü</p>")

    async def test_text_only_without_html(self, provider: Provider, server: ScriptedSmtp) -> None:
        await send(provider)
        assert server.mails[0].get_content_type() == "text/plain"

    async def test_a_title_cannot_add_headers(self, provider: Provider, server: ScriptedSmtp) -> None:
        await send(provider, Content("Hi\r\nBcc: eve@example.org\n\nbody", "Text"))
        [mail] = server.mails
        assert (mail["Bcc"], mail["Subject"]) == (None, "Hi Bcc: eve@example.org body")

    async def test_the_session_was_encrypted_and_authenticated(self, provider: Provider, server: ScriptedSmtp) -> None:
        await send(provider)
        [session] = server.sessions
        assert session.ssl is not None
        assert session.authenticated

    async def test_check_asks_without_sending(self, provider: Provider, server: ScriptedSmtp) -> None:
        assert await provider.check() is None
        assert server.taken == 0


async def test_a_wrong_password_is_misconfigured(server: ScriptedSmtp, tls: LoopbackTls) -> None:
    provider = SmtpProvider(replace(settings(server), password="wrong"), tls=tls.client)
    receipt = await send(provider)
    assert (receipt.error_class, receipt.error_code) == (ErrorClass.MISCONFIGURED, "535 5.7.8")
    assert "535" in (await provider.check() or "")


async def test_credentials_are_not_sent_in_clear_even_if_the_server_asks() -> None:
    async with ScriptedSmtp(login=LOGIN) as server:
        receipt = await send(SmtpProvider(settings(server)))
        assert receipt.error_class is ErrorClass.MISCONFIGURED
        assert server.taken == 0


async def test_without_credentials_a_server_without_tls_will_do() -> None:
    async with ScriptedSmtp() as server:
        plain = SmtpSettings("127.0.0.1", "shop@example.com", server.port)
        assert (await send(SmtpProvider(plain))).accepted
        receipt = await send(SmtpProvider(replace(plain, security="starttls")))
        assert receipt.error_class is ErrorClass.MISCONFIGURED


async def test_implicit_tls(tls: LoopbackTls) -> None:
    async with ScriptedSmtp(implicit_tls=tls.server, login=LOGIN) as server:
        provider = SmtpProvider(replace(settings(server), security="implicit"), tls=tls.client)
        assert (await send(provider)).accepted
        assert server.sessions[0].authenticated


async def test_an_untrusted_certificate_is_refused(server: ScriptedSmtp) -> None:
    receipt = await send(SmtpProvider(settings(server)))
    assert receipt.error_class is ErrorClass.TRANSIENT
    assert server.taken == 0
