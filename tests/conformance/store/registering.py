"""Devices: one per user, type and id; a token has one owner, and pushes follow it."""

from __future__ import annotations

from notify_grpc.domain.deliveries import DeliveryState, Target, device_target
from notify_grpc.domain.models import EXTERNAL_CHANNELS, Channel, Device, DeviceType, UserKey
from notify_grpc.ports.store import Store
from tests.conformance.store.making import ALICE, BOB, NAMESAKE, T0, notice, send

PHONE = Device(DeviceType.ANDROID, "phone", "token-1")


async def devices_of(store: Store, user: UserKey) -> list[tuple[DeviceType, str, str]]:
    found = await store.list_devices(user.tenant_id, [user.user_id])
    return [(device.device_type, device.device_id, device.token) for device in found.get(user.user_id, ())]


class Registering:
    async def test_a_registered_device_reads_back_with_its_time(self, store: Store) -> None:
        await store.upsert_device(ALICE, PHONE, T0)
        found = await store.list_devices("acme", ["alice"])
        assert {user: list(devices) for user, devices in found.items()} == {
            "alice": [Device(DeviceType.ANDROID, "phone", "token-1", T0)]
        }

    async def test_a_new_token_replaces_the_old_one(self, store: Store) -> None:
        await store.upsert_device(ALICE, PHONE, T0)
        await store.upsert_device(ALICE, Device(DeviceType.ANDROID, "phone", "token-2"), T0 + 1)
        [device] = (await store.list_devices("acme", ["alice"]))["alice"]
        assert (device.token, device.updated_at_ms) == ("token-2", T0 + 1)
        assert not await store.remove_token(ALICE, "token-1")

    async def test_registering_the_same_again_moves_only_the_time(self, store: Store) -> None:
        for at_ms in (T0, T0 + 1):
            await store.upsert_device(ALICE, PHONE, at_ms)
        [device] = (await store.list_devices("acme", ["alice"]))["alice"]
        assert device.updated_at_ms == T0 + 1

    async def test_a_user_has_several_devices_in_order_of_type_and_id(self, store: Store) -> None:
        wanted = [
            (DeviceType.ANDROID, "", "t-4"),
            (DeviceType.ANDROID, "b", "t-1"),
            (DeviceType.BROWSER, "a", "t-2"),
            (DeviceType.IOS, "a", "t-3"),
        ]
        for device_type, device_id, token in reversed(wanted):
            await store.upsert_device(ALICE, Device(device_type, device_id, token), T0)
        assert await devices_of(store, ALICE) == wanted

    async def test_types_ids_and_tokens_are_case_sensitive(self, store: Store) -> None:
        for device_id, token in (("phone", "token"), ("Phone", "Token"), ("PHONE", "TOKEN")):
            await store.upsert_device(ALICE, Device(DeviceType.IOS, device_id, token), T0)
        assert not await store.remove_device(ALICE, DeviceType.IOS, "pHONE")
        assert await store.remove_device(ALICE, DeviceType.IOS, "Phone")
        assert await store.remove_token(ALICE, "TOKEN")
        assert await devices_of(store, ALICE) == [(DeviceType.IOS, "phone", "token")]

    async def test_types_do_not_mix(self, store: Store) -> None:
        for device_type in (DeviceType.BROWSER, DeviceType.IOS, DeviceType.UNSPECIFIED):
            await store.upsert_device(ALICE, Device(device_type, "same", f"token-{device_type}"), T0)
        assert await store.remove_device(ALICE, DeviceType.IOS, "same")
        left = [device_type for device_type, _, _ in await devices_of(store, ALICE)]
        assert left == [DeviceType.BROWSER, DeviceType.UNSPECIFIED]

    async def test_removing_says_whether_there_was_one(self, store: Store) -> None:
        await store.upsert_device(ALICE, PHONE, T0)
        assert await store.remove_device(ALICE, DeviceType.ANDROID, "phone")
        assert not await store.remove_device(ALICE, DeviceType.ANDROID, "phone")
        await store.upsert_device(ALICE, PHONE, T0)
        assert await store.remove_token(ALICE, "token-1")
        assert not await store.remove_token(ALICE, "token-1")
        assert await store.list_devices("acme", ["alice"]) == {}

    async def test_only_the_owner_removes_a_device(self, store: Store) -> None:
        await store.upsert_device(ALICE, PHONE, T0)
        for stranger in (BOB, NAMESAKE):
            assert not await store.remove_device(stranger, DeviceType.ANDROID, "phone")
            assert not await store.remove_token(stranger, "token-1")
        assert len(await devices_of(store, ALICE)) == 1

    async def test_devices_of_many_users_and_of_none(self, store: Store) -> None:
        await store.upsert_device(ALICE, PHONE, T0)
        await store.upsert_device(BOB, Device(DeviceType.IOS, "", "token-2"), T0)
        assert set(await store.list_devices("acme", ["alice", "bob", "nobody"])) == {"alice", "bob"}
        assert await store.list_devices("umbrella", ["alice", "bob"]) == {}
        assert await store.list_devices("acme", []) == {}

    async def test_a_token_moves_to_the_user_who_registers_it_last(self, store: Store) -> None:
        await store.upsert_device(ALICE, PHONE, T0)
        await store.upsert_device(BOB, Device(DeviceType.ANDROID, "mine now", "token-1"), T0 + 1)
        assert await devices_of(store, ALICE) == []
        assert await devices_of(store, BOB) == [(DeviceType.ANDROID, "mine now", "token-1")]

    async def test_a_token_of_another_type_or_tenant_stays(self, store: Store) -> None:
        await store.upsert_device(ALICE, PHONE, T0)
        await store.upsert_device(NAMESAKE, PHONE, T0)
        await store.upsert_device(BOB, Device(DeviceType.IOS, "phone", "token-1"), T0)
        assert len(await devices_of(store, ALICE)) == len(await devices_of(store, NAMESAKE)) == 1

    async def test_a_takeover_cancels_open_pushes_to_the_token_and_nothing_else(self, store: Store) -> None:
        mine, other = device_target(PHONE), Target(Channel.MOBILE_PUSH, "android:token-9")
        await store.upsert_device(ALICE, PHONE, T0)
        pending, kept, mail = (
            await send(store, ALICE, "n-1", mine, other, Target(Channel.EMAIL, mine.address))
        ).deliveries
        [[leased]] = [
            created.deliveries
            for created in await store.create(notice(ALICE, key="n-2", targets=[mine], lease_owner="w-1"))
        ]
        [bobs] = (await send(store, BOB, "n-1", mine)).deliveries
        await store.upsert_device(BOB, PHONE, T0 + 1)
        states = {
            delivery.id: (await store.get_delivery(delivery.id))[0].state
            for delivery in (pending, kept, mail, leased, bobs)
        }
        assert states == {
            pending.id: DeliveryState.CANCELLED,
            kept.id: DeliveryState.PENDING,
            mail.id: DeliveryState.PENDING,
            leased.id: DeliveryState.CANCELLED,
            bobs.id: DeliveryState.PENDING,
        }
        jobs = await store.claim("w-2", limit=10, lease_s=30, channels=EXTERNAL_CHANNELS, per_tenant=10)
        assert {job.delivery.id for job in jobs} == {kept.id, mail.id, bobs.id}

    async def test_a_takeover_leaves_what_is_being_sent_and_what_is_done(self, store: Store) -> None:
        await store.upsert_device(ALICE, PHONE, T0)
        await send(store, ALICE, "n-1", device_target(PHONE))
        [job] = await store.claim("w-1", limit=10, lease_s=30, channels=EXTERNAL_CHANNELS, per_tenant=10)
        assert await store.start_sending([job.lease]) == {job.delivery.id}
        await store.upsert_device(BOB, PHONE, T0 + 1)
        assert (await store.get_delivery(job.delivery.id))[0].state is DeliveryState.SENDING

    async def test_a_new_token_of_ones_own_cancels_nothing(self, store: Store) -> None:
        await store.upsert_device(ALICE, PHONE, T0)
        [delivery] = (await send(store, ALICE, "n-1", device_target(PHONE))).deliveries
        await store.upsert_device(ALICE, Device(DeviceType.ANDROID, "phone", "token-2"), T0 + 1)
        assert (await store.get_delivery(delivery.id))[0].state is DeliveryState.PENDING
