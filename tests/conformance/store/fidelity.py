"""What goes in comes out: every character, every bit."""

from __future__ import annotations

from random import Random

import pytest

from notify_grpc.domain.deliveries import Target, device_target
from notify_grpc.domain.models import Channel, Content, Device, DeviceType, UserKey
from notify_grpc.ports.store import Store
from tests.conformance.store.making import ALICE, T0, notice, send, whole_inbox

STRINGS = [
    "",
    " leading and trailing ",
    "\t\r\n line ends \n\r\n",
    "🦊 👩‍👩‍👧 🇺🇳 Z͑ͫ̓a̴l̨g͜o",
    "é and e\u0301 are two",
    "'; DROP TABLE notify_notifications; --",
    'quote " back \\ slash \\x41 \\u0041 %s %b $1 ? :name {x} $$',
    "null NULL None nan true 0 1e5 2026-01-01",
    "\x01\x1f\x7f\x80\ufeff\u2028\ufffd\ufffe\U0010ffff",
    "<b>&amp;</b>",
    "x" * 10_000,
]


def wide(length: int, seed: int, first: int = 0x10000, last: int = 0x10FFFD) -> str:
    """Characters of four bytes that no compression shortens."""
    random = Random(seed)
    return "".join(chr(random.randint(first, last)) for _ in range(length))


def wide_id(seed: int) -> str:
    """256 characters of three bytes: the largest id that is let in."""
    return wide(256, seed, 0x4E00, 0x9FFF)


class Fidelity:
    @pytest.mark.parametrize("text", STRINGS, ids=range(len(STRINGS)))
    async def test_strings_come_back_as_they_were(self, store: Store, text: str) -> None:
        content = Content(text, text, text, text, {f"key {text[:200]}": text, "": text})
        created = (await store.create(notice(ALICE, content=content)))[0]
        assert (await store.get_notification(ALICE, created.id)).content == content
        [repeat] = await store.create(notice(ALICE, content=content))
        assert not repeat.content_mismatch

    async def test_ids_and_addresses_come_back_as_they_were(self, store: Store) -> None:
        for text in STRINGS[1:-1]:
            user = UserKey(text, text)
            created = await send(store, user, text, Target(Channel.EMAIL, text))
            assert [row.notification_id for row in await whole_inbox(store, user)] == [text]
            delivery = (await store.get_delivery(created.deliveries[0].id))[0]
            assert (delivery.tenant_id, delivery.user_id, delivery.notification_id, delivery.target) == (text,) * 4
            await store.upsert_device(user, Device(DeviceType.IOS, text, text), T0)
            [device] = (await store.list_devices(text, [text]))[text]
            assert (device.device_id, device.token) == (text, text)

    @pytest.mark.parametrize("number", [1, 2**31, 2**53 + 1, 2**63 - 1])
    async def test_times_are_whole_64_bit_numbers(self, store: Store, number: int) -> None:
        [created] = await store.create(notice(ALICE, at_ms=number, expires_at_ms=number))
        assert await store.mark_delivered([(ALICE, created.id)], number) == 1
        row = (await store.mark_read(ALICE, created.id, number)).notification
        again = await store.get_notification(ALICE, created.id)
        for found in (row, again):
            times = (found.created_at_ms, found.delivered_at_ms, found.ack_at_ms, found.read_at_ms, found.expires_at_ms)
            assert times == (number,) * 5

    @pytest.mark.parametrize("size", [64 * 1024, 512 * 1024])
    async def test_large_bodies(self, store: Store, size: int) -> None:
        body = wide(size // 4, seed=size)
        assert len(body.encode()) == size
        created = (await store.create(notice(ALICE, content=Content(body=body))))[0]
        assert (await store.get_notification(ALICE, created.id)).content.body == body
        assert [row.content.body for row in await whole_inbox(store, ALICE)] == [body]
        [repeat] = await store.create(notice(ALICE, content=Content(body=body[:-1] + "x")))
        assert repeat.content_mismatch

    async def test_much_data(self, store: Store) -> None:
        data = {wide(200, seed=number): wide(50, seed=-number) for number in range(1, 65)}
        created = (await store.create(notice(ALICE, content=Content(data=data))))[0]
        assert (await store.get_notification(ALICE, created.id)).content.data == data

    async def test_ids_of_256_wide_characters(self, store: Store) -> None:
        user, key = UserKey(wide_id(seed=1), wide_id(seed=2)), wide_id(seed=3)
        near = [UserKey(user.tenant_id, user.user_id[:-1] + "x"), UserKey(user.tenant_id[:-1] + "x", user.user_id)]
        created = await send(store, user, key)
        assert not any([(await send(store, other, key)).duplicate for other in near])
        assert not (await send(store, user, key[:-1] + "x")).duplicate
        assert (await send(store, user, key)).id == created.id
        assert [row.user for row in await store.list_recipients(user.tenant_id, key, limit=10)] == sorted(
            [user, near[0]]
        )
        assert (await store.get_notification(user, created.id)).notification_id == key

    async def test_device_ids_and_tokens_as_long_as_allowed(self, store: Store) -> None:
        device = Device(DeviceType.BROWSER, wide(256, seed=4), wide(4096, seed=5))
        await store.upsert_device(ALICE, device, T0)
        await store.upsert_device(ALICE, device, T0 + 1)
        created = await send(store, ALICE, "n-1", device_target(device))
        assert (await store.get_delivery(created.deliveries[0].id))[0].target == device.token
        [found] = (await store.list_devices("acme", ["alice"]))["alice"]
        assert (found.device_id, found.token) == (device.device_id, device.token)
        assert await store.remove_token(ALICE, device.token)
