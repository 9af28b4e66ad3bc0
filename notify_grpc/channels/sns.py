"""SMS through Amazon SNS (Publish to a phone number)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlencode
from xml.etree import ElementTree

from notify_grpc.channels.addresses import phone_error
from notify_grpc.channels.aws import AwsCredentials, AwsService, signed_headers
from notify_grpc.channels.classification import code_text
from notify_grpc.channels.http import Answer, Request
from notify_grpc.channels.http_provider import SYSTEM_CLOCK, HttpProvider
from notify_grpc.channels.ses import AWS_ERRORS
from notify_grpc.channels.texts import plain_text
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Message

_MAX_BYTES = 1600
_MAX_CHARS = _MAX_BYTES // 4
"""Enough for any script: SNS counts bytes, and UTF-8 takes up to four for a character."""


@dataclass(frozen=True, slots=True)
class SnsSettings:
    """``base_url`` "" is the region's public endpoint."""

    credentials: AwsCredentials
    region: str
    sender_id: str = ""
    """What handsets show where the country allows it."""
    sms_type: str = "Transactional"
    base_url: str = ""
    timeout_s: float = 15.0


class SnsProvider(HttpProvider):
    """SNS has no idempotency key for phone numbers and reports deliveries to CloudWatch only."""

    name = "sns"
    channel = Channel.SMS
    error_codes = MappingProxyType(
        {
            **AWS_ERRORS,
            "OptedOut": ErrorClass.PERMANENT,
            "InvalidParameter": ErrorClass.PERMANENT,
            "UserError": ErrorClass.PERMANENT,
            "EndpointDisabled": ErrorClass.TARGET_GONE,
        }
    )

    def __init__(
        self, settings: SnsSettings, *, clock: Clock = SYSTEM_CLOCK, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(settings.timeout_s, clock=clock, tls=tls)
        self._settings = settings
        self._url = (settings.base_url or f"https://sns.{settings.region}.amazonaws.com") + "/"

    def validate(self, target: str) -> str | None:
        return phone_error(target)

    async def check(self) -> str | None:
        return await self._ask(self._signed({"Action": "GetSMSAttributes"}))

    def _request(self, message: Message) -> Request:
        attributes = {"AWS.SNS.SMS.SMSType": self._settings.sms_type}
        if self._settings.sender_id:
            attributes["AWS.SNS.SMS.SenderID"] = self._settings.sender_id
        form = {"Action": "Publish", "PhoneNumber": message.target, "Message": _text(message)}
        for number, (name, value) in enumerate(attributes.items(), 1):
            entry = f"MessageAttributes.entry.{number}"
            form[f"{entry}.Name"] = name
            form[f"{entry}.Value.DataType"] = "String"
            form[f"{entry}.Value.StringValue"] = value
        return self._signed(form)

    def _signed(self, form: dict[str, str]) -> Request:
        body = urlencode({**form, "Version": "2010-03-31"}).encode()
        service = AwsService("sns", self._settings.region)
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        now_ms = self._clock.now_ms()
        signed = signed_headers(self._settings.credentials, service, "POST", self._url, headers, body, now_ms)
        return Request("POST", self._url, signed, body)

    def _message_id(self, answer: Answer) -> str | None:
        return _element(answer, "MessageId")

    def _error_code(self, answer: Answer) -> str:
        return code_text(_element(answer, "Code"))


def _text(message: Message) -> str:
    text = plain_text(message.content, _MAX_BYTES)
    return text if len(text.encode()) <= _MAX_BYTES else plain_text(message.content, _MAX_CHARS)


def _element(answer: Answer, name: str) -> str | None:
    """The text of the first element of this name; SNS answers XML."""
    try:
        root = ElementTree.fromstring(answer.body if answer.complete else b"")
    except ElementTree.ParseError:
        return None
    return next((found.text for found in root.iter() if found.tag.rpartition("}")[2] == name), None)
