"""One channel to the service, and the metadata of each call."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import grpc

from notify_grpc.client.errors import translated

Token = str | Callable[[], str | Awaitable[str]]
"""A credential, or a function that gives a good one each time; one that raises Unavailable is asked again."""

Metadata = list[tuple[str, str]]

_MESSAGE_BYTES = 16 << 20
# Every call can be repeated: writes carry an idempotency key. UNAVAILABLE is retried by the channel itself (gRFC A6).
_RETRY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


def open_channel(
    address: str, *, credentials: grpc.ChannelCredentials | None = None, spread_over_addresses: bool = False
) -> grpc.aio.Channel:
    """A channel to ``host:port`` (any gRPC target), in plain text without ``credentials``; connects when first used."""
    service: dict[str, Any] = {"methodConfig": [{"name": [{}], "retryPolicy": _RETRY}]}
    if spread_over_addresses:
        service["loadBalancingConfig"] = [{"round_robin": {}}]
    options = [
        ("grpc.service_config", json.dumps(service)),
        # Clients of one process share no connection, nor the wait of another one's that just failed.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 2_000),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        ("grpc.max_receive_message_length", _MESSAGE_BYTES),
    ]
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=options)
    return grpc.aio.secure_channel(address, credentials, options=options)


class Connection:
    """A channel with a credential. Use as an async context manager, or call close."""

    def __init__(
        self, channel: grpc.aio.Channel, token: Token, credential: Callable[[str], tuple[str, str]], timeout_s: float
    ) -> None:
        self.channel = channel
        self.timeout_s = timeout_s
        self._token = token
        self._credential = credential

    @property
    def can_refresh(self) -> bool:
        """Whether a fresh token can be had."""
        return callable(self._token)

    async def metadata(self) -> Metadata:
        """The credential, and the W3C trace context where OpenTelemetry is in use."""
        token = self._token() if callable(self._token) else self._token
        if inspect.isawaitable(token):
            token = await token
        return ([self._credential(token)] if token else []) + _trace_context()

    async def call(self, method: Any, request: Any) -> Any:
        """One unary call. Raises NotifyError."""
        with translated():
            return await method(request, metadata=await self.metadata(), timeout=self.timeout_s)

    async def close(self) -> None:
        """End open calls and close the channel. Idempotent."""
        await self.channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _trace_context() -> Metadata:
    if "opentelemetry" not in sys.modules:
        return []
    from opentelemetry import propagate

    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return list(carrier.items())
