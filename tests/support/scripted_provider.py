"""A provider inside the test that answers what it is told."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Message, Receipt

Answer = Receipt | Exception | Callable[[Message], Receipt]


class ScriptedProvider:
    """Accepts everything, unless ``answers`` has something else for the next messages, in order."""

    def __init__(
        self,
        channel: Channel = Channel.EMAIL,
        name: str = "scripted",
        *,
        timeout_s: float = 5.0,
        takes: str = "",
        wrong: str | None = None,
    ) -> None:
        self.name = name
        self.channel = channel
        self.timeout_s = timeout_s
        self.sent: list[Message] = []
        """What was sent here, in order, whatever the answer."""
        self.answers: deque[Answer] = deque()
        self.always: Answer | None = None
        """The answer when ``answers`` is empty."""
        self.opened = self.closed = 0
        self.fails_to_open: Exception | None = None
        self.at_once = self.most_at_once = 0
        self._takes = takes
        self._wrong = wrong
        self._gate = asyncio.Event()
        self._gate.set()

    def hold(self) -> None:
        """Answer nothing until ``let_go``."""
        self._gate.clear()

    def let_go(self) -> None:
        self._gate.set()

    def accepts(self, target: str) -> bool:
        return target.startswith(self._takes)

    def validate(self, target: str) -> str | None:
        return self._wrong

    async def send(self, message: Message) -> Receipt:
        self.sent.append(message)
        answer = self.answers.popleft() if self.answers else self.always
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self._gate.wait()
        finally:
            self.at_once -= 1
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Receipt):
            return answer
        return answer(message) if answer else Receipt(message_id=f"{self.name}-{message.delivery_id}")

    async def check(self) -> str | None:
        return None

    async def open(self) -> None:
        self.opened += 1
        if self.fails_to_open:
            raise self.fails_to_open

    async def close(self) -> None:
        self.closed += 1
