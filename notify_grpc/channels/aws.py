"""AWS Signature Version 4 for one small request with a body (no query, no chunks).

Source: AWS Signature Version 4, "Create a signed AWS API request".
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class AwsCredentials:
    """An access key; ``session_token`` only with temporary ones."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AwsService:
    """A service in a region, as they are named in the credential scope."""

    name: str
    region: str


def signed_headers(
    credentials: AwsCredentials,
    service: AwsService,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    now_ms: int,
) -> dict[str, str]:
    """``headers`` (lower-case names) with host, date and authorization added. The URL has no query."""
    at = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    parts = urlsplit(url)
    signed = {**headers, "host": parts.netloc, "x-amz-date": at}
    if credentials.session_token:
        signed["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        [
            method,
            quote(parts.path or "/", safe="/-_.~"),
            "",
            *(f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)),
            "",
            names,
            sha256(body).hexdigest(),
        ]
    )
    scope = f"{at[:8]}/{service.region}/{service.name}/aws4_request"
    to_sign = "\n".join([_ALGORITHM, at, scope, sha256(canonical.encode()).hexdigest()])
    signature = _hmac(_signing_key(credentials, service, at[:8]), to_sign).hex()
    signed["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return signed


def _signing_key(credentials: AwsCredentials, service: AwsService, day: str) -> bytes:
    key = b"AWS4" + credentials.secret_access_key.encode()
    for part in (day, service.region, service.name, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
