"""Several providers of one channel: the first that takes messages, in order."""

from __future__ import annotations

import pytest

from notify_grpc.core.dispatch import Attempted
from notify_grpc.domain.deliveries import DeliveryState, ErrorClass, Target
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Receipt
from tests.support.dispatching import OWNER, World
from tests.support.scripted_provider import ScriptedProvider

S = DeliveryState
E = ErrorClass
UNACCEPTED = [E.TRANSIENT, E.RATE_LIMITED, E.MISCONFIGURED]


@pytest.fixture
def first() -> ScriptedProvider:
    return ScriptedProvider(name="first")


@pytest.fixture
def second() -> ScriptedProvider:
    return ScriptedProvider(name="second")


async def test_all_go_to_the_first_while_it_works(
    world: World, first: ScriptedProvider, second: ScriptedProvider
) -> None:
    dispatcher = await world.opened(first, second)
    await dispatcher.attempt(await world.leased("alice", "bob"), 5.0)
    assert (len(first.sent), len(second.sent)) == (2, 0)


@pytest.mark.parametrize("error", UNACCEPTED)
async def test_what_the_first_certainly_did_not_take_goes_to_the_next(
    world: World, first: ScriptedProvider, second: ScriptedProvider, error: ErrorClass
) -> None:
    first.answers.append(Receipt(error, error_code="nope", error="not now"))
    dispatcher = await world.opened(first, second)
    [job] = await world.leased()
    assert await dispatcher.attempt([job], 5.0) == {job.delivery.id: Attempted(S.DELIVERED, None)}
    delivery, audit = await world.audited(job)
    assert (delivery.provider, delivery.failures, delivery.attempts) == ("second", 0, 1)
    assert [(a.provider, a.state, a.error_class, a.error_code, a.owner, a.fence) for a in audit] == [
        ("first", S.RETRY, error, "nope", OWNER, 1),
        ("second", S.DELIVERED, None, "", OWNER, 1),
    ]
    assert all(attempt.at_ms for attempt in audit)


@pytest.mark.parametrize("error", [e for e in E if e not in UNACCEPTED])
async def test_what_the_first_may_have_taken_or_refused_goes_nowhere_else(
    world: World, first: ScriptedProvider, second: ScriptedProvider, error: ErrorClass
) -> None:
    first.answers.append(Receipt(error))
    dispatcher = await world.opened(first, second)
    await dispatcher.attempt(await world.leased(), 5.0)
    assert (len(first.sent), len(second.sent)) == (1, 0)


async def test_when_all_fail_the_last_answer_decides(
    world: World, first: ScriptedProvider, second: ScriptedProvider
) -> None:
    first.answers.append(Receipt(E.RATE_LIMITED, retry_after_s=500))
    second.answers.append(Receipt(E.TRANSIENT, error_code="503"))
    dispatcher = await world.opened(first, second)
    [job] = await world.leased()
    assert await dispatcher.attempt([job], 5.0) == {job.delivery.id: Attempted(S.RETRY, E.TRANSIENT)}
    delivery, audit = await world.audited(job)
    assert (delivery.failures, [attempt.provider for attempt in audit]) == (1, ["first", "second"])
    assert delivery.due_at_ms - world.database.now_ms() < 10_000


async def test_a_blocked_provider_is_passed_over(
    world: World, first: ScriptedProvider, second: ScriptedProvider
) -> None:
    first.answers.append(Receipt(E.MISCONFIGURED))
    dispatcher = await world.opened(first, second)
    await dispatcher.attempt(await world.leased("alice"), 5.0)
    jobs = await world.leased("bob", "carol")
    await dispatcher.attempt(jobs, 5.0)
    assert (len(first.sent), len(second.sent)) == (1, 3)
    assert [attempt.provider for attempt in (await world.audited(jobs[0]))[1]] == ["second"]


async def test_a_healed_first_is_first_again(world: World, first: ScriptedProvider, second: ScriptedProvider) -> None:
    first.answers.append(Receipt(E.MISCONFIGURED))
    dispatcher = await world.opened(first, second)
    await dispatcher.attempt(await world.leased("alice"), 5.0)
    await world.advance(5)
    await dispatcher.attempt(await world.leased("bob"), 5.0)
    assert [message.user_id for message in first.sent] == ["alice", "bob"]


async def test_a_probe_of_the_first_keeps_nobody_from_the_next(
    world: World, first: ScriptedProvider, second: ScriptedProvider
) -> None:
    first.answers.append(Receipt(E.MISCONFIGURED))
    dispatcher = await world.opened(first, second)
    await dispatcher.attempt(await world.leased("alice"), 5.0)
    await world.advance(5)
    first.hold()
    dispatcher.submit(await world.leased("probe"))
    await world.sent(first, 2)

    dispatcher.submit(await world.leased("bob"))

    await world.sent(second, 2)
    assert [message.user_id for message in second.sent] == ["alice", "bob"]
    first.let_go()


async def test_a_target_goes_to_the_provider_that_takes_it(world: World) -> None:
    android = ScriptedProvider(Channel.MOBILE_PUSH, "fcm", takes="android:")
    ios = ScriptedProvider(Channel.MOBILE_PUSH, "apns", takes="ios:")
    android.answers.append(Receipt(E.TRANSIENT))
    dispatcher = await world.opened(android, ios)
    jobs = await world.leased(channel=Channel.MOBILE_PUSH, targets=["android:1", "ios:2"])
    result = await dispatcher.attempt(jobs, 5.0)
    assert [message.target for message in android.sent] == ["android:1"]
    assert [message.target for message in ios.sent] == ["ios:2"]
    assert [result[job.delivery.id].state for job in jobs] == [S.RETRY, S.DELIVERED]


@pytest.mark.parametrize("database", ["memory"], indirect=True)
class TestValidate:
    async def test_the_provider_that_takes_an_address_judges_it(self, world: World) -> None:
        android = ScriptedProvider(Channel.MOBILE_PUSH, "fcm", takes="android:", wrong="is too short")
        ios = ScriptedProvider(Channel.MOBILE_PUSH, "apns", takes="ios:")
        dispatcher = world.dispatcher(android, ios)
        assert dispatcher.validate(Target(Channel.MOBILE_PUSH, "android:1")) == "is too short"
        assert dispatcher.validate(Target(Channel.MOBILE_PUSH, "ios:1")) is None

    async def test_an_address_nobody_takes_is_wrong(self, world: World) -> None:
        dispatcher = world.dispatcher(ScriptedProvider(Channel.MOBILE_PUSH, takes="android:"))
        wrong = dispatcher.validate(Target(Channel.MOBILE_PUSH, "desktop:1"))
        assert wrong == "is not an address that a provider of mobile_push takes"

    async def test_of_a_channel_without_a_provider(self, world: World) -> None:
        assert world.dispatcher().validate(Target(Channel.SMS, "+1")) is not None

    async def test_a_timeout_must_fit_the_lease(self, world: World) -> None:
        with pytest.raises(ValueError, match="scripted: its timeout of 11 s is over half the lease of 20"):
            world.dispatcher(ScriptedProvider(timeout_s=11))

    async def test_names_of_a_channel_differ(self, world: World) -> None:
        with pytest.raises(ValueError, match="same name"):
            world.dispatcher(ScriptedProvider(), ScriptedProvider())
