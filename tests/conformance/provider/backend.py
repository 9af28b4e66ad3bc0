"""What stands at the other end of a provider under test."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from notify_grpc.domain.deliveries import ErrorClass
from tests.support.scripted_http import Drip, Hang, Reply, Reset, ScriptedServer


class Refusal(NamedTuple):
    """An answer of the service, and the class and code it must come to."""

    reply: Reply
    error_class: ErrorClass
    error_code: str


class Backend(Protocol):
    """The service, told what to do with the next messages."""

    def accept(self) -> None: ...

    def hang(self) -> None:
        """Take the message, never answer."""
        ...

    def drip(self) -> None:
        """Take the message, answer byte by byte and never come to an end."""
        ...

    def reset(self) -> None:
        """Take the message, reset the connection."""
        ...

    async def received(self) -> None:
        """Return once a message has arrived in full."""
        ...

    async def stop(self) -> None:
        """Refuse connections from now on."""
        ...

    @property
    def taken(self) -> int:
        """Messages taken so far, answered or not."""
        ...


class HttpBackend:
    """A scripted HTTP service."""

    def __init__(self, server: ScriptedServer, accepted: Reply) -> None:
        self.server = server
        self._accepted = accepted
        self.accept()

    def accept(self) -> None:
        self.server.script(self._accepted)

    def hang(self) -> None:
        self.server.script(Hang())

    def drip(self) -> None:
        self.server.script(Drip())

    def reset(self) -> None:
        self.server.script(Reset())

    async def received(self) -> None:
        await self.server.received(len(self.server.ledger) - len(self.server.sends) + 1)

    async def stop(self) -> None:
        await self.server.stop()

    @property
    def taken(self) -> int:
        return len(self.server.accepted)
