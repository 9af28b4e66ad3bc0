"""SES events, which come as messages of an SNS topic subscribed to our URL."""

from __future__ import annotations

from collections.abc import Mapping

from notify_grpc.channels.callbacks.reports import decoded, delivered, failed, text
from notify_grpc.channels.callbacks.sns_messages import SnsSignatures
from notify_grpc.channels.http import HttpClient
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.errors import Unauthenticated
from notify_grpc.ports.store import Report

_DELIVERED = frozenset({"Delivery", "Open", "Click"})
_FAILED = frozenset({"Bounce", "Reject", "Rendering Failure"})


class SesCallbacks:
    """Takes messages of ``topic_arns`` only: anybody can make SNS sign for a topic of their own."""

    provider = "ses"

    def __init__(self, topic_arns: frozenset[str], http: HttpClient | None = None) -> None:
        self._topic_arns = topic_arns
        self._http = http or HttpClient()
        self._signatures = SnsSignatures(self._http)

    async def open(self) -> None:
        await self._http.open()

    async def close(self) -> None:
        await self._http.close()

    async def verify_and_parse(self, headers: Mapping[str, str], url: str, body: bytes) -> list[Report]:
        message = decoded(body)
        if not isinstance(message, dict) or text(message.get("TopicArn")) not in self._topic_arns:
            raise Unauthenticated("not a message of our topics")
        await self._signatures.verify(message)
        if message["Type"] == "SubscriptionConfirmation":
            await self._signatures.confirm(text(message.get("SubscribeURL")))
        if message["Type"] != "Notification":
            return []
        event = decoded(text(message.get("Message")))
        return _reports(event) if isinstance(event, dict) else []

    def challenge(self, url: str) -> str | None:
        return None


def _reports(event: Mapping[str, object]) -> list[Report]:
    mail = event.get("mail")
    if not isinstance(mail, dict):
        return []
    kind = text(event.get("eventType") or event.get("notificationType"))
    if kind in _DELIVERED:
        return [delivered("ses", mail.get("messageId"), _tag(mail))]
    if kind in _FAILED:
        bounce = event.get("bounce")
        bounce_type = bounce.get("bounceType") if isinstance(bounce, dict) else None
        error_class = ErrorClass.TRANSIENT if bounce_type == "Transient" else ErrorClass.PERMANENT
        return [failed("ses", mail.get("messageId"), _tag(mail), bounce_type or kind, error_class)]
    return []


def _tag(mail: Mapping[str, object]) -> object:
    tags = mail.get("tags")
    values = tags.get("delivery_id") if isinstance(tags, dict) else None
    return values[0] if isinstance(values, list) and values else None
