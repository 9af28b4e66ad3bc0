"""Messages from Amazon SNS over HTTPS: whether SNS wrote them ("Verifying the signatures of Amazon SNS messages")."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.x509 import load_pem_x509_certificate

from notify_grpc.channels.callbacks.reports import text
from notify_grpc.channels.http import Deadline, HttpClient, NoAnswer, Request
from notify_grpc.domain.errors import Unauthenticated, Unavailable

_HOST = re.compile(r"sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?", re.ASCII)
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_SIGNED["UnsubscribeConfirmation"] = _SIGNED["SubscriptionConfirmation"]
_HASHES: Mapping[str, type[HashAlgorithm]] = {"1": SHA1, "2": SHA256}
_MAX_KEYS = 16
_TIMEOUT_S = 5.0


def is_sns_url(url: str) -> bool:
    """Whether this is a page of SNS itself. What a message may make us fetch must be one."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and _HOST.fullmatch(parts.netloc) is not None
    except ValueError:
        return False


class SnsSignatures:
    """Checks signatures with the certificates SNS publishes, fetched once each and kept."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self._keys: dict[str, RSAPublicKey] = {}

    async def verify(self, message: Mapping[str, object]) -> None:
        """Raises Unauthenticated if SNS did not sign this, Unavailable if its certificate cannot be had."""
        names = _SIGNED.get(text(message.get("Type")))
        algorithm = _HASHES.get(text(message.get("SignatureVersion")))
        url = text(message.get("SigningCertURL"))
        if names is None or algorithm is None or not is_sns_url(url) or not url.endswith(".pem"):
            raise Unauthenticated("not a signed SNS message")
        signed = "".join(f"{name}\n{message[name]}\n" for name in names if message.get(name) is not None)
        key = await self._key(url)
        try:
            key.verify(b64decode(text(message.get("Signature"))), signed.encode(), PKCS1v15(), algorithm())
        except (InvalidSignature, ValueError) as exc:
            raise Unauthenticated("the SNS signature does not hold") from exc

    async def confirm(self, url: str) -> None:
        """Visit the SubscribeURL of a verified confirmation. Raises Unavailable."""
        await self._get(url)

    async def _key(self, url: str) -> RSAPublicKey:
        if url not in self._keys:
            try:
                key = load_pem_x509_certificate(await self._get(url)).public_key()
            except ValueError as exc:
                raise Unauthenticated("the SNS certificate is unreadable") from exc
            if not isinstance(key, RSAPublicKey):
                raise Unauthenticated("the SNS certificate is not RSA")
            if len(self._keys) >= _MAX_KEYS:
                self._keys.clear()
            self._keys[url] = key
        return self._keys[url]

    async def _get(self, url: str) -> bytes:
        if not is_sns_url(url):
            raise Unauthenticated("not an address of SNS")
        try:
            answer = await self._http.send(Request("GET", url), Deadline(_TIMEOUT_S))
        except NoAnswer as exc:
            raise Unavailable("SNS does not answer") from exc
        if not answer.ok or not answer.complete:
            raise Unavailable("SNS does not answer")
        return answer.body
