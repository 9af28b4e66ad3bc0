"""Events to an operator's own endpoint, signed as Standard Webhooks says (standardwebhooks.com, v1: HMAC-SHA256)."""

from __future__ import annotations

import asyncio
import hmac
import logging
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from notify_grpc.channels.classification import class_of_status, retry_after_s
from notify_grpc.channels.http import Deadline, HttpClient, NoAnswer, Request
from notify_grpc.channels.http_provider import SYSTEM_CLOCK, json_body
from notify_grpc.domain.backoff import Schedule
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.domain.ids import new_id
from notify_grpc.ports.events import ServiceEvent
from notify_grpc.ports.provider import Receipt

_log = logging.getLogger(__name__)
RETRIES = Schedule((1, 5, 30, 120, 300))
_MAX_RETRY_AFTER_S = 300.0
_MAX_WAITING = 10_000
_SENDERS = 8
"""Events under way at once; an endpoint that is slow for one does not stop the others. Order is not promised."""


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """``secrets`` (``whsec_`` + base64) all sign, so that a receiver may rotate to the next one."""

    url: str
    secrets: tuple[str, ...] = field(repr=False)
    timeout_s: float = 10.0
    drain_s: float = 3.0
    """How long ``close`` goes on sending what waits."""


def signing_key(secret: str) -> bytes:
    """The key in a ``whsec_`` secret. Raises InvalidArgument, which does not quote it."""
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise InvalidArgument("webhook secret", "is not whsec_ followed by base64")
    return key


def signatures(keys: Sequence[bytes], message_id: str, timestamp_s: int, body: bytes) -> str:
    """The webhook-signature header: one signature for each key."""
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return " ".join(f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}" for key in keys)


class WebhookSink:
    """A ports.events.EventSink. Events wait in memory, at most 10,000; what does not fit is dropped and counted.

    Each is sent until it is answered 2xx or its retries are used up; a receiver drops repeats by their webhook-id.
    """

    def __init__(
        self,
        settings: WebhookSettings,
        *,
        clock: Clock = SYSTEM_CLOCK,
        http: HttpClient | None = None,
        random: Random | None = None,
    ) -> None:
        self._settings = settings
        self._keys = [signing_key(secret) for secret in settings.secrets]
        self._clock = clock
        self._http = http or HttpClient()
        self._random = random or Random()
        self._waiting: deque[Mapping[str, object]] = deque()
        self._available = asyncio.Semaphore(0)
        self._senders: list[asyncio.Task[None]] = []
        self._unfinished = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.dropped = 0
        """Events that found no room, or no receiver."""

    async def open(self) -> None:
        """Start sending. Idempotent."""
        await self._http.open()
        if not self._senders:
            self._senders = [
                asyncio.create_task(self._send_waiting(), name=f"webhook-{number}") for number in range(_SENDERS)
            ]

    async def close(self) -> None:
        """Go on for ``drain_s`` with what waits, then drop it. Idempotent, safe before open."""
        senders, self._senders = self._senders, []
        if senders:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), self._settings.drain_s)
            for sender in senders:
                sender.cancel()
            await asyncio.gather(*senders, return_exceptions=True)
        self.dropped += self._unfinished
        self._unfinished = 0
        self._waiting.clear()
        await self._http.close()

    def publish(self, event: ServiceEvent) -> None:
        """Take an event without blocking or raising."""
        if self._unfinished >= _MAX_WAITING:
            self.dropped += 1
            return
        self._waiting.append(_as_json(event, new_id(self._clock.now_ms())))
        self._unfinished += 1
        self._idle.clear()
        self._available.release()

    async def send(self, event: Mapping[str, object]) -> Receipt:
        """One attempt; ``event["id"]`` is the webhook-id, the same on every attempt."""
        body, message_id, now_s = json_body(event), str(event["id"]), self._clock.now_ms() // 1000
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": signatures(self._keys, message_id, now_s, body),
        }
        try:
            answer = await self._http.send(
                Request("POST", self._settings.url, headers, body), Deadline(self._settings.timeout_s)
            )
        except NoAnswer as exc:
            return exc.receipt
        if answer.ok:
            return Receipt(message_id=message_id)
        return Receipt(
            class_of_status(answer.status),
            error_code=f"http_{answer.status}",
            error=f"the webhook answered HTTP {answer.status}",
            retry_after_s=retry_after_s(answer.headers, self._clock.now_ms()),
        )

    async def _send_waiting(self) -> None:
        while True:
            await self._available.acquire()
            await self._deliver(self._waiting.popleft())
            self._unfinished -= 1
            if not self._unfinished:
                self._idle.set()

    async def _deliver(self, event: Mapping[str, object]) -> None:
        failures = 0
        while not (receipt := await self.send(event)).accepted:
            failures += 1
            wait_s = RETRIES.wait_s(failures, self._random)
            if wait_s is None:
                self.dropped += 1
                _log.warning("webhook event dropped", extra={"event_id": event["id"], "error": receipt.error})
                return
            await self._clock.sleep(max(wait_s, min(receipt.retry_after_s or 0.0, _MAX_RETRY_AFTER_S)))


def _as_json(event: ServiceEvent, event_id: str) -> Mapping[str, object]:
    at = datetime.fromtimestamp(event.at_ms / 1000, UTC)
    return {
        "id": event_id,
        "type": event.type,
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {
            "tenant_id": event.tenant_id,
            "user_id": event.user_id,
            "notification_id": event.notification_id,
            **event.data,
        },
    }
