"""What every HTTP provider makes of the answers HTTP allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.errors import Unimplemented
from notify_grpc.ports.provider import Message, Provider
from tests.conformance.provider.backend import Refusal
from tests.support.clock import ManualClock
from tests.support.scripted_http import Drip, Reply, ScriptedServer


def http_date(clock: ManualClock, in_s: float) -> str:
    return format_datetime(datetime.fromtimestamp(clock.now_ms() / 1000, UTC) + timedelta(seconds=in_s), usegmt=True)


class Refusing:
    async def test_each_refusal_has_its_class_and_code(
        self, provider: Provider, sent: Message, server: ScriptedServer, refusal: Refusal
    ) -> None:
        server.script(refusal.reply)
        receipt = await provider.send(sent)
        assert (receipt.error_class, receipt.error_code) == (refusal.error_class, refusal.error_code)

    @pytest.mark.parametrize("status", [401, 403])
    async def test_refused_credentials(
        self, provider: Provider, sent: Message, server: ScriptedServer, status: int, credentials_refused: ErrorClass
    ) -> None:
        server.script(Reply(status))
        assert (await provider.send(sent)).error_class is credentials_refused

    @pytest.mark.parametrize("status", [408, 500, 502, 503, 599])
    async def test_a_failing_service_is_transient(
        self, provider: Provider, sent: Message, server: ScriptedServer, status: int
    ) -> None:
        server.script(Reply(status, b"<html>oops"))
        assert (await provider.send(sent)).error_class is ErrorClass.TRANSIENT

    async def test_a_gateway_that_lost_its_server_knows_nothing(
        self, provider: Provider, sent: Message, server: ScriptedServer
    ) -> None:
        server.script(Reply(504))
        assert (await provider.send(sent)).error_class is ErrorClass.UNKNOWN_OUTCOME

    @pytest.mark.parametrize("status", [400, 405, 413, 422])
    async def test_a_bad_request_is_permanent_whatever_its_body(
        self, provider: Provider, sent: Message, server: ScriptedServer, status: int
    ) -> None:
        for body in (b"", b"{", b"[" * 50_000, b'{"code":{"a":[]},"error":7,"reason":[1]}', b"<Error><Code>\xff"):
            server.script(Reply(status, body))
            assert (await provider.send(sent)).error_class is ErrorClass.PERMANENT, body

    async def test_a_redirect_is_not_followed(self, provider: Provider, sent: Message, server: ScriptedServer) -> None:
        server.script(Reply(307, headers={"location": f"{server.url}/elsewhere"}))
        assert (await provider.send(sent)).error_class is ErrorClass.PERMANENT
        assert len(server.sends) == 1

    async def test_free_text_of_the_service_stays_out_of_the_receipt(
        self, provider: Provider, sent: Message, server: ScriptedServer
    ) -> None:
        text = "call +15550001111"
        body = f'{{"code":"{text}","reason":"{text}","error":{{"code":"{text}","status":"{text}"}},"__type":"{text}"}}'
        server.script(Reply(400, body.encode()))
        assert text not in repr(await provider.send(sent))


class Throttling:
    async def test_retry_after_in_seconds(self, provider: Provider, sent: Message, server: ScriptedServer) -> None:
        server.script(Reply(429, headers={"retry-after": "17"}))
        receipt = await provider.send(sent)
        assert (receipt.error_class, receipt.retry_after_s) == (ErrorClass.RATE_LIMITED, 17.0)

    async def test_retry_after_as_a_date(
        self, provider: Provider, sent: Message, server: ScriptedServer, clock: ManualClock
    ) -> None:
        server.script(Reply(429, headers={"retry-after": http_date(clock, 90)}))
        assert (await provider.send(sent)).retry_after_s == 90.0

    async def test_a_date_counts_from_the_services_own_clock(
        self, provider: Provider, sent: Message, server: ScriptedServer, clock: ManualClock
    ) -> None:
        headers = {"retry-after": http_date(clock, 3690), "date": http_date(clock, 3600)}
        server.script(Reply(503, headers=headers))
        receipt = await provider.send(sent)
        assert (receipt.error_class, receipt.retry_after_s) == (ErrorClass.TRANSIENT, 90.0)

    async def test_a_date_in_the_past_means_now(
        self, provider: Provider, sent: Message, server: ScriptedServer, clock: ManualClock
    ) -> None:
        server.script(Reply(429, headers={"retry-after": http_date(clock, -90)}))
        assert (await provider.send(sent)).retry_after_s == 0.0

    async def test_an_absurd_number_stays_a_number(
        self, provider: Provider, sent: Message, server: ScriptedServer
    ) -> None:
        server.script(Reply(429, headers={"retry-after": "9" * 400}))
        receipt = await provider.send(sent)
        assert receipt.error_class is ErrorClass.RATE_LIMITED
        assert receipt.retry_after_s == 1e9

    @pytest.mark.parametrize("value", ["", "-5", "1.5", "soon", "nan", "Wed, 99 Foo 2026", "٣"])
    async def test_what_is_neither_form_is_ignored(
        self, provider: Provider, sent: Message, server: ScriptedServer, value: str
    ) -> None:
        server.script(Reply(429, headers={"retry-after": value.encode().decode("latin-1")}))
        receipt = await provider.send(sent)
        assert (receipt.error_class, receipt.retry_after_s) == (ErrorClass.RATE_LIMITED, None)


class Bodies:
    async def test_success_that_nobody_can_read(
        self, provider: Provider, sent: Message, server: ScriptedServer, reads_a_body: bool
    ) -> None:
        for body in (b"{", b"[]", b"\xff", b'{"sid":7,"name":{},"messages":[]}', b"[" * 50_000, b" " * 200_000):
            server.script(Reply(200, body))
            unread = ErrorClass.UNKNOWN_OUTCOME if reads_a_body else None
            assert (await provider.send(sent)).error_class is unread, body[:20]

    async def test_an_answer_too_large_to_be_one_is_not_read(
        self, provider: Provider, sent: Message, server: ScriptedServer, reads_a_body: bool, accepted_answer: Reply
    ) -> None:
        server.script(replace(accepted_answer, body=accepted_answer.body + b" " * 200_000))
        unread = ErrorClass.UNKNOWN_OUTCOME if reads_a_body else None
        assert (await provider.send(sent)).error_class is unread

    async def test_success_whose_body_drips(
        self, impatient: Provider, sent: Message, server: ScriptedServer, reads_a_body: bool
    ) -> None:
        server.script(Drip(200))
        unread = ErrorClass.UNKNOWN_OUTCOME if reads_a_body else None
        assert (await impatient.send(sent)).error_class is unread

    async def test_failure_whose_body_drips_is_known_by_its_status(
        self, impatient: Provider, sent: Message, server: ScriptedServer
    ) -> None:
        server.script(Drip(500, accepts=False))
        assert (await impatient.send(sent)).error_class is ErrorClass.TRANSIENT


class Checking:
    async def test_good_credentials_hold_and_nothing_is_sent(
        self, provider: Provider, server: ScriptedServer, check_passed: Reply | None
    ) -> None:
        if check_passed is None:
            with pytest.raises(Unimplemented):
                await provider.check()
            return
        server.script(check_passed)
        assert await provider.check() is None

    async def test_refused_credentials_are_named(
        self, provider: Provider, server: ScriptedServer, check_passed: Reply | None
    ) -> None:
        server.script(Reply(403))
        if check_passed is not None:
            assert "403" in (await provider.check() or "")
            await server.stop()
            assert await provider.check()
