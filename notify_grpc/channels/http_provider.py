"""What all providers behind an HTTP API do alike; each adds its request and its error codes."""

from __future__ import annotations

import json
import ssl
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from notify_grpc.channels.classification import class_of_status, retry_after_s
from notify_grpc.channels.http import Answer, Deadline, HttpClient, NoAnswer, Request
from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Message, Receipt

SYSTEM_CLOCK: Clock = SystemClock()
ErrorCodes = Mapping[str, ErrorClass]


class HttpProvider(ABC):
    """One request per message. A 2xx without the message id it should carry is an unknown outcome.

    Subclasses set ``name``, ``channel`` and ``error_codes``: the class of each code that says more than the status.
    """

    name: str
    channel: Channel
    error_codes: ClassVar[ErrorCodes] = MappingProxyType({})

    def __init__(
        self,
        timeout_s: float,
        *,
        clock: Clock = SYSTEM_CLOCK,
        tls: ssl.SSLContext | None = None,
        http: HttpClient | None = None,
    ) -> None:
        self.timeout_s = timeout_s
        self._clock = clock
        self._http = http or HttpClient(tls=tls)

    async def open(self) -> None:
        await self._http.open()

    async def close(self) -> None:
        await self._http.close()

    def accepts(self, target: str) -> bool:
        return True

    @abstractmethod
    def validate(self, target: str) -> str | None: ...

    @abstractmethod
    def _request(self, message: Message) -> Request:
        """The request that sends ``message``."""

    @abstractmethod
    def _message_id(self, answer: Answer) -> str | None:
        """The provider's id in a 2xx answer, "" if it gives none; None if the answer is not one of this API."""

    def _error_code(self, answer: Answer) -> str:
        """The provider's own code in a refusal, "" if there is none."""
        return ""

    async def send(self, message: Message) -> Receipt:
        try:
            answer = await self._exchange(self._request(message), Deadline(self.timeout_s))
        except NoAnswer as exc:
            return exc.receipt
        return self._receipt(answer)

    async def _exchange(self, request: Request, deadline: Deadline) -> Answer:
        """Send; providers whose tokens expire add them here. Raises NoAnswer."""
        return await self._http.send(request, deadline)

    def _receipt(self, answer: Answer) -> Receipt:
        if not answer.ok:
            return self._refusal(answer)
        message_id = self._message_id(answer)
        if message_id is None:
            return Receipt(
                ErrorClass.UNKNOWN_OUTCOME, error_code="unreadable", error=f"HTTP {answer.status}, unreadable answer"
            )
        return Receipt(message_id=message_id[:256])

    def _refusal(self, answer: Answer) -> Receipt:
        code = self._error_code(answer)
        return Receipt(
            self._class(answer.status, code),
            error_code=code or f"http_{answer.status}",
            error=f"{self.name} answered HTTP {answer.status}" + (f", {code}" if code else ""),
            retry_after_s=retry_after_s(answer.headers, self._clock.now_ms()),
        )

    def _class(self, status: int, code: str) -> ErrorClass:
        return self.error_codes.get(code) or class_of_status(status)

    async def _ask(self, request: Request) -> str | None:
        """For ``check``: None if the provider answers 2xx, else what is wrong."""
        try:
            answer = await self._exchange(request, Deadline(self.timeout_s))
        except NoAnswer as exc:
            return exc.receipt.error
        return None if answer.ok else self._refusal(answer).error


def json_body(value: object) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def text_at(value: object, *path: str | int) -> str | None:
    """The non-empty string at a path of keys and indices in decoded JSON; None if there is none."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value if isinstance(value, str) and value else None
