"""Public keys from a JWKS URL (RFC 7517), fetched beside the calls that need them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

import httpx
import jwt

from notify_grpc.auth.jwt import VerifyingKey
from notify_grpc.domain.clock import Clock, SystemClock

log = logging.getLogger(__name__)
ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
_ALGORITHM_OF = {("RSA", ""): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}
"""What a key that names no algorithm is good for."""
_MAX_BYTES = 1 << 20
_NEVER = float("-inf")


class JwksKeys:
    """The keys of one URL, by ``kid``; a KeySource.

    A cached key is answered at once; keys older than ``max_age_s`` are fetched anew meanwhile. An unknown ``kid``
    causes a fetch, but all that wait share one, and two are at least ``min_interval_s`` apart. While the URL fails, the
    old keys serve for ``max_stale_s``.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock = SystemClock(),
        max_age_s: float = 600.0,
        min_interval_s: float = 10.0,
        max_stale_s: float = 86_400.0,
        timeout_s: float = 5.0,
    ) -> None:
        self._url = url
        self._clock = clock
        self._max_age_s = max_age_s
        self._min_interval_s = min_interval_s
        self._max_stale_s = max_stale_s
        self._timeout_s = timeout_s
        self._keys: Mapping[str, VerifyingKey] = {}
        self._fetched_at = _NEVER
        self._tried_at = _NEVER
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, algorithm: str, kid: str) -> VerifyingKey | None:
        """The key of this id, or without an id the only one of the algorithm."""
        if algorithm not in ALGORITHMS:
            return None
        age = self._clock.monotonic() - self._fetched_at
        if age > self._max_stale_s:
            self._keys = {}
        key = self._cached(algorithm, kid)
        if key is None:
            await self._refresh()
            key = self._cached(algorithm, kid)
        elif age > self._max_age_s:
            self._start_fetch()
        return key

    async def close(self) -> None:
        """End a fetch that runs. Idempotent."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _cached(self, algorithm: str, kid: str) -> VerifyingKey | None:
        if kid:
            key = self._keys.get(kid)
            return key if key is not None and key.algorithm == algorithm else None
        candidates = [key for key in self._keys.values() if key.algorithm == algorithm]
        return candidates[0] if len(candidates) == 1 else None

    async def _refresh(self) -> None:
        """Wait for a fetch, one's own or the one that runs; nothing if the last began a moment ago."""
        fetching = self._start_fetch()
        if fetching is not None:
            await asyncio.shield(fetching)

    def _start_fetch(self) -> asyncio.Task[None] | None:
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        now = self._clock.monotonic()
        if now - self._tried_at < self._min_interval_s:
            return None
        self._tried_at = now
        self._fetching = asyncio.get_running_loop().create_task(self._fetch(), name="notify-jwks-fetch")
        return self._fetching

    async def _fetch(self) -> None:
        """Replace the keys; on any failure keep those there are."""
        try:
            async with asyncio.timeout(self._timeout_s):
                keys = parse_jwks(await self._download())
        except Exception as exc:  # noqa: BLE001 - whatever is wrong out there, the keys we have stay
            log.warning("the JWKS could not be fetched", extra={"reason": f"{type(exc).__name__}: {exc}"})
            return
        self._keys = keys
        self._fetched_at = self._clock.monotonic()

    async def _download(self) -> bytes:
        """A client per fetch: they are minutes apart, and nothing stays open. Raises ValueError if it is too large."""
        body = bytearray()
        async with (
            httpx.AsyncClient(timeout=self._timeout_s) as client,
            client.stream("GET", self._url, headers={"accept": "application/json"}) as response,
        ):
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _MAX_BYTES:
                    raise ValueError("the JWKS is too large")
        return bytes(body)


def parse_jwks(document: bytes) -> dict[str, VerifyingKey]:
    """Signing keys by ``kid`` ("" for one without). What is no public key for one of ALGORITHMS is passed over.

    Raises ValueError if the document is no JWKS.
    """
    parsed = json.loads(document)
    listed = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(listed, list):
        raise ValueError("the document has no list of keys")
    keys: dict[str, VerifyingKey] = {}
    for item in listed:
        key = _verifying_key(item)
        if key is not None:
            keys[str(item.get("kid", ""))] = key
    return keys


def _verifying_key(item: Any) -> VerifyingKey | None:
    if not isinstance(item, dict) or item.get("use", "sig") != "sig" or "d" in item:
        return None
    algorithm = str(item.get("alg") or _ALGORITHM_OF.get((str(item.get("kty")), str(item.get("crv", "")))))
    if algorithm not in ALGORITHMS:
        return None
    try:
        return VerifyingKey(algorithm, jwt.PyJWK(item, algorithm).key)
    except jwt.PyJWTError:
        return None
