"""The buses and their presence pass the suites; what only a real server shows is here too."""

from __future__ import annotations

import pytest

from notify_grpc.buses.postgres import PostgresBus, PostgresPresence
from notify_grpc.buses.redis import RedisBus, RedisPresence
from notify_grpc.core.local_bus import LocalBus, LocalHub
from notify_grpc.domain.errors import Unavailable
from notify_grpc.ports.bus import Bus, Wake
from notify_grpc.stores.postgres import migrate
from tests.conformance.bus import BusSuite, Heard, PresenceSuite
from tests.conformance.bus.presence import TTL_S, MakePresence
from tests.conformance.bus.suite import ADA, MakeBus
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer
from tests.support.waiting import eventually


class TestLocalBus(BusSuite):
    @pytest.fixture
    def make_bus(self) -> MakeBus:
        hub = LocalHub()
        return lambda _: LocalBus(hub)

    async def test_alone_it_is_not_shared(self) -> None:
        bus, heard = LocalBus(), Heard()
        await bus.open(heard)
        bus.publish_wakes([Wake(ADA, 7, 1)])
        assert not bus.shared
        assert heard.wakes == []


class TestPostgresBus(BusSuite):
    @pytest.fixture
    def make_bus(self, postgres_dsn: str) -> MakeBus:
        return lambda name: PostgresBus(postgres_dsn, name)


class TestRedisBus(BusSuite):
    @pytest.fixture
    def make_bus(self, redis_url: str) -> MakeBus:
        return lambda name: RedisBus(redis_url, name)


class TestPostgresPresence(PresenceSuite):
    @pytest.fixture
    async def make_presence(self, postgres_dsn: str) -> MakePresence:
        await migrate(postgres_dsn)
        return lambda name: PostgresPresence(postgres_dsn, name, ttl_s=TTL_S)


class TestRedisPresence(PresenceSuite):
    @pytest.fixture
    def make_presence(self, redis_url: str) -> MakePresence:
        return lambda name: RedisPresence(redis_url, name, ttl_s=TTL_S)


async def _survives(make: MakeBus, server: PostgresServer | RedisServer) -> None:
    """After the server's death and return both sides are told of the gap, and wakes flow again."""
    sender, receiver, heard = make("a"), make("b"), Heard()
    await sender.open(Heard())
    await receiver.open(heard)
    try:
        server.kill()
        await eventually(lambda: not receiver.connected)
        sender.publish_wakes([Wake(ADA, 7, 1)])
        gaps = heard.gaps
        server.start()
        await eventually(lambda: receiver.connected and heard.gaps > gaps, timeout=20)

        async def heard_again() -> bool:
            sender.publish_wakes([Wake(ADA, 7, 2)])
            return Wake(ADA, 7, 2) in heard.wakes

        await eventually(heard_again, timeout=20)
        assert receiver.reconnects >= 1
    finally:
        await sender.close()
        await receiver.close()


async def test_postgres_bus_survives_the_death_of_its_server(
    postgres_server: PostgresServer, own_postgres_dsn: str
) -> None:
    await _survives(lambda name: PostgresBus(own_postgres_dsn, name), postgres_server)


async def test_redis_bus_survives_the_death_of_its_server(redis_server: RedisServer) -> None:
    await _survives(lambda name: RedisBus(redis_server.url, name), redis_server)


@pytest.mark.parametrize("make", [PostgresBus, RedisBus])
async def test_a_bus_that_is_down_fails_nobody(make: type[Bus], caplog: pytest.LogCaptureFixture) -> None:
    scheme = "postgresql" if make is PostgresBus else "redis"
    bus = make(f"{scheme}://127.0.0.1:{free_port()}/0", "a")  # type: ignore[call-arg]  # the drivers' constructors
    await bus.open(Heard())

    for seq in range(3):
        bus.publish_wakes([Wake(ADA, 7, seq)])

    await eventually(lambda: "bus is down" in caplog.text)
    await bus.close()
    assert caplog.text.count("bus is down") == 1
    assert not bus.connected


async def test_presence_that_is_down_says_so_and_opens_all_the_same() -> None:
    presence = RedisPresence(f"redis://127.0.0.1:{free_port()}/0", "a")
    await presence.open(list)
    with pytest.raises(Unavailable):
        await presence.find([ADA])
    await presence.close()
