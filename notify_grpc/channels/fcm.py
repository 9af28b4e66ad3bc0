"""Mobile push through Firebase Cloud Messaging (HTTP v1)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote

from notify_grpc.channels.addresses import device_of, opaque_token_error
from notify_grpc.channels.classification import code_text
from notify_grpc.channels.collapsing import collapse_id
from notify_grpc.channels.google_tokens import fetch_token, parse_service_account
from notify_grpc.channels.http import Answer, Deadline, Request
from notify_grpc.channels.http_provider import SYSTEM_CLOCK, HttpProvider, json_body, text_at
from notify_grpc.channels.texts import fit_push, push_data
from notify_grpc.channels.tokens import CachedToken
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.domain.models import Channel, DeviceType
from notify_grpc.ports.provider import Message

_FOUR_WEEKS_S = 28 * 24 * 3600
_RESERVED = ("google.", "gcm.")
_RESERVED_NAMES = frozenset({"from", "message_type", "collapse_key", "notification"})


@dataclass(frozen=True, slots=True)
class FcmSettings:
    """``credentials_json`` is a service account's key file; it names the project unless ``project_id`` does."""

    credentials_json: str = field(repr=False)
    project_id: str = ""
    takes_ios: bool = True
    """False where apns sends to Apple's devices."""
    base_url: str = "https://fcm.googleapis.com"
    timeout_s: float = 10.0


class FcmProvider(HttpProvider):
    """A repeat of a delivery has the same notification tag: on the device it replaces the first copy."""

    name = "fcm"
    channel = Channel.MOBILE_PUSH
    error_codes = MappingProxyType(
        {
            "UNREGISTERED": ErrorClass.TARGET_GONE,
            "INVALID_ARGUMENT": ErrorClass.PERMANENT,
            # 403, but about this token: it was made for another project. Any recipient can register one.
            "SENDER_ID_MISMATCH": ErrorClass.PERMANENT,
            "QUOTA_EXCEEDED": ErrorClass.RATE_LIMITED,
            "UNAVAILABLE": ErrorClass.TRANSIENT,
            "INTERNAL": ErrorClass.TRANSIENT,
            "THIRD_PARTY_AUTH_ERROR": ErrorClass.MISCONFIGURED,
            "UNAUTHENTICATED": ErrorClass.MISCONFIGURED,
            "PERMISSION_DENIED": ErrorClass.MISCONFIGURED,
            "NOT_FOUND": ErrorClass.MISCONFIGURED,
            "RESOURCE_EXHAUSTED": ErrorClass.RATE_LIMITED,
        }
    )

    def __init__(
        self, settings: FcmSettings, *, clock: Clock = SYSTEM_CLOCK, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(settings.timeout_s, clock=clock, tls=tls)
        account = parse_service_account(settings.credentials_json)
        project = quote(settings.project_id or account.project_id, safe="")
        if not project:
            raise InvalidArgument("fcm project id", "is neither set nor in the credentials")
        self._url = f"{settings.base_url}/v1/projects/{project}/messages:send"
        self._takes_ios = settings.takes_ios
        self._token = CachedToken(lambda deadline: fetch_token(account, self._http, clock, deadline), clock)

    def accepts(self, target: str) -> bool:
        return self._takes_ios or device_of(target)[0] is not DeviceType.IOS

    def validate(self, target: str) -> str | None:
        return opaque_token_error(device_of(target)[1])

    async def check(self) -> str | None:
        """Asks to validate, not to send, a message to a topic."""
        return await self._ask(self._post({"message": {"topic": "notify-grpc-check"}, "validate_only": True}))

    def _request(self, message: Message) -> Request:
        return Request("POST", self._url, {"content-type": "application/json"}, _payload(message))

    def _post(self, body: object) -> Request:
        return Request("POST", self._url, {"content-type": "application/json"}, json_body(body))

    async def _exchange(self, request: Request, deadline: Deadline) -> Answer:
        answer = await self._authorized(request, deadline)
        # Refused before its time (the key was rotated): certainly not sent, so once more with a fresh token.
        return await self._authorized(request, deadline) if answer.status == 401 else answer

    async def _authorized(self, request: Request, deadline: Deadline) -> Answer:
        token = await self._token.get(deadline)
        headers = {**request.headers, "authorization": f"Bearer {token}"}
        answer = await self._http.send(Request(request.method, request.url, headers, request.body), deadline)
        if answer.status == 401:
            self._token.forget(token)
        return answer

    def _message_id(self, answer: Answer) -> str | None:
        return text_at(answer.json(), "name")

    def _error_code(self, answer: Answer) -> str:
        error = answer.json().get("error")
        if not isinstance(error, dict):
            return ""
        details = error.get("details")
        for detail in details if isinstance(details, list) else []:
            if code := code_text(text_at(detail, "errorCode")):
                return code
        return code_text(error.get("status"))


def _payload(message: Message) -> bytes:
    content, tag = message.content, collapse_id(message)
    ttl_s = _FOUR_WEEKS_S if message.ttl_s is None else max(message.ttl_s, 0)
    android: dict[str, object] = {
        "priority": "NORMAL" if content.data.get("urgency") in ("low", "very-low") else "HIGH",
        "ttl": f"{min(ttl_s, _FOUR_WEEKS_S)}s",
        "notification": {"tag": tag},
    }
    if content.data.get("collapse_key"):
        android["collapse_key"] = tag
    data = {key: value for key, value in push_data(message).items() if not _reserved(key)}

    def render(title: str, body: str) -> bytes:
        return json_body(
            {
                "message": {
                    "token": device_of(message.target)[1],
                    "notification": {"title": title, "body": body},
                    "data": data,
                    "android": android,
                    "apns": {"headers": {"apns-collapse-id": tag}},
                }
            }
        )

    return fit_push(content, render)


def _reserved(key: str) -> bool:
    """Keys FCM refuses in data."""
    return key in _RESERVED_NAMES or key.startswith(_RESERVED)
