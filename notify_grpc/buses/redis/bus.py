"""Redis pub/sub. Payloads are spread over several channels so that no single one is hot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zlib import crc32

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from notify_grpc.buses.linked import LinkedBus, TransportError
from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.ports.telemetry import Metrics, NoMetrics

_CHANNELS = tuple(f"notify:bus:{n}" for n in range(8))
_TIMEOUT_S = 5.0
_ASK_EVERY_S = 10
_LOST = (RedisError, OSError, TimeoutError)


def redis_client(url: str) -> Redis:
    """A client that gives up soon and leaves retrying to its caller."""
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=_TIMEOUT_S,
        socket_timeout=_TIMEOUT_S,
        socket_keepalive=True,
        health_check_interval=_ASK_EVERY_S,
        retry=Retry(NoBackoff(), 0),
    )


class RedisTransport:
    """One subscription, one client that publishes."""

    name = "redis"
    max_bytes = 64 * 1024

    def __init__(self, url: str) -> None:
        self._client = redis_client(url)

    async def listen(self, up: Callable[[], None], received: Callable[[str], None]) -> None:
        try:
            async with self._client.pubsub(ignore_subscribe_messages=True) as subscription:
                await subscription.subscribe(*_CHANNELS)
                up()
                while True:
                    message = await subscription.get_message(timeout=_ASK_EVERY_S / 2)
                    if message is not None:
                        received(message["data"])
        except _LOST as exc:
            raise TransportError from exc

    async def send(self, payloads: Sequence[str]) -> None:
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for payload in payloads:
                    pipeline.publish(_CHANNELS[crc32(payload.encode()) % len(_CHANNELS)], payload)
                await pipeline.execute()
        except _LOST as exc:
            raise TransportError from exc

    async def close(self) -> None:
        await self._client.aclose()


class RedisBus(LinkedBus):
    """A ports.bus.Bus."""

    def __init__(
        self, url: str, instance: str, *, clock: Clock = SystemClock(), metrics: Metrics = NoMetrics()
    ) -> None:
        super().__init__(RedisTransport(url), instance, clock=clock, metrics=metrics)
