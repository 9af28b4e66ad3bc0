"""A provider that takes nothing right now costs its deliveries time, and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from notify_grpc.domain.deliveries import DeliveryState, ErrorClass
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Receipt
from tests.support.dispatching import SETTINGS, World
from tests.support.scripted_provider import ScriptedProvider
from tests.support.waiting import eventually

S = DeliveryState
E = ErrorClass


async def test_a_misconfigured_provider_is_called_only_to_probe_it(world: World) -> None:
    provider = ScriptedProvider()
    provider.always = Receipt(E.MISCONFIGURED, error_code="535")
    dispatcher = await world.opened(provider)
    [first] = await world.leased("alice")
    await dispatcher.attempt([first], 5.0)
    waiting = await world.notify("bob", "carol")
    dispatcher.wake()
    await world.idle()
    assert dispatcher.breakers() == {"scripted": "open: misconfigured 535"}
    assert world.recorder.gauged("notify_breaker_open", provider="scripted") == 1
    assert len(provider.sent) == 1
    assert [(await world.delivery(job)).attempts for job in waiting] == [0, 0]


async def test_a_healed_provider_gets_everything(world: World) -> None:
    provider = ScriptedProvider()
    provider.answers.append(Receipt(E.MISCONFIGURED))
    dispatcher = await world.opened(provider)
    [first] = await world.leased("alice")
    await dispatcher.attempt([first], 5.0)
    waiting = await world.notify("bob", "carol")
    await world.advance(7)
    await world.until(S.DELIVERED, *waiting)
    assert dispatcher.breakers() == {"scripted": "closed"}
    assert world.recorder.gauged("notify_breaker_open", provider="scripted") == 0
    await world.advance(95)
    delivery = await world.until(S.DELIVERED, first)
    assert delivery.failures == 0


async def test_a_run_of_failures_stops_the_sending(world: World) -> None:
    provider = ScriptedProvider()
    provider.always = Receipt(E.TRANSIENT)
    jobs = await world.notify(*(f"user-{n}" for n in range(60)))
    dispatcher = await world.opened(provider)
    await eventually(lambda: dispatcher.breakers()["scripted"] == "open: transient")

    async def settled() -> bool:
        deliveries = [await world.delivery(job) for job in jobs]
        counts = (sum(delivery.attempts for delivery in deliveries), sum(d.failures for d in deliveries))
        return counts == (len(provider.sent), len(provider.sent))

    await eventually(settled)
    assert len(provider.sent) <= SETTINGS.breaker_failures + SETTINGS.concurrency


async def test_one_probe_at_a_time_while_half_open(world: World) -> None:
    provider = ScriptedProvider()
    provider.answers.append(Receipt(E.MISCONFIGURED))
    dispatcher = await world.opened(provider)
    await dispatcher.attempt(await world.leased("alice"), 5.0)
    jobs = await world.notify(*(f"user-{n}" for n in range(10)))
    provider.hold()
    await world.advance(7)
    await world.sent(provider, 2)
    await world.idle()
    assert (len(provider.sent), dispatcher.breakers()) == (2, {"scripted": "half-open: misconfigured"})
    provider.let_go()
    await world.advance(2)
    await world.until(S.DELIVERED, *jobs)


async def test_a_rate_limited_provider_is_left_alone_as_long_as_it_asked(world: World) -> None:
    provider = ScriptedProvider()
    provider.answers.append(Receipt(E.RATE_LIMITED, retry_after_s=30))
    dispatcher = await world.opened(provider)
    [limited] = await world.leased("alice")
    await dispatcher.attempt([limited], 5.0)
    [other] = await world.notify("bob")
    await world.advance(29)
    assert (len(provider.sent), dispatcher.breakers()) == (1, {"scripted": "paused: rate limited"})
    await world.advance(3)
    delivery = await world.until(S.DELIVERED, limited, other)
    assert (delivery.failures, delivery.attempts) == (0, 2)


async def test_jobs_already_here_are_put_off_uncounted(world: World) -> None:
    provider = ScriptedProvider()
    provider.answers.append(Receipt(E.RATE_LIMITED, retry_after_s=30))
    dispatcher = await world.opened(provider, settings=replace(SETTINGS, concurrency=1))
    jobs = await world.leased("alice", "bob")
    result = await asyncio.wait_for(dispatcher.attempt(jobs, 60.0), 5)
    assert set(result) == {jobs[0].delivery.id}
    delivery, audit = await world.audited(jobs[1])
    assert (delivery.state, delivery.attempts, audit) == (S.PENDING, 0, [])
    assert 29_000 <= delivery.due_at_ms - world.database.now_ms() <= 37_000


async def test_a_blocked_provider_does_not_stop_its_channels_other_targets(world: World) -> None:
    android = ScriptedProvider(Channel.MOBILE_PUSH, "fcm", takes="android:")
    ios = ScriptedProvider(Channel.MOBILE_PUSH, "apns", takes="ios:")
    ios.always = Receipt(E.MISCONFIGURED)
    dispatcher = await world.opened(android, ios)
    await dispatcher.attempt(await world.leased(channel=Channel.MOBILE_PUSH, targets=["ios:1"]), 5.0)
    users = [f"user-{n}" for n in range(20)]
    put_off = await world.notify(*users, channel=Channel.MOBILE_PUSH, targets=["ios:{user}"])
    others = await world.notify(*users, channel=Channel.MOBILE_PUSH, targets=["android:{user}"])
    dispatcher.wake()
    await world.until(S.DELIVERED, *others)
    await world.until(S.PENDING, *put_off)
    assert {(await world.delivery(job)).attempts for job in put_off} == {0}


async def test_providers_of_one_name_are_told_apart(world: World) -> None:
    dispatcher = world.dispatcher(ScriptedProvider(Channel.SMS, "twilio"), ScriptedProvider(Channel.WHATSAPP, "twilio"))
    assert set(dispatcher.breakers()) == {"sms/twilio", "whatsapp/twilio"}
