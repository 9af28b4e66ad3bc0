"""A call is one plan where EntDB takes it in one."""

from __future__ import annotations

from typing import Any

import pytest

from notify_grpc.domain.deliveries import Target
from notify_grpc.domain.models import Channel, Content, UserKey
from notify_grpc.ports.store import Notice
from notify_grpc.stores.entdb import EntDBStore, sizes
from notify_grpc.stores.entdb.connection import Connection
from tests.conformance.store.making import ALICE, EMAIL, PUSH, notice, whole_inbox
from tests.entdb.fake import FakeEntDB

EMOJI = "\U0001f600"
LONG = [
    UserKey("acme", "alice"),
    UserKey("t" * 256, "u" * 256),
    UserKey(EMOJI * 250, EMOJI * 256),
]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def plans_for(store: EntDBStore, fake: FakeEntDB, call: Notice) -> int:
    """How many plans EntDB received for a call."""
    before = fake.plans
    await store.create(call)
    return fake.plans - before


async def test_a_thousand_recipients_are_one_plan(store: EntDBStore, fake: FakeEntDB) -> None:
    users = [ALICE._replace(user_id=f"user-{number}") for number in range(2_500)]
    assert await plans_for(store, fake, notice(*users[:1_000], key="a", targets=[EMAIL])) == 1
    assert await plans_for(store, fake, notice(*users, key="b")) == 3


async def test_rows_that_do_not_fit_one_plan_take_several(store: EntDBStore, fake: FakeEntDB) -> None:
    users = [UserKey("acme", f"{EMOJI * 250}{number}") for number in range(600)]
    assert await plans_for(store, fake, notice(*users, content=Content("", "x" * 1_000_000))) > 1
    assert len(await whole_inbox(store, users[-1])) == 1


@pytest.mark.parametrize("user", LONG, ids=["short", "long", "wide"])
@pytest.mark.parametrize("targets", [(), (EMAIL,), (PUSH, Target(Channel.WEB_PUSH, "https://push.test/" + "x" * 900))])
async def test_the_estimate_is_a_little_more_than_the_plan_takes(
    store: EntDBStore, monkeypatch: pytest.MonkeyPatch, user: UserKey, targets: tuple[Target, ...]
) -> None:
    taken: list[int] = []
    commit = Connection.commit

    async def weighed(connection: Connection, operations: list[Any], **more: Any) -> None:
        taken.append(sum(operation.ByteSize() + 4 for operation in operations))
        await commit(connection, operations, **more)

    content = Content("Hello", "é" * 2_000, "ref", "type", {"key": "value"})
    call = notice(
        user, key="k" * 200, content=content, targets=targets, traceparent=TRACE, lease_owner="host:1234:abcdef"
    )
    await store.ping()
    monkeypatch.setattr(Connection, "commit", weighed)
    await store.create(call)
    [size] = taken
    assert size < sizes.size_of(call) < 1.2 * size + 1_000 * (1 + len(targets))
