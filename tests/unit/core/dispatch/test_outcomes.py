"""What each answer of a provider comes to in the store."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from notify_grpc.core.dispatch import Attempted
from notify_grpc.domain.backoff import Schedule
from notify_grpc.domain.deliveries import DeliveryState, ErrorClass, device_target
from notify_grpc.domain.models import Channel, Device, DeviceType, UserKey
from notify_grpc.ports.provider import Message, Receipt
from tests.support.dispatching import SETTINGS, World
from tests.support.scripted_provider import ScriptedProvider
from tests.support.waiting import eventually

S = DeliveryState
E = ErrorClass
ALICE = UserKey("acme", "alice")


@pytest.mark.parametrize(
    ("receipt", "state", "failures"),
    [
        (Receipt(message_id="m-1"), S.DELIVERED, 0),
        (Receipt(E.TRANSIENT, error_code="503", error="busy"), S.RETRY, 1),
        (Receipt(E.RATE_LIMITED, error_code="429", retry_after_s=30), S.RETRY, 0),
        (Receipt(E.MISCONFIGURED, error_code="401"), S.RETRY, 0),
        (Receipt(E.PERMANENT, error_code="550"), S.FAILED, 1),
        (Receipt(E.TARGET_GONE, error_code="410"), S.FAILED, 1),
        (Receipt(E.UNKNOWN_OUTCOME, error_code="reset"), S.RETRY, 1),
    ],
)
async def test_an_answer_is_kept(world: World, receipt: Receipt, state: DeliveryState, failures: int) -> None:
    provider = ScriptedProvider()
    provider.answers.append(receipt)
    dispatcher = await world.opened(provider)
    [job] = await world.leased()
    assert await dispatcher.attempt([job], 5.0) == {job.delivery.id: Attempted(state, receipt.error_class)}
    delivery, [attempt] = await world.audited(job)
    assert (delivery.state, delivery.failures, delivery.attempts) == (state, failures, 1)
    assert (delivery.last_error_class, delivery.last_error_code) == (receipt.error_class, receipt.error_code)
    assert (delivery.last_error, delivery.provider_message_id) == (receipt.error, receipt.message_id)
    assert (attempt.state, attempt.error_class, attempt.stale) == (state, receipt.error_class, False)


async def test_a_failure_is_tried_again_as_set_and_no_oftener(world: World) -> None:
    provider = ScriptedProvider()
    provider.always = lambda _: Receipt(E.TRANSIENT)
    schedules = {**SETTINGS.schedules, Channel.EMAIL: Schedule((40.0, 8.0))}
    dispatcher = await world.opened(provider, settings=replace(SETTINGS, schedules=schedules))
    [job] = await world.leased()
    await dispatcher.attempt([job], 5.0)
    await world.advance(30)
    assert len(provider.sent) == 1
    await world.advance(20)
    await world.sent(provider, 2)
    await world.until(S.RETRY, job)
    await world.advance(10)
    assert (await world.until(S.FAILED, job)).failures == 3


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.WHATSAPP])
async def test_an_unknown_outcome_of_a_text_message_is_parked_not_repeated(world: World, channel: Channel) -> None:
    provider = ScriptedProvider(channel)
    provider.answers.append(Receipt(E.UNKNOWN_OUTCOME))
    dispatcher = await world.opened(provider)
    [job] = await world.leased(channel=channel, targets=["+15550100"])
    await dispatcher.attempt([job], 5.0)
    await world.advance(300)
    assert (await world.delivery(job)).state is S.PARKED
    assert len(provider.sent) == 1


async def test_a_parked_message_goes_out_when_an_operator_says_so(world: World) -> None:
    provider = ScriptedProvider(Channel.SMS)
    provider.answers.append(Receipt(E.UNKNOWN_OUTCOME))
    dispatcher = await world.opened(provider)
    [job] = await world.leased(channel=Channel.SMS, targets=["+15550100"])
    await dispatcher.attempt([job], 5.0)
    await world.store.retry_delivery(job.delivery.id)
    dispatcher.wake()
    await world.until(S.DELIVERED, job)


async def test_a_dead_device_is_forgotten_and_the_others_are_sent(world: World) -> None:
    provider = ScriptedProvider(Channel.MOBILE_PUSH)
    devices = [Device(DeviceType.ANDROID, f"phone-{n}", f"token-{n}") for n in range(3)]
    for device in devices:
        await world.store.upsert_device(ALICE, device, 1)
    targets = [device_target(device).address for device in devices]
    provider.always = lambda message: Receipt(E.TARGET_GONE if message.target == targets[1] else None)
    dispatcher = await world.opened(provider)
    jobs = await world.leased("alice", channel=Channel.MOBILE_PUSH, targets=targets)
    result = await dispatcher.attempt(jobs, 5.0)
    assert [result[job.delivery.id].state for job in jobs] == [S.DELIVERED, S.FAILED, S.DELIVERED]

    async def left() -> bool:
        found = await world.store.list_devices("acme", ["alice"])
        return [device.token for device in found["alice"]] == ["token-0", "token-2"]

    await eventually(left)


async def test_a_provider_that_raises_fails_that_row_and_the_queue_moves(world: World) -> None:
    provider = ScriptedProvider()
    provider.answers.append(ValueError("alice@acme.test is hard to encode"))
    dispatcher = await world.opened(provider)
    [bad] = await world.leased("alice")
    [good] = await world.leased("bob")
    result = await dispatcher.attempt([bad, good], 5.0)
    assert result[bad.delivery.id] == Attempted(S.FAILED, E.PERMANENT)
    assert result[good.delivery.id] == Attempted(S.DELIVERED, None)
    delivery = await world.delivery(bad)
    assert (delivery.last_error_code, delivery.last_error) == ("ValueError", "the provider raised")


async def test_a_provider_that_overruns_its_deadline_has_an_unknown_outcome(world: World) -> None:
    provider = ScriptedProvider(timeout_s=0.02)
    provider.hold()
    dispatcher = await world.opened(provider)
    [job] = await world.leased()
    assert await dispatcher.attempt([job], 5.0) == {job.delivery.id: Attempted(S.RETRY, E.UNKNOWN_OUTCOME)}
    assert (await world.delivery(job)).last_error_code == "timeout"


async def test_a_timeout_a_provider_raises_itself_is_like_any_other_error(world: World) -> None:
    provider = ScriptedProvider()
    provider.answers.append(TimeoutError())
    dispatcher = await world.opened(provider)
    [job] = await world.leased()
    assert await dispatcher.attempt([job], 5.0) == {job.delivery.id: Attempted(S.FAILED, E.PERMANENT)}


async def test_what_a_provider_says_is_cut_to_what_a_store_takes(world: World) -> None:
    provider = ScriptedProvider()
    provider.answers.append(Receipt(E.PERMANENT, error_code="c" * 5_000, error="nul \0 " + "e" * 5_000))
    dispatcher = await world.opened(provider)
    [job] = await world.leased()
    await dispatcher.attempt([job], 5.0)
    delivery = await world.delivery(job)
    assert (delivery.last_error_code, delivery.last_error[:6]) == ("c" * 100, "nul  e")
    assert len(delivery.last_error) == 500


async def test_a_delivery_fails_for_good_after_its_last_try(world: World) -> None:
    provider = ScriptedProvider(Channel.SMS)
    provider.always = Receipt(E.TRANSIENT)
    dispatcher = await world.opened(provider, settings=replace(SETTINGS, breaker_failures=100))
    [job] = await world.leased(channel=Channel.SMS, targets=["+15550100"])
    await dispatcher.attempt([job], 5.0)
    for tries in (2, 3):
        await world.advance(600)
        await world.sent(provider, tries)
    delivery = await world.until(S.FAILED, job)
    assert (delivery.attempts, delivery.failures) == (3, 3)


@pytest.mark.parametrize("database", ["memory"], indirect=True)
async def test_concurrency_is_limited_per_provider(world: World) -> None:
    provider = ScriptedProvider()

    async def slowly(message: Message) -> Receipt:
        provider.sent.append(message)
        provider.at_once += 1
        provider.most_at_once = max(provider.most_at_once, provider.at_once)
        await asyncio.sleep(0)
        provider.at_once -= 1
        return Receipt()

    provider.send = slowly  # type: ignore[method-assign]  # one that gives way in the middle
    jobs = await world.notify(*(f"user-{n}" for n in range(50)))
    await world.opened(provider)
    await world.until(S.DELIVERED, *jobs)
    assert provider.most_at_once == SETTINGS.concurrency
