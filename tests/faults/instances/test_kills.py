"""FAULTS 1, 2, 5, 17: a process dies at the worst moment; what was answered OK is there, once, and a retry is safe."""

from __future__ import annotations

import asyncio
import signal

import grpc
import pytest

from notify_grpc.domain.models import UserKey
from notify_grpc.stores.postgres import PostgresStore
from tests.faults.instances.conftest import Settings, on_postgres, whole
from tests.support.service_process import Stream, instance

PEOPLE = [f"u{i:04}" for i in range(2_000)]


async def test_killed_before_the_commit_nothing_is_stored_and_the_retry_creates(
    own_postgres_dsn: str, store: PostgresStore
) -> None:
    """Case 1."""
    async with instance(die="before_create", **on_postgres(own_postgres_dsn)) as dying:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await dying.notify("n1")
        assert await dying.ended() == -signal.SIGKILL
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert await whole(store) == []

    async with instance(**on_postgres(own_postgres_dsn)) as next_one:
        response = await next_one.notify("n1")

    assert (response.pending, response.duplicates) == (1, 0)
    assert await whole(store) == ["n1"]


async def test_killed_after_the_commit_the_retry_is_a_duplicate(own_postgres_dsn: str, store: PostgresStore) -> None:
    """Case 2; that it is sent once is shown with the deliveries."""
    async with instance(die="after_create", **on_postgres(own_postgres_dsn)) as dying:
        with pytest.raises(grpc.aio.AioRpcError):
            await dying.notify("n1")
        await dying.ended()

    async with instance(**on_postgres(own_postgres_dsn)) as next_one:
        response = await next_one.notify("n1")

    assert response.duplicates == 1
    assert await whole(store) == ["n1"]


async def test_killed_in_the_middle_of_2000_recipients_the_retry_completes(
    own_postgres_dsn: str, store: PostgresStore
) -> None:
    """Case 5."""
    async with instance(die="after_chunk", **on_postgres(own_postgres_dsn)) as dying:
        with pytest.raises(grpc.aio.AioRpcError):
            await dying.notify("n1", PEOPLE)
        await dying.ended()
    before = await store.get_inboxes([UserKey("acme", u) for u in PEOPLE])
    assert 0 < len(before) < len(PEOPLE)

    async with instance(**on_postgres(own_postgres_dsn)) as next_one:
        response = await next_one.notify("n1", PEOPLE)

    assert response.duplicates == len(before)
    assert response.pending == len(PEOPLE) - len(before)
    assert [await whole(store, u) for u in PEOPLE[::97]] == [["n1"]] * len(PEOPLE[::97])


async def test_killed_in_the_middle_of_a_stream_the_client_resumes_on_another_without_a_hole(
    shared: Settings,
) -> None:
    """Case 17: kill -9 of A while B takes what producers send; resume on B."""
    async with instance(**shared) as a, instance(**shared) as b:
        stream = a.listen()
        await stream.caught_up()
        sending = asyncio.create_task(_send(b, 60))
        seen = await stream.keys(20)
        a.signal(signal.SIGKILL)
        seen += await _what_still_comes(stream)
        resumed = b.listen(resume_after=stream.cursor)
        while len(set(seen)) < 60:
            event = await resumed.event()
            if event.WhichOneof("event") == "notification":
                seen.append(event.notification.notification.notification_id)
        await sending

    assert sorted(set(seen)) == sorted(f"n{i}" for i in range(60))
    assert len(seen) == len(set(seen))


async def _what_still_comes(stream: Stream) -> list[str]:
    """What was under way when the far side died."""
    keys: list[str] = []
    try:
        while True:
            keys += await stream.keys(1)
    except grpc.aio.AioRpcError:
        return keys


async def _send(to: object, count: int) -> None:
    for i in range(count):
        await to.notify(f"n{i}")  # type: ignore[attr-defined]  # an Instance


async def test_what_a_producer_sends_to_one_instance_reaches_a_stream_on_another(shared: Settings) -> None:
    async with instance(**shared) as a, instance(**shared) as b:
        stream = a.listen()
        await stream.caught_up()

        await b.notify("n1")

        assert await stream.keys(1) == ["n1"]
