"""WhatsApp through Meta's Cloud API."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote

from notify_grpc.channels.addresses import phone_error
from notify_grpc.channels.classification import code_text
from notify_grpc.channels.http import Answer, Request
from notify_grpc.channels.http_provider import SYSTEM_CLOCK, HttpProvider, json_body, text_at
from notify_grpc.channels.texts import plain_text
from notify_grpc.channels.whatsapp import template_of
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Message

_MAX_CHARS = 4096
_E = ErrorClass
META_ERRORS = MappingProxyType(
    {
        "0": _E.MISCONFIGURED,
        "3": _E.MISCONFIGURED,
        "10": _E.MISCONFIGURED,
        "190": _E.MISCONFIGURED,
        "200": _E.MISCONFIGURED,
        "368": _E.MISCONFIGURED,
        "131005": _E.MISCONFIGURED,
        "131031": _E.MISCONFIGURED,
        "131042": _E.MISCONFIGURED,
        "131045": _E.MISCONFIGURED,
        "133010": _E.MISCONFIGURED,
        "4": _E.RATE_LIMITED,
        "80007": _E.RATE_LIMITED,
        "130429": _E.RATE_LIMITED,
        "131048": _E.RATE_LIMITED,
        "131056": _E.RATE_LIMITED,
        "1": _E.TRANSIENT,
        "2": _E.TRANSIENT,
        "131000": _E.TRANSIENT,
        "131016": _E.TRANSIENT,
        "131057": _E.TRANSIENT,
        "133004": _E.TRANSIENT,
        # About this recipient or this message, whatever the status.
        "100": _E.PERMANENT,
        "130472": _E.PERMANENT,
        "130497": _E.PERMANENT,
        "131026": _E.PERMANENT,
        "131030": _E.PERMANENT,
        "131047": _E.PERMANENT,
        "131049": _E.PERMANENT,
        "132000": _E.PERMANENT,
        "132001": _E.PERMANENT,
        "132012": _E.PERMANENT,
        "132015": _E.PERMANENT,
    }
)


@dataclass(frozen=True, slots=True)
class MetaSettings:
    """A permanent access token (system user) and the sending number's id."""

    phone_number_id: str
    access_token: str = field(repr=False)
    api_version: str = "v23.0"
    base_url: str = "https://graph.facebook.com"
    timeout_s: float = 15.0


class MetaProvider(HttpProvider):
    """The delivery id travels as opaque callback data and comes back in status reports."""

    name = "meta"
    channel = Channel.WHATSAPP
    error_codes = META_ERRORS

    def __init__(
        self, settings: MetaSettings, *, clock: Clock = SYSTEM_CLOCK, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(settings.timeout_s, clock=clock, tls=tls)
        self._number_url = f"{settings.base_url}/{settings.api_version}/{quote(settings.phone_number_id, safe='')}"
        self._headers = {"authorization": f"Bearer {settings.access_token}", "content-type": "application/json"}

    def validate(self, target: str) -> str | None:
        return phone_error(target)

    async def check(self) -> str | None:
        return await self._ask(Request("GET", self._number_url, self._headers))

    def _request(self, message: Message) -> Request:
        body = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": message.target.removeprefix("+"),
            "biz_opaque_callback_data": message.delivery_id,
            **_content(message),
        }
        return Request("POST", f"{self._number_url}/messages", self._headers, json_body(body))

    def _message_id(self, answer: Answer) -> str | None:
        return text_at(answer.json(), "messages", 0, "id")

    def _error_code(self, answer: Answer) -> str:
        error = answer.json().get("error")
        return code_text(error.get("code")) if isinstance(error, dict) else ""


def _content(message: Message) -> dict[str, object]:
    template = template_of(message.content)
    if template is None:
        return {"type": "text", "text": {"preview_url": False, "body": plain_text(message.content, _MAX_CHARS)}}
    parameters = [{"type": "text", "text": value} for value in template.parameters]
    body: dict[str, object] = {"name": template.name, "language": {"code": template.language}}
    if parameters:
        body["components"] = [{"type": "body", "parameters": parameters}]
    return {"type": "template", "template": body}
