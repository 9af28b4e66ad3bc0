"""Mobile push through Apple's Push Notification service: HTTP/2, token authentication."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from types import MappingProxyType

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from notify_grpc.channels.addresses import apns_token_error, device_of
from notify_grpc.channels.classification import code_text
from notify_grpc.channels.collapsing import collapse_id
from notify_grpc.channels.http import Answer, Deadline, HttpClient, NoAnswer, Request
from notify_grpc.channels.http_provider import SYSTEM_CLOCK, HttpProvider, json_body
from notify_grpc.channels.texts import fit_push, push_data
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.domain.models import Channel, DeviceType
from notify_grpc.ports.provider import Message, Receipt

_PRODUCTION = "https://api.push.apple.com"
_SANDBOX = "https://api.sandbox.push.apple.com"
_RENEW_S = 45 * 60.0
_MIN_AGE_S = 20 * 60.0
"""Apple refuses tokens older than an hour, and new ones more often than every 20 minutes."""
_NO_DEVICE = "00" * 32
_E = ErrorClass


@dataclass(frozen=True, slots=True)
class ApnsSettings:
    """A signing key (.p8, PEM), its id, the team's, the app's bundle id as topic. No ``base_url``: by ``sandbox``."""

    key_p8: str = field(repr=False)
    key_id: str = ""
    team_id: str = ""
    topic: str = ""
    sandbox: bool = False
    base_url: str = ""
    timeout_s: float = 10.0


class ApnsProvider(HttpProvider):
    """The delivery id is the apns-id; a repeat has the same collapse id and replaces the first copy on the device."""

    name = "apns"
    channel = Channel.MOBILE_PUSH
    error_codes = MappingProxyType(
        {
            "Unregistered": _E.TARGET_GONE,
            "ExpiredToken": _E.TARGET_GONE,
            "BadDeviceToken": _E.PERMANENT,
            "DeviceTokenNotForTopic": _E.PERMANENT,
            "PayloadTooLarge": _E.PERMANENT,
            "BadTopic": _E.MISCONFIGURED,
            "MissingTopic": _E.MISCONFIGURED,
            "TopicDisallowed": _E.MISCONFIGURED,
            "InvalidPushType": _E.MISCONFIGURED,
            "ExpiredProviderToken": _E.MISCONFIGURED,
            "InvalidProviderToken": _E.MISCONFIGURED,
            "MissingProviderToken": _E.MISCONFIGURED,
            "BadCertificate": _E.MISCONFIGURED,
            "BadCertificateEnvironment": _E.MISCONFIGURED,
            "BadEnvironmentKeyInToken": _E.MISCONFIGURED,
            "Forbidden": _E.MISCONFIGURED,
            "TooManyProviderTokenUpdates": _E.RATE_LIMITED,
            "TooManyRequests": _E.RATE_LIMITED,
            "IdleTimeout": _E.TRANSIENT,
            "InternalServerError": _E.TRANSIENT,
            "ServiceUnavailable": _E.TRANSIENT,
            "Shutdown": _E.TRANSIENT,
        }
    )

    def __init__(
        self, settings: ApnsSettings, *, clock: Clock = SYSTEM_CLOCK, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(settings.timeout_s, clock=clock, http=HttpClient(http2=True, tls=tls))
        self._settings = settings
        self._key = _signing_key(settings.key_p8)
        self._base_url = settings.base_url or (_SANDBOX if settings.sandbox else _PRODUCTION)
        self._token = ""
        self._signed_at = 0.0

    def accepts(self, target: str) -> bool:
        return device_of(target)[0] is DeviceType.IOS

    def validate(self, target: str) -> str | None:
        return apns_token_error(device_of(target)[1])

    async def check(self) -> str | None:
        """Sends to a token no device has: Apple checks our credentials first."""
        request = Request("POST", f"{self._base_url}/3/device/{_NO_DEVICE}", self._headers(), b'{"aps":{}}')
        try:
            answer = await self._exchange(request, Deadline(self.timeout_s))
        except NoAnswer as exc:
            return exc.receipt.error
        return None if self._error_code(answer) == "BadDeviceToken" else self._refusal(answer).error

    def _request(self, message: Message) -> Request:
        headers = self._headers() | {"apns-id": message.delivery_id, "apns-collapse-id": collapse_id(message)}
        if message.ttl_s is not None:
            # 0: now or never.
            expiry_s = self._clock.now_ms() // 1000 + message.ttl_s if message.ttl_s > 0 else 0
            headers["apns-expiration"] = str(expiry_s)
        token = device_of(message.target)[1]
        return Request("POST", f"{self._base_url}/3/device/{token}", headers, _payload(message))

    def _headers(self) -> dict[str, str]:
        return {"apns-topic": self._settings.topic, "apns-push-type": "alert", "apns-priority": "10"}

    async def _exchange(self, request: Request, deadline: Deadline) -> Answer:
        answer = await self._authorized(request, deadline)
        if self._error_code(answer) == "ExpiredProviderToken" and self._age_s() >= _MIN_AGE_S:
            self._token = ""
            return await self._authorized(request, deadline)
        return answer

    async def _authorized(self, request: Request, deadline: Deadline) -> Answer:
        headers = {**request.headers, "authorization": f"bearer {self._provider_token()}"}
        return await self._http.send(Request(request.method, request.url, headers, request.body), deadline)

    def _provider_token(self) -> str:
        if not self._token or self._age_s() >= _RENEW_S:
            claims = {"iss": self._settings.team_id, "iat": self._clock.now_ms() // 1000}
            self._token = jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self._settings.key_id})
            self._signed_at = self._clock.monotonic()
        return self._token

    def _age_s(self) -> float:
        return self._clock.monotonic() - self._signed_at

    def _message_id(self, answer: Answer) -> str | None:
        return str(answer.headers.get("apns-id", ""))

    def _error_code(self, answer: Answer) -> str:
        return code_text(answer.json().get("reason"))

    def _refusal(self, answer: Answer) -> Receipt:
        receipt = super()._refusal(answer)
        if receipt.error_code != "BadDeviceToken":
            return receipt
        environment = "the sandbox" if self._settings.sandbox else "production"
        return Receipt(_E.PERMANENT, error_code="BadDeviceToken", error=f"not a token of this app in {environment}")


def _signing_key(pem: str) -> EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise InvalidArgument("apns key", "is not a P-256 private key in PEM form (.p8)")
    return key


def _payload(message: Message) -> bytes:
    data = push_data(message)

    def render(title: str, body: str) -> bytes:
        return json_body({**data, "aps": {"alert": {"title": title, "body": body}, "sound": "default"}})

    return fit_push(message.content, render)
