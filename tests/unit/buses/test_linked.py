"""What a bus gathers while it cannot send is bounded, and one wake per user says it all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from notify_grpc.buses.linked import LinkedBus
from notify_grpc.buses.wire import Batch, decode, newest
from notify_grpc.domain.models import UserKey
from notify_grpc.ports.bus import DataChange, Wake
from tests.conformance.bus import Heard
from tests.support.waiting import eventually

ADA, BOB = UserKey("acme", "ada"), UserKey("acme", "bob")


class Transport:
    """Sends once ``open`` is set, and keeps what it sent."""

    name = "test"
    max_bytes = 1 << 20

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.sending = asyncio.Event()
        self.sent: list[Batch] = []

    async def listen(self, up: Callable[[], None], received: Callable[[str], None]) -> None:
        up()
        await asyncio.Event().wait()

    async def send(self, payloads: Sequence[str]) -> None:
        self.sending.set()
        await self.open.wait()
        self.sent += [decode(payload)[1] for payload in payloads]

    async def close(self) -> None: ...


@pytest.fixture
async def transport() -> Transport:
    return Transport()


@pytest.fixture
async def bus(transport: Transport) -> AsyncIterator[LinkedBus]:
    bus = LinkedBus(transport, "a")
    await bus.open(Heard())
    yield bus
    transport.open.set()
    await bus.close()


async def test_data_changes_that_wait_are_bounded_by_their_users(bus: LinkedBus, transport: Transport) -> None:
    users = tuple(UserKey("acme", f"user-{n}") for n in range(10_000))
    bus.publish_wakes([Wake(ADA, 7, 1)])
    await transport.sending.wait()

    for n in range(5):
        bus.publish_data_change(DataChange(users, f"k{n}", "", ""))
    transport.open.set()

    def keys() -> list[str]:
        return [change.idempotency_key for batch in transport.sent for change in batch.changes]

    await eventually(lambda: len(keys()) == 20_000)
    assert set(keys()) == {"k0", "k1"}
    bus.publish_data_change(DataChange((ADA,), "later", "", ""))
    await eventually(lambda: keys()[-1] == "later")


def test_the_furthest_wake_of_a_user_is_the_one_that_counts() -> None:
    wakes = [Wake(ADA, 7, 6), Wake(BOB, 1, 1), Wake(ADA, 7, 5), Wake(BOB, 1, 2)]

    assert newest(wakes) == [Wake(ADA, 7, 6), Wake(BOB, 1, 2)]


def test_a_wake_of_a_later_life_of_the_inbox_takes_the_place_of_an_earlier_ones() -> None:
    assert newest([Wake(ADA, 7, 900), Wake(ADA, 0, 0), Wake(ADA, 8, 1)]) == [Wake(ADA, 8, 1)]


@pytest.mark.parametrize("foreign", ["", "{}", "[]", "[2, 1]", '[1, "a", ["w", "t", "u", 1, Infinity]]', "[" * 100_000])
def test_what_is_not_a_payload_of_ours_is_told_apart(foreign: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decode(foreign)
