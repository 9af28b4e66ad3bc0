"""Wake-ups between instances: delivered to the others, never echoed, lost without harm."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack

import pytest

from notify_grpc.domain.models import UserKey
from notify_grpc.ports.bus import Bus, DataChange, SessionSignal, Wake
from tests.support.waiting import eventually

ADA, BOB = UserKey("acme", "ada"), UserKey("acme", "bob")
MakeBus = Callable[[str], Bus]


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.wakes: list[Wake] = []
        self.changes: list[DataChange] = []
        self.signals: list[SessionSignal] = []
        self.gaps = 0

    def on_wakes(self, wakes: Sequence[Wake]) -> None:
        self.wakes += wakes

    def on_data_change(self, change: DataChange) -> None:
        self.changes.append(change)

    def on_signal(self, signal: SessionSignal) -> None:
        self.signals.append(signal)

    def on_gap(self) -> None:
        self.gaps += 1


class Instances:
    """Buses by the name of their instance, with what each heard."""

    def __init__(self, make: MakeBus, stack: AsyncExitStack) -> None:
        self._make = make
        self._stack = stack

    async def open(self, name: str) -> tuple[Bus, Heard]:
        bus, heard = self._make(name), Heard()
        await bus.open(heard)
        self._stack.push_async_callback(bus.close)
        return bus, heard


class BusSuite:
    """Needs a fixture ``make_bus``: a bus of the named instance on the one medium of the test."""

    @pytest.fixture
    async def instances(self, make_bus: MakeBus) -> AsyncIterator[Instances]:
        async with AsyncExitStack() as stack:
            yield Instances(make_bus, stack)

    async def test_a_wake_reaches_every_other_instance_and_not_its_sender(self, instances: Instances) -> None:
        a, heard_a = await instances.open("a")
        b, heard_b = await instances.open("b")
        _, heard_c = await instances.open("c")
        wake, answer = Wake(ADA, 7, 1), Wake(BOB, 8, 2)

        a.publish_wakes([wake])
        await eventually(lambda: heard_b.wakes == heard_c.wakes == [wake])
        b.publish_wakes([answer])
        await eventually(lambda: heard_a.wakes == [answer])

        assert heard_b.wakes == [wake]

    async def test_the_last_wake_of_a_user_always_arrives(self, instances: Instances) -> None:
        a, _ = await instances.open("a")
        _, heard = await instances.open("b")

        for seq in range(1, 501):
            a.publish_wakes([Wake(ADA, 7, seq)])

        await eventually(lambda: Wake(ADA, 7, 500) in heard.wakes)
        assert [w.seq for w in heard.wakes] == sorted(w.seq for w in heard.wakes)

    async def test_a_thousand_users_at_once_all_arrive(self, instances: Instances) -> None:
        a, _ = await instances.open("a")
        _, heard = await instances.open("b")
        wakes = [Wake(UserKey("tenant-with-a-long-name", f"user-{i}"), 2**47, i) for i in range(1_000)]

        a.publish_wakes(wakes)

        await eventually(lambda: len(heard.wakes) == 1_000)
        assert set(heard.wakes) == set(wakes)

    async def test_a_data_change_and_a_signal_arrive_whole(self, instances: Instances) -> None:
        a, _ = await instances.open("a")
        _, heard = await instances.open("b")
        odd = UserKey("ten\x1fant", 'quo"te\\ 日本 🙂')
        change = DataChange((odd, BOB), "key", "ref/1", "order")
        acked = SessionSignal(odd, "session", acked_key="key")
        refreshed = SessionSignal(ADA, "session", expires_at_ms=2**53 + 1)

        a.publish_data_change(change)
        a.publish_signal(acked)
        a.publish_signal(refreshed)

        await eventually(lambda: len(heard.signals) == 2 and sum(len(c.users) for c in heard.changes) == 2)
        assert heard.signals == [acked, refreshed]
        assert {u for c in heard.changes for u in c.users} == {odd, BOB}
        assert {(c.idempotency_key, c.subject_ref, c.subject_type) for c in heard.changes} == {
            ("key", "ref/1", "order")
        }

    async def test_with_others_listening_it_is_shared_and_connected(self, instances: Instances) -> None:
        a, _ = await instances.open("a")
        await instances.open("b")

        assert a.shared
        assert a.connected

    async def test_closing_is_idempotent_and_harmless_before_opening(self, make_bus: MakeBus) -> None:
        bus = make_bus("a")
        await bus.close()
        await bus.open(Heard())
        await bus.close()
        await bus.close()
        bus.publish_wakes([Wake(ADA, 7, 1)])

    async def test_what_was_published_before_closing_is_sent(self, make_bus: MakeBus, instances: Instances) -> None:
        _, heard = await instances.open("b")
        leaving = make_bus("a")
        await leaving.open(Heard())

        leaving.publish_wakes([Wake(ADA, 7, 1)])
        await leaving.close()

        await eventually(lambda: heard.wakes == [Wake(ADA, 7, 1)])
