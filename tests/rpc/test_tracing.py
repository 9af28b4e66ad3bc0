"""Spans as an exporter gets them: who is whose parent, what is linked, what is an error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from notify.v1 import client_service_pb2 as client_pb
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from notify_grpc.auth.dev import DevAuthenticator
from notify_grpc.auth.internal_token import InternalTokenAuthenticator
from notify_grpc.core.dispatch import Dispatcher
from notify_grpc.core.notifier import Notifier
from notify_grpc.domain.models import Channel
from notify_grpc.ports.telemetry import NoMetrics
from notify_grpc.rpc.server import INTERNAL_SERVICES, Servers
from notify_grpc.stores.measured import measured
from notify_grpc.stores.memory import MemoryStore
from notify_grpc.telemetry.sampling import Sampling
from notify_grpc.telemetry.tracing import Tracing, make_provider
from tests.rpc.service import LOCAL, PRODUCER, TOKEN, Service, as_user, notice
from tests.support.scripted_provider import ScriptedProvider
from tests.support.waiting import eventually

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
SAMPLED = (("traceparent", f"00-{TRACE_ID}-{CALLER}-01"),)
UNSAMPLED = (("traceparent", f"00-{TRACE_ID}-{CALLER}-00"),)
NOTIFY = "/notify.v1.NotificationInternalService/Notify"


class Traced:
    """A service whose spans are kept."""

    def __init__(self, service: Service, provider: TracerProvider, exporter: InMemorySpanExporter) -> None:
        self.service = service
        self._provider = provider
        self._exporter = exporter

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """All that ended so far."""
        self._provider.force_flush()
        return self._exporter.get_finished_spans()

    def named(self, part: str) -> list[ReadableSpan]:
        """Those whose name has this in it."""
        return [s for s in self.spans if part in s.name]

    async def one(self, part: str) -> ReadableSpan:
        """The only one with this in its name, once it has ended."""
        await eventually(lambda: bool(self.named(part)))
        [span] = self.named(part)
        return span


@asynccontextmanager
async def traced(sampler: str = "parentbased_always_on", argument: str = "") -> AsyncIterator[Traced]:
    exporter = InMemorySpanExporter()
    provider = make_provider("notify-grpc", "1", exporter)
    tracing = Tracing(provider, Sampling(sampler, argument))
    inner = MemoryStore()
    store = measured(inner, NoMetrics(), tracing)
    dispatcher = Dispatcher(store, [ScriptedProvider(channel=Channel.EMAIL)], owner="test", tracer=tracing)
    async with Notifier(store, dispatcher=dispatcher, tracer=tracing) as notifier:
        servers = Servers(
            notifier,
            client_auth=DevAuthenticator(),
            internal_auth=InternalTokenAuthenticator([TOKEN]),
            settings=LOCAL,
            tracer=tracing,
            grpc_interceptors=[tracing.grpc_interceptor(INTERNAL_SERVICES)],
        )
        await servers.start()
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{servers.ports.client}") as client,
            grpc.aio.insecure_channel(f"127.0.0.1:{servers.ports.internal}") as internal,
        ):
            yield Traced(Service(notifier, inner, servers, client, internal), provider, exporter)
        notifier.sessions.drain(0)
        await servers.stop(1)
    provider.shutdown()


@pytest.fixture
async def world() -> AsyncIterator[Traced]:
    async with traced() as world:
        yield world


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def parent_of(span: ReadableSpan) -> str:
    return f"{span.parent.span_id:016x}" if span.parent else ""


def id_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.span_id:016x}"


async def notify(world: Traced, metadata: Any, key: str = "n1", **fields: Any) -> Any:
    return await world.service.internal.Notify(notice(key, "ada", **fields), metadata=(*PRODUCER, *metadata))


async def test_a_producers_trace_goes_through_call_store_and_provider(world: Traced) -> None:
    await notify(world, SAMPLED, addresses={"ada": {"by_channel": {"email": "ada@example.org"}}})

    call = await world.one(NOTIFY)
    create = await world.one("store create_many")
    attempt = await world.one("attempt")
    send = await world.one("send email")
    assert {trace_of(s) for s in (call, create, attempt, send)} == {TRACE_ID}
    assert (call.kind, parent_of(call)) == (SpanKind.SERVER, CALLER)
    assert parent_of(create) == id_of(call)
    assert parent_of(send) == id_of(attempt)
    assert create.attributes is not None
    assert create.attributes["db.system.name"] == "memory"


async def test_a_caller_who_does_not_trace_costs_no_span(world: Traced) -> None:
    await notify(world, UNSAMPLED, addresses={"ada": {"by_channel": {"email": "ada@example.org"}}})

    assert world.spans == ()


async def test_a_recipients_call_is_linked_to_their_trace_and_never_joins_it(world: Traced) -> None:
    await world.service.client.GetNotifications(
        client_pb.GetNotificationsRequest(), metadata=(*as_user("ada"), *UNSAMPLED)
    )

    call = await world.one("GetNotifications")
    assert trace_of(call) != TRACE_ID
    assert parent_of(call) == ""
    assert [f"{link.context.trace_id:032x}" for link in call.links] == [TRACE_ID]
    assert call.attributes is not None
    assert call.attributes["rpc.response.status_code"] == "OK"


async def test_a_delivered_event_is_a_short_span_of_the_producers_trace(world: Traced) -> None:
    stream, _ = await world.service.listen(as_user("ada"))
    opened = await world.one("StreamEvents")
    await notify(world, SAMPLED)
    await stream.read()

    event = await world.one("deliver event")
    call = await world.one(NOTIFY)
    assert trace_of(opened) != TRACE_ID
    assert trace_of(event) == TRACE_ID
    assert parent_of(event) == id_of(call)
    assert [f"{link.context.span_id:016x}" for link in event.links] == [id_of(call)]
    stream.cancel()


async def test_a_bulk_producers_batches_are_spans_of_their_trace(world: Traced) -> None:
    from notify.v1 import internal_service_pb2 as pb

    call = world.service.internal.NotifyStream(metadata=(*PRODUCER, *SAMPLED))
    for key in ("n1", "n2"):
        await call.write(pb.NotifyStreamRequest(requests=[notice(key, "ada")]))
        await call.read()
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF

    batches = world.named("NotifyStream")
    assert len(batches) == 2
    assert {(trace_of(b), parent_of(b)) for b in batches} == {(TRACE_ID, CALLER)}


async def test_the_callers_fault_is_no_error_of_ours(world: Traced) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await notify(world, SAMPLED, key="")
    with pytest.raises(grpc.aio.AioRpcError):
        await world.service.client.AckNotification(client_pb.AckNotificationRequest(id="x"), metadata=as_user("ada"))

    assert (await world.one(NOTIFY)).status.status_code is not StatusCode.ERROR
    ack = await world.one("AckNotification")
    assert ack.status.status_code is not StatusCode.ERROR
    assert ack.attributes is not None
    assert ack.attributes["rpc.response.status_code"] == "NOT_FOUND"


async def test_our_fault_is_an_error_and_says_nothing_internal(world: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("what nobody is to see")

    monkeypatch.setattr(world.service.notifier.inbox, "page", broken)
    with pytest.raises(grpc.aio.AioRpcError):
        await world.service.client.GetNotifications(client_pb.GetNotificationsRequest(), metadata=as_user("ada"))

    call = await world.one("GetNotifications")
    assert call.status.status_code is StatusCode.ERROR
    assert "nobody" not in call.to_json()


async def test_probes_are_not_traced(world: Traced) -> None:
    stub: Any = health_pb2_grpc.HealthStub(world.service.client_channel)
    await stub.Check(health_pb2.HealthCheckRequest(service="liveness"))

    assert world.spans == ()


async def test_a_ratio_traces_that_share_of_calls_without_a_trace() -> None:
    async with traced("parentbased_traceidratio", "0.5") as world:
        for i in range(60):
            await notify(world, (), key=f"n{i}")

        assert 10 < len(world.named(NOTIFY)) < 50
