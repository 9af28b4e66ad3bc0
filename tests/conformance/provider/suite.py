"""All behaviours together, and the fixtures they ask for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

import pytest

from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.provider import Message, Provider
from tests.conformance.provider import answers, sending
from tests.conformance.provider.backend import Backend, HttpBackend, Refusal
from tests.conformance.provider.making import message
from tests.support.clock import ManualClock
from tests.support.scripted_http import Reply, ScriptedServer

PATIENCE_S = 20.0
"""Longer than a busy machine takes for what must succeed."""
IMPATIENCE_S = 0.5


class ProviderSuite(sending.Accepting, sending.Silence, sending.LifeCycle, sending.Secrecy, ABC):
    """Subclasses give the fixtures ``backend``, ``making`` (a provider from its ``timeout_s``) and ``message_id``."""

    channel: ClassVar[Channel]
    target: ClassVar[str]
    secret_values: ClassVar[tuple[str, ...]]

    @pytest.fixture
    @abstractmethod
    def making(self) -> Callable[[float], Provider]: ...

    @pytest.fixture
    def unopened(self, making: Callable[[float], Provider]) -> Provider:
        return making(PATIENCE_S)

    @pytest.fixture
    async def provider(self, unopened: Provider) -> AsyncIterator[Provider]:
        await unopened.open()
        yield unopened
        await unopened.close()

    @pytest.fixture
    async def impatient(self, making: Callable[[float], Provider]) -> AsyncIterator[Provider]:
        """For answers that never come."""
        provider = making(IMPATIENCE_S)
        await provider.open()
        yield provider
        await provider.close()

    @pytest.fixture
    def sent(self) -> Message:
        return message(self.channel, self.target)

    @pytest.fixture
    def hostile(self, sent: Message) -> Message:
        return replace(sent, content=self.hostile_content())

    def hostile_content(self) -> Content:
        return sending.HOSTILE

    @pytest.fixture
    def secrets(self) -> tuple[str, ...]:
        return self.secret_values


class HttpProviderSuite(ProviderSuite, answers.Refusing, answers.Throttling, answers.Bodies, answers.Checking, ABC):
    """Subclasses give these, and ``make``."""

    accepted: ClassVar[Reply]
    """What the service answers to a message it takes."""
    accepted_id: ClassVar[str]
    refusals: ClassVar[Sequence[Refusal]]
    reads_body: ClassVar[bool] = True
    """Whether success is in the body; else the status says it all."""
    credentials_refused_as: ClassVar[ErrorClass] = ErrorClass.MISCONFIGURED
    check_passed_with: ClassVar[Reply | None] = Reply(200)
    """The service's answer to good credentials; None where it cannot be asked."""
    routes: ClassVar[Mapping[str, Reply]] = {}

    @abstractmethod
    def make(self, url: str, clock: ManualClock, timeout_s: float) -> Provider:
        """The provider, its service at ``url``."""

    @pytest.fixture
    async def server(self) -> AsyncIterator[ScriptedServer]:
        async with ScriptedServer() as server:
            for path, reply in self.routes.items():
                server.route(path, reply)
            yield server

    @pytest.fixture
    def backend(self, server: ScriptedServer) -> Backend:
        return HttpBackend(server, self.accepted)

    @pytest.fixture
    def making(self, server: ScriptedServer, backend: Backend, clock: ManualClock) -> Callable[[float], Provider]:
        return partial(self.make, server.url, clock)

    @pytest.fixture
    def message_id(self) -> str:
        return self.accepted_id

    @pytest.fixture
    def accepted_answer(self) -> Reply:
        return self.accepted

    @pytest.fixture
    def reads_a_body(self) -> bool:
        return self.reads_body

    @pytest.fixture
    def credentials_refused(self) -> ErrorClass:
        return self.credentials_refused_as

    @pytest.fixture
    def check_passed(self) -> Reply | None:
        return self.check_passed_with

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "refusal" in metafunc.fixturenames:
            metafunc.parametrize("refusal", self.refusals, ids=[f"{r.error_code}" for r in self.refusals])
