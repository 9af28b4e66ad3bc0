"""SMS and WhatsApp through Twilio (Messages API 2010-04-01)."""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote, urlencode

from notify_grpc.channels.addresses import phone_error
from notify_grpc.channels.classification import code_text
from notify_grpc.channels.http import Answer, Request
from notify_grpc.channels.http_provider import SYSTEM_CLOCK, HttpProvider, text_at
from notify_grpc.channels.texts import plain_text
from notify_grpc.channels.whatsapp import template_of
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Message

_MAX_CHARS = 1600
_MAX_VALIDITY_S = 36_000
_E = ErrorClass
TWILIO_ERRORS = MappingProxyType(
    {
        # About our account, our number or our messaging service: every message fails alike.
        "20003": _E.MISCONFIGURED,
        "20005": _E.MISCONFIGURED,
        "20404": _E.MISCONFIGURED,
        "21212": _E.MISCONFIGURED,
        "21603": _E.MISCONFIGURED,
        "21606": _E.MISCONFIGURED,
        "21659": _E.MISCONFIGURED,
        "21660": _E.MISCONFIGURED,
        "21701": _E.MISCONFIGURED,
        "21703": _E.MISCONFIGURED,
        "30002": _E.MISCONFIGURED,
        "63007": _E.MISCONFIGURED,
        # Too much for now.
        "14107": _E.RATE_LIMITED,
        "20429": _E.RATE_LIMITED,
        "21611": _E.RATE_LIMITED,
        "30001": _E.RATE_LIMITED,
        "63018": _E.RATE_LIMITED,
        "63038": _E.RATE_LIMITED,
        # About this recipient, also where the status is 403 (21408: their country is not enabled).
        "21211": _E.PERMANENT,
        "21408": _E.PERMANENT,
        "21608": _E.PERMANENT,
        "21610": _E.PERMANENT,
        "21612": _E.PERMANENT,
        "21614": _E.PERMANENT,
        "63016": _E.PERMANENT,
    }
)


@dataclass(frozen=True, slots=True)
class TwilioSettings:
    """A messaging service or a ``from_number`` (E.164, for WhatsApp too) to send from."""

    account_sid: str
    auth_token: str = field(repr=False)
    messaging_service_sid: str = ""
    from_number: str = ""
    status_callback: str = ""
    """Our public URL for delivery reports; "" asks for none."""
    base_url: str = "https://api.twilio.com"
    timeout_s: float = 15.0


class TwilioProvider(HttpProvider):
    """Twilio has no idempotency key; the delivery id comes back in reports, as part of the callback's URL."""

    name = "twilio"
    error_codes = TWILIO_ERRORS

    def __init__(
        self,
        settings: TwilioSettings,
        channel: Channel = Channel.SMS,
        *,
        clock: Clock = SYSTEM_CLOCK,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(settings.timeout_s, clock=clock, tls=tls)
        self.channel = channel
        self._settings = settings
        self._prefix = "whatsapp:" if channel is Channel.WHATSAPP else ""
        self._account_url = f"{settings.base_url}/2010-04-01/Accounts/{quote(settings.account_sid, safe='')}"
        credentials = b64encode(f"{settings.account_sid}:{settings.auth_token}".encode()).decode()
        self._headers = {
            "authorization": f"Basic {credentials}",
            "content-type": "application/x-www-form-urlencoded",
        }

    def validate(self, target: str) -> str | None:
        return phone_error(target)

    async def check(self) -> str | None:
        return await self._ask(Request("GET", f"{self._account_url}.json", self._headers))

    def _request(self, message: Message) -> Request:
        form = {"To": self._prefix + message.target, **self._sender(), **self._content(message)}
        if message.ttl_s is not None and self.channel is Channel.SMS:
            form["ValidityPeriod"] = str(min(max(message.ttl_s, 1), _MAX_VALIDITY_S))
        if self._settings.status_callback:
            form["StatusCallback"] = f"{self._settings.status_callback}?delivery_id={message.delivery_id}"
        return Request("POST", f"{self._account_url}/Messages.json", self._headers, urlencode(form).encode())

    def _sender(self) -> dict[str, str]:
        if self._settings.messaging_service_sid:
            return {"MessagingServiceSid": self._settings.messaging_service_sid}
        return {"From": self._prefix + self._settings.from_number}

    def _content(self, message: Message) -> dict[str, str]:
        template = template_of(message.content) if self.channel is Channel.WHATSAPP else None
        if template is None:
            return {"Body": plain_text(message.content, _MAX_CHARS)}
        variables = {str(number): value for number, value in enumerate(template.parameters, 1)}
        return {"ContentSid": template.name, "ContentVariables": json.dumps(variables)}

    def _message_id(self, answer: Answer) -> str | None:
        return text_at(answer.json(), "sid")

    def _error_code(self, answer: Answer) -> str:
        return code_text(answer.json().get("code"))


def twilio_whatsapp(
    settings: TwilioSettings, *, clock: Clock = SYSTEM_CLOCK, tls: ssl.SSLContext | None = None
) -> TwilioProvider:
    """The same API on the WhatsApp channel."""
    return TwilioProvider(settings, Channel.WHATSAPP, clock=clock, tls=tls)
