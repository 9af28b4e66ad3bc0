"""Email through SendGrid (v3 Mail Send)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from email.utils import parseaddr

from notify_grpc.channels.addresses import email_error
from notify_grpc.channels.http import Answer, Request
from notify_grpc.channels.http_provider import SYSTEM_CLOCK, HttpProvider, json_body
from notify_grpc.channels.mail import html_of, mailbox_of, message_id_of, subject_of
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Message


@dataclass(frozen=True, slots=True)
class SendGridSettings:
    """An API key with the mail.send permission."""

    api_key: str = field(repr=False)
    from_address: str = ""
    base_url: str = "https://api.sendgrid.com"
    timeout_s: float = 15.0


class SendGridProvider(HttpProvider):
    """The delivery id travels as a custom argument and comes back in events; X-Message-Id is the message id."""

    name = "sendgrid"
    channel = Channel.EMAIL

    def __init__(
        self, settings: SendGridSettings, *, clock: Clock = SYSTEM_CLOCK, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(settings.timeout_s, clock=clock, tls=tls)
        self._settings = settings
        name, mailbox = parseaddr(settings.from_address)[0], mailbox_of(settings.from_address)
        self._sender = {"email": mailbox, **({"name": name} if name else {})}
        self._headers = {"authorization": f"Bearer {settings.api_key}", "content-type": "application/json"}

    def validate(self, target: str) -> str | None:
        return email_error(target)

    async def check(self) -> str | None:
        return await self._ask(Request("GET", f"{self._settings.base_url}/v3/scopes", self._headers))

    def _request(self, message: Message) -> Request:
        parts = [{"type": "text/plain", "value": message.content.body or message.content.title or " "}]
        if html := html_of(message):
            parts.append({"type": "text/html", "value": html})
        mail = {
            "personalizations": [
                {"to": [{"email": message.target}], "custom_args": {"delivery_id": message.delivery_id}}
            ],
            "from": self._sender,
            "subject": subject_of(message) or " ",
            "content": parts,
            "headers": {"Message-ID": message_id_of(message, self._settings.from_address)},
        }
        return Request("POST", f"{self._settings.base_url}/v3/mail/send", self._headers, json_body(mail))

    def _message_id(self, answer: Answer) -> str | None:
        # The status is the whole answer: 202 has no body.
        return str(answer.headers.get("x-message-id", ""))
