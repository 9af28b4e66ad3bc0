"""Email through Amazon SES (API v2, SendEmail)."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from types import MappingProxyType

from notify_grpc.channels.addresses import email_error
from notify_grpc.channels.aws import AwsCredentials, AwsService, signed_headers
from notify_grpc.channels.classification import code_text
from notify_grpc.channels.http import Answer, Request
from notify_grpc.channels.http_provider import SYSTEM_CLOCK, HttpProvider, json_body, text_at
from notify_grpc.channels.mail import html_of, mailbox_of, subject_of
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Message

AWS_ERRORS = MappingProxyType(
    {
        "ThrottlingException": ErrorClass.RATE_LIMITED,
        "Throttling": ErrorClass.RATE_LIMITED,
        "ThrottledException": ErrorClass.RATE_LIMITED,
        "TooManyRequestsException": ErrorClass.RATE_LIMITED,
        "RequestLimitExceeded": ErrorClass.RATE_LIMITED,
        "LimitExceededException": ErrorClass.RATE_LIMITED,
        "RequestExpired": ErrorClass.MISCONFIGURED,
        "ExpiredTokenException": ErrorClass.MISCONFIGURED,
        "ExpiredToken": ErrorClass.MISCONFIGURED,
        "IncompleteSignature": ErrorClass.MISCONFIGURED,
        "MissingAuthenticationTokenException": ErrorClass.MISCONFIGURED,
        "OptInRequired": ErrorClass.MISCONFIGURED,
    }
)
"""What every AWS API answers alike, mostly with status 400 (Common Errors in the API references)."""


@dataclass(frozen=True, slots=True)
class SesSettings:
    """``base_url`` "" is the region's public endpoint."""

    credentials: AwsCredentials
    region: str
    from_address: str
    configuration_set: str = ""
    """Publishes the events that come back through callbacks/ses.py."""
    base_url: str = ""
    timeout_s: float = 15.0


class SesProvider(HttpProvider):
    """The message id is SES's; the delivery id travels as an email tag and comes back in events."""

    name = "ses"
    channel = Channel.EMAIL
    error_codes = MappingProxyType(
        {
            **AWS_ERRORS,
            "MessageRejected": ErrorClass.PERMANENT,
            "AccountSuspendedException": ErrorClass.MISCONFIGURED,
            "SendingPausedException": ErrorClass.MISCONFIGURED,
            "MailFromDomainNotVerifiedException": ErrorClass.MISCONFIGURED,
            "NotFoundException": ErrorClass.MISCONFIGURED,
        }
    )

    def __init__(
        self, settings: SesSettings, *, clock: Clock = SYSTEM_CLOCK, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(settings.timeout_s, clock=clock, tls=tls)
        self._settings = settings
        name, mailbox = parseaddr(settings.from_address)[0], mailbox_of(settings.from_address)
        # SES takes an address header as it would stand in the message: RFC 2047 where it is not ASCII.
        self._sender = formataddr((name, mailbox))
        self._base_url = settings.base_url or f"https://email.{settings.region}.amazonaws.com"

    def validate(self, target: str) -> str | None:
        return email_error(target)

    async def check(self) -> str | None:
        return await self._ask(self._signed("GET", "/v2/email/account", b""))

    def _request(self, message: Message) -> Request:
        body = {"Text": _utf8(message.content.body or message.content.title)}
        if html := html_of(message):
            body["Html"] = _utf8(html)
        mail: dict[str, object] = {
            "FromEmailAddress": self._sender,
            "Destination": {"ToAddresses": [message.target]},
            "Content": {"Simple": {"Subject": _utf8(subject_of(message)), "Body": body}},
            "EmailTags": [{"Name": "delivery_id", "Value": message.delivery_id}],
        }
        if self._settings.configuration_set:
            mail["ConfigurationSetName"] = self._settings.configuration_set
        return self._signed("POST", "/v2/email/outbound-emails", json_body(mail))

    def _signed(self, method: str, path: str, body: bytes) -> Request:
        url = self._base_url + path
        service = AwsService("ses", self._settings.region)
        headers = {"content-type": "application/json"}
        signed = signed_headers(self._settings.credentials, service, method, url, headers, body, self._clock.now_ms())
        return Request(method, url, signed, body)

    def _message_id(self, answer: Answer) -> str | None:
        return text_at(answer.json(), "MessageId")

    def _error_code(self, answer: Answer) -> str:
        # "Name", "Name:http://…" or "namespace#Name", in the header or the body.
        kind = answer.headers.get("x-amzn-errortype") or text_at(answer.json(), "__type") or ""
        return code_text(kind.split(":")[0].rpartition("#")[2])


def _utf8(text: str) -> Mapping[str, str]:
    return {"Data": text, "Charset": "UTF-8"}
