"""One trace, over two real processes: a producer's span, Notify, store, attempt, SMTP, and the event on the other."""

from __future__ import annotations

import secrets
from pathlib import Path

import grpc
import pytest
from notify.v1 import client_service_pb2 as client_pb
from notify.v1 import client_service_pb2_grpc as client_grpc
from notify.v1 import internal_service_pb2 as internal_pb
from notify.v1 import internal_service_pb2_grpc as internal_grpc

from tests.acceptance.process import serving
from tests.support.otlp_receiver import Received, receiving
from tests.support.scripted_smtp import ScriptedSmtp
from tests.support.waiting import eventually


def named(spans: list[Received], part: str) -> Received:
    [found] = [s for s in spans if part in s.name]
    return found


@pytest.mark.timeout(120)
async def test_one_trace_from_the_producer_to_the_stream_on_another_instance(tmp_path: Path, postgres_dsn: str) -> None:
    trace_id, producer = secrets.token_hex(16), secrets.token_hex(8)
    async with receiving() as receiver, ScriptedSmtp() as smtp:
        settings = {
            "NOTIFY_STORE_DRIVER": "postgres",
            "NOTIFY_POSTGRES_DSN": postgres_dsn,
            "NOTIFY_EMAIL_PROVIDER": "smtp",
            "NOTIFY_EMAIL_FROM": "shop@example.org",
            "NOTIFY_EMAIL_SMTP_HOST": "127.0.0.1",
            "NOTIFY_EMAIL_SMTP_PORT": str(smtp.port),
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        async with (
            serving(tmp_path, settings={**settings, "OTEL_SERVICE_NAME": "one"}) as one,
            serving(tmp_path, settings={**settings, "OTEL_SERVICE_NAME": "other"}) as other,
            grpc.aio.insecure_channel(f"127.0.0.1:{one.ports.internal}") as to_producers,
            grpc.aio.insecure_channel(f"127.0.0.1:{other.ports.client}") as to_recipients,
        ):
            recipients = client_grpc.NotificationClientServiceStub(to_recipients)
            stream = recipients.StreamEvents(
                client_pb.StreamEventsRequest(), metadata=[("authorization", "Bearer dev:ada:acme")]
            )
            while (await stream.read()).WhichOneof("event") != "caught_up":
                pass
            request = internal_pb.NotifyRequest(tenant_id="acme", notification_id="n1", user_ids=["ada"], title="Hi")
            request.addresses["ada"].by_channel["email"] = "ada@example.org"
            await internal_grpc.NotificationInternalServiceStub(to_producers).Notify(
                request, metadata=[("traceparent", f"00-{trace_id}-{producer}-01")], timeout=20
            )
            event = await stream.read()
            assert event.notification.notification.notification_id == "n1"

            await eventually(lambda: _complete(receiver.of(trace_id)), timeout=30)

        spans = receiver.of(trace_id)
        call, create = named(spans, "/Notify"), named(spans, "store create_many")
        attempt, send, event_span = named(spans, "attempt"), named(spans, "send email"), named(spans, "deliver event")
        assert call.parent == producer
        assert create.parent == call.span_id
        assert send.parent == attempt.span_id
        assert event_span.parent == call.span_id
        assert (call.service, send.service, event_span.service) == ("one", "one", "other")
        assert len(smtp.mails) == 1


def _complete(spans: list[Received]) -> bool:
    wanted = ("/Notify", "store create_many", "attempt", "send email", "deliver event")
    return all(any(part in s.name for s in spans) for part in wanted)
