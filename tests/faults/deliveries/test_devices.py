"""Faults 24 and 33: devices that are gone, and tokens that change hands."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from notify_grpc.channels.fcm import FcmProvider, FcmSettings
from notify_grpc.domain.deliveries import DeliveryState, device_target
from notify_grpc.domain.models import Channel, Device, DeviceType, UserKey
from notify_grpc.ports.store import Store
from tests.faults.deliveries.test_providers import _database
from tests.support.dispatching import World
from tests.support.keys import pem_of
from tests.support.scripted_http import Reply, ScriptedServer
from tests.support.scripted_provider import ScriptedProvider
from tests.support.waiting import eventually

S = DeliveryState
ALICE, BOB = UserKey("acme", "alice"), UserKey("acme", "bob")
UNREGISTERED = {
    "error": {
        "code": 404,
        "status": "NOT_FOUND",
        "details": [
            {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "UNREGISTERED"},
        ],
    }
}
SENT = Reply(200, b'{"name": "projects/shop/messages/1"}')


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        server.route("/token", Reply(200, b'{"access_token": "t", "expires_in": 3600}'))
        yield server


@pytest.fixture
async def world(where: str) -> AsyncIterator[World]:
    world = World(_database(where))
    await world.store.open()
    yield world
    await world.close()


@pytest.fixture
def fcm(server: ScriptedServer) -> FcmProvider:
    account = {
        "type": "service_account",
        "project_id": "shop",
        "private_key_id": "k1",
        "private_key": pem_of(rsa.generate_private_key(65537, 2048)),
        "client_email": "push@shop.iam.example",
        "token_uri": f"{server.url}/token",
    }
    return FcmProvider(FcmSettings(json.dumps(account), base_url=server.url, timeout_s=5.0))


async def register(store: Store, user: UserKey, *tokens: str) -> list[str]:
    """Phones of a user; their targets."""
    devices = [Device(DeviceType.ANDROID, f"phone-{token}", token) for token in tokens]
    for device in devices:
        await store.upsert_device(user, device, 1)
    return [device_target(device).address for device in devices]


async def tokens_of(world: World, user: UserKey) -> list[str]:
    found = await world.store.list_devices(user.tenant_id, [user.user_id])
    devices: Sequence[Device] = found.get(user.user_id, ())
    return [device.token for device in devices]


async def test_of_three_devices_the_one_that_is_gone_is_forgotten(
    world: World, server: ScriptedServer, fcm: FcmProvider
) -> None:
    targets = await register(world.store.as_store(), ALICE, "one", "two", "three")
    server.script(SENT, Reply(404, json.dumps(UNREGISTERED).encode()), SENT)
    dispatcher = await world.opened(fcm)
    jobs = await world.leased("alice", channel=Channel.MOBILE_PUSH, targets=targets)
    result = await dispatcher.attempt(jobs, 30.0)
    assert sorted(attempted.state for attempted in result.values()) == [S.DELIVERED, S.DELIVERED, S.FAILED]
    gone = json.loads(server.sends[1].body)["message"]["token"]

    async def forgotten() -> bool:
        return sorted(await tokens_of(world, ALICE)) == sorted({"one", "two", "three"} - {gone})

    await eventually(forgotten)
    [failed] = [job for job in jobs if result[job.delivery.id].state is S.FAILED]
    assert failed.delivery.target == f"android:{gone}"


async def test_a_token_that_changes_hands_takes_the_old_users_pushes_with_it(world: World) -> None:
    provider = ScriptedProvider(Channel.MOBILE_PUSH)
    [shared, own] = await register(world.store.as_store(), ALICE, "shared", "own")
    to_shared, to_own = await world.notify("alice", channel=Channel.MOBILE_PUSH, targets=[shared, own])
    [leased] = await world.leased("alice", channel=Channel.MOBILE_PUSH, targets=[shared])
    await register(world.store.as_store(), BOB, "shared")
    dispatcher = await world.opened(provider)
    assert await dispatcher.attempt([leased], 5.0) == {}
    await world.until(S.DELIVERED, to_own)
    assert await world.states([to_shared, leased]) == [S.CANCELLED, S.CANCELLED]
    assert [message.target for message in provider.sent] == [own]
    assert (await tokens_of(world, ALICE), await tokens_of(world, BOB)) == (["own"], ["shared"])
    [to_bob] = await world.leased("bob", channel=Channel.MOBILE_PUSH, targets=[shared])
    assert (await dispatcher.attempt([to_bob], 5.0))[to_bob.delivery.id].state is S.DELIVERED
