"""What every provider does, whatever it speaks: success, silence, cancellation, life cycle, secrets."""

from __future__ import annotations

import asyncio
import logging

import pytest

from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Content
from notify_grpc.ports.provider import Message, Provider, Receipt
from tests.conformance.provider.backend import Backend

HOSTILE = Content(
    "Zeile\r\nBcc: everybody@example.org\r\n\r\n💥 <b>&amp;</b>",
    "'; DROP TABLE x; --\n.\n..\r\n.\r\nQUIT\r\n" + "ü💥" * 20_000,
    data={"html": "<p>\r\n.\r\n&amp; 💥</p>", "aps": "theirs", "from": "theirs", "collapse_key": "k\r\nx: y"},
)


class Accepting:
    async def test_an_accepted_message_has_the_services_id(
        self, provider: Provider, sent: Message, backend: Backend, message_id: str
    ) -> None:
        assert await provider.send(sent) == Receipt(message_id=message_id)
        assert backend.taken == 1

    async def test_one_provider_sends_many_at_once(self, provider: Provider, sent: Message, backend: Backend) -> None:
        receipts = await asyncio.gather(*(provider.send(sent) for _ in range(20)))
        assert {receipt.accepted for receipt in receipts} == {True}
        assert backend.taken == 20

    async def test_hostile_content_is_sent_as_content(
        self, provider: Provider, hostile: Message, backend: Backend
    ) -> None:
        assert (await provider.send(hostile)).accepted
        assert backend.taken == 1

    async def test_its_own_target_is_valid_and_taken(self, provider: Provider, sent: Message) -> None:
        assert provider.validate(sent.target) is None
        assert provider.accepts(sent.target)

    async def test_other_targets_are_explained(self, provider: Provider) -> None:
        for target in ("", "\0", "a b", "x" * 10_000, "evil\r\nheader: 1", "💥"):
            assert provider.validate(target), target


class Silence:
    async def test_taken_and_never_answered_is_unknown(
        self, impatient: Provider, sent: Message, backend: Backend
    ) -> None:
        backend.hang()
        receipt = await impatient.send(sent)
        assert (receipt.error_class, receipt.error_code) == (ErrorClass.UNKNOWN_OUTCOME, "timeout")
        assert backend.taken == 1

    async def test_an_answer_that_drips_does_not_outlast_the_deadline(
        self, impatient: Provider, sent: Message, backend: Backend
    ) -> None:
        backend.drip()
        receipt = await impatient.send(sent)
        assert receipt.error_class is ErrorClass.UNKNOWN_OUTCOME
        assert backend.taken == 1

    async def test_a_reset_after_the_message_is_unknown(
        self, provider: Provider, sent: Message, backend: Backend
    ) -> None:
        backend.reset()
        assert (await provider.send(sent)).error_class is ErrorClass.UNKNOWN_OUTCOME
        assert backend.taken == 1

    async def test_a_refused_connection_has_sent_nothing(
        self, provider: Provider, sent: Message, backend: Backend
    ) -> None:
        await backend.stop()
        assert (await provider.send(sent)).error_class is ErrorClass.TRANSIENT
        assert backend.taken == 0

    async def test_it_works_again_after_a_reset(self, provider: Provider, sent: Message, backend: Backend) -> None:
        backend.reset()
        await provider.send(sent)
        backend.accept()
        assert (await provider.send(sent)).accepted

    async def test_cancellation_is_not_swallowed(self, provider: Provider, sent: Message, backend: Backend) -> None:
        backend.hang()
        sending = asyncio.create_task(provider.send(sent))
        await backend.received()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        backend.accept()
        assert (await provider.send(sent)).accepted


class LifeCycle:
    async def test_close_before_open_and_twice(self, unopened: Provider) -> None:
        await unopened.close()
        await unopened.open()
        await unopened.close()
        await unopened.close()

    async def test_it_opens_again(self, provider: Provider, sent: Message) -> None:
        await provider.open()
        await provider.close()
        await provider.open()
        assert (await provider.send(sent)).accepted

    async def test_it_says_who_it_is(self, provider: Provider, sent: Message) -> None:
        assert provider.channel is sent.channel
        assert provider.name.isalpha()
        assert 0 < provider.timeout_s < 60


class Secrecy:
    async def test_no_receipt_and_no_log_holds_a_secret_or_the_target(
        self,
        provider: Provider,
        impatient: Provider,
        sent: Message,
        backend: Backend,
        secrets: tuple[str, ...],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            receipts = [await provider.send(sent)]
            for misbehave in (backend.hang, backend.reset):
                misbehave()
                receipts.append(await impatient.send(sent))
        said = f"{receipts!r} {provider!r} {caplog.text}"
        assert [secret for secret in (*secrets, sent.target, sent.content.body) if secret in said] == []
