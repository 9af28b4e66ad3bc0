"""What the driver relies on, asked of the fake and, where NOTIFY_TEST_ENTDB_ADDRESS is set, of a real server too."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc
import pytest
from grpc.aio import AioRpcError

from notify_grpc.stores.entdb.sdk import Stub, pb

WIDGET = 7_901
NAME, SIZE, NOTE = 1, 2, 3


class Client:
    """Speaks to one storage tenant by EntDB's own messages."""

    def __init__(self, channel: grpc.aio.Channel, tenant: str) -> None:
        self.stub = Stub(channel)
        self._context = pb.RequestContext(tenant_id=tenant, actor="system:test")

    async def plan(self, *operations: Any, key: str = "", schema: Any = None, wait: bool = True) -> Any:
        return await self.stub.ExecuteAtomic(
            pb.ExecuteAtomicRequest(
                context=self._context,
                idempotency_key=key or str(uuid.uuid4()),
                operations=operations,
                wait_applied=wait,
                wait_timeout_ms=2_000,
                schema=schema,
            )
        )

    async def query(self, *filters: Any, **more: Any) -> Any:
        request = pb.QueryNodesRequest(context=self._context, type_id=WIDGET, filters=filters, **more)
        return await self.stub.QueryNodes(request)

    async def names(self, *filters: Any, **more: Any) -> list[str]:
        answer = await self.query(*filters, **more)
        return [node.typed_payload[NAME].string_value for node in answer.nodes]

    async def receipt(self, key: str) -> int:
        request = pb.GetReceiptStatusRequest(context=self._context, idempotency_key=key)
        return int((await self.stub.GetReceiptStatus(request)).status)

    async def get(self, *ids: str) -> Any:
        return await self.stub.GetNodes(pb.GetNodesRequest(context=self._context, type_id=WIDGET, node_ids=ids))


@pytest.fixture
async def client(address: str, tenant: str) -> AsyncIterator[Client]:
    async with grpc.aio.insecure_channel(address) as channel:
        client = Client(channel, tenant)
        await client.stub.CreateTenant(pb.CreateTenantRequest(actor="system:test", tenant_id=tenant, name=tenant))
        await client.plan(create("first", 1), schema=schema())
        yield client


def schema(*more: int) -> Any:
    fields = [
        pb.SchemaFieldDef(field_id=NAME, kind="str", unique=True),
        pb.SchemaFieldDef(field_id=SIZE, kind="int", indexed=True),
        *(pb.SchemaFieldDef(field_id=number, kind="str") for number in more),
    ]
    return pb.SchemaDescriptor(node_types=[pb.SchemaNodeTypeDef(type_id=WIDGET, fields=fields)])


def value(plain: str | int | None) -> Any:
    if plain is None:
        return pb.EntValue()
    return pb.EntValue(string_value=plain) if isinstance(plain, str) else pb.EntValue(int_value=plain)


def values(fields: Mapping[int, str | int | None]) -> dict[int, Any]:
    return {number: value(plain) for number, plain in fields.items()}


def create(name: str, size: int | None = None, *, id: str = "") -> Any:
    fields: dict[int, str | int | None] = {NAME: name} if size is None else {NAME: name, SIZE: size}
    return pb.Operation(create_node=pb.CreateNodeOp(type_id=WIDGET, id=id, typed_data=values(fields)))


def update(
    id: str, fields: Mapping[int, str | int | None], *, expect: tuple[int, str | int | None] | None = None
) -> Any:
    change = pb.UpdateNodeOp(type_id=WIDGET, id=id, typed_patch=values(fields))
    if expect:
        change.precondition.CopyFrom(pb.UpdateNodePrecondition(field_id=expect[0], typed_equals=value(expect[1])))
    return pb.Operation(update_node=change)


def where(field: int, operator: int, plain: str | int) -> Any:
    return pb.FieldFilter(field=str(field), op=operator, typed_value=value(plain))


async def test_a_taken_unique_key_refuses_the_whole_plan(client: Client) -> None:
    with pytest.raises(AioRpcError, match=f"type_id={WIDGET} ") as refused:
        await client.plan(create("second"), create("first"))
    assert refused.value.code() is grpc.StatusCode.ALREADY_EXISTS
    assert await client.names() == ["first"]


async def test_a_missed_compare_and_set_refuses_the_whole_plan_and_says_where(client: Client) -> None:
    [first] = (await client.query()).nodes
    answer = await client.plan(create("second"), update(first.node_id, {SIZE: 2}, expect=(SIZE, 9)))
    assert (answer.success, answer.applied_status) == (False, pb.RECEIPT_STATUS_FAILED_PRECONDITION)
    assert (answer.precondition_failure.op_index, answer.precondition_failure.field) == (1, str(SIZE))
    assert await client.names() == ["first"]


async def test_what_came_of_a_plan_is_remembered_under_its_key_whatever_is_sent_again(client: Client) -> None:
    [first] = (await client.query()).nodes
    await client.plan(update(first.node_id, {SIZE: 2}, expect=(SIZE, 9)), key="missed")
    again = await client.plan(update(first.node_id, {SIZE: 2}, expect=(SIZE, 1)), key="missed")
    assert again.applied_status == pb.RECEIPT_STATUS_FAILED_PRECONDITION
    await client.plan(create("once"), key="applied")
    again = await client.plan(create("never"), key="applied")
    assert again.applied_status == pb.RECEIPT_STATUS_APPLIED
    assert await client.names() == ["first", "once"]


async def test_receipts_tell_what_came_of_a_plan_and_pending_of_one_never_seen(client: Client) -> None:
    [first] = (await client.query()).nodes
    await client.plan(create("ok"), key="applied")
    await client.plan(update(first.node_id, {}, expect=(SIZE, 9)), key="missed")
    with pytest.raises(AioRpcError):
        await client.plan(create("first"), key="taken")
    assert [await client.receipt(key) for key in ("applied", "missed", "taken", "unheard")] == [
        pb.RECEIPT_STATUS_APPLIED,
        pb.RECEIPT_STATUS_FAILED_PRECONDITION,
        pb.RECEIPT_STATUS_FAILED,
        pb.RECEIPT_STATUS_PENDING,
    ]


async def test_of_many_racing_for_a_unique_key_or_a_value_one_wins(client: Client) -> None:
    raced = await asyncio.gather(*(client.plan(create("prize")) for _ in range(12)), return_exceptions=True)
    assert sum(isinstance(each, AioRpcError) for each in raced) == 11
    [prize] = (await client.query(where(NAME, pb.EQ, "prize"))).nodes
    await client.plan(update(prize.node_id, {SIZE: 0}))
    swaps = (client.plan(update(prize.node_id, {SIZE: 1}, expect=(SIZE, 0))) for _ in range(12))
    assert sum(answer.success for answer in await asyncio.gather(*swaps)) == 1


async def test_zero_is_not_absence(client: Client) -> None:
    answer = await client.plan(create("absent"))
    missed = await client.plan(update(answer.created_node_ids[0], {SIZE: 1}, expect=(SIZE, 0)))
    assert not missed.success
    assert (await client.plan(update(answer.created_node_ids[0], {SIZE: 1}, expect=(SIZE, None)))).success


async def test_null_takes_a_node_out_of_an_index(client: Client) -> None:
    [first] = (await client.query(where(SIZE, pb.GTE, 0))).nodes
    await client.plan(update(first.node_id, {SIZE: None}))
    assert await client.names(where(SIZE, pb.GTE, 0)) == []


async def test_changing_what_is_not_there_succeeds_unless_it_is_compared(client: Client) -> None:
    missing = str(uuid.uuid4())
    removal = pb.Operation(delete_node=pb.DeleteNodeOp(type_id=WIDGET, id=missing))
    assert (await client.plan(update(missing, {SIZE: 1}), removal)).success
    assert not (await client.plan(update(missing, {SIZE: 1}, expect=(SIZE, 1)))).success
    assert await client.names() == ["first"]


async def test_an_unknown_order_is_silently_that_of_creation(client: Client) -> None:
    fresh = uuid.uuid4()
    sizes = {"c": 3, "a": 5, "b": 2}
    # Of one plan, so of one millisecond: the ids decide.
    await client.plan(*(create(name, sizes[name], id=f"{fresh}-{place}") for place, name in enumerate(sizes)))
    for order_by in (str(SIZE), "size", "created_at", ""):
        assert await client.names(order_by=order_by) == ["first", "c", "a", "b"]


async def test_conditions_are_joined_by_and_and_compare_numbers_and_text(client: Client) -> None:
    await client.plan(*(create(f"n-{size}", size) for size in range(10, 20)))
    assert sorted(await client.names(where(SIZE, pb.GT, 12), where(SIZE, pb.LTE, 14))) == ["n-13", "n-14"]
    assert sorted(await client.names(where(NAME, pb.GTE, "n-17"), where(NAME, pb.LT, "n-19"))) == ["n-17", "n-18"]
    large = 2**62 + 1
    await client.plan(create("large", large))
    assert await client.names(where(SIZE, pb.EQ, large)) == ["large"]


async def test_text_is_ordered_by_code_point_and_kept_whole(client: Client) -> None:
    names = ["Z", "a", "é", "\u2028<&>", "\U0001f600", "�"]
    await client.plan(*map(create, names))
    found = await client.names(where(NAME, pb.GT, "é"), where(NAME, pb.LT, "\U0001f601"))
    assert sorted(found) == ["\u2028<&>", "�", "\U0001f600"]


async def test_unsupported_conditions_are_refused(client: Client) -> None:
    for unsupported in (pb.FieldFilter(field=str(SIZE), op=pb.IN, typed_value=value(1)), where(NOTE, pb.EQ, "x")):
        with pytest.raises(AioRpcError) as refused:
            await client.query(unsupported)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_fields_that_are_not_registered_are_kept(client: Client) -> None:
    [first] = (await client.query()).nodes
    await client.plan(update(first.node_id, {NOTE: "kept", 99: 7}))
    [first] = (await client.get(first.node_id)).nodes
    assert (first.typed_payload[NOTE].string_value, first.typed_payload[99].int_value) == ("kept", 7)


async def test_a_page_has_a_thousand_nodes_at_most_and_a_token_if_it_is_full(client: Client) -> None:
    await client.plan(*(create(f"n-{number}") for number in range(1_200)))
    page = await client.query(page_size=5_000)
    assert len(page.nodes) == 1_000
    rest = await client.query(page_size=5_000, page_token=page.next_page_token)
    assert (len(rest.nodes), rest.next_page_token) == (201, "")
    ids = [node.node_id for node in page.nodes] + [node.node_id for node in rest.nodes]
    assert len(set(ids)) == 1_201
    with pytest.raises(AioRpcError) as refused:
        await client.get(*ids)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_page_begins_behind_the_last_node_of_the_one_before_though_that_is_gone(client: Client) -> None:
    await client.plan(*(create(name) for name in "abcd"))
    page = await client.query(page_size=3)
    await client.plan(
        *(pb.Operation(delete_node=pb.DeleteNodeOp(type_id=WIDGET, id=node.node_id)) for node in page.nodes)
    )
    rest = await client.names(page_size=3, page_token=page.next_page_token)
    assert (len(rest), rest) == (2, await client.names())


async def test_the_same_schema_again_is_nothing_and_another_one_is_refused(client: Client) -> None:
    assert (await client.plan(create("same"), schema=schema())).success
    refused = await client.plan(create("other"), schema=schema(NOTE))
    assert refused.applied_status == pb.RECEIPT_STATUS_FAILED_PRECONDITION
    assert refused.precondition_failure.field.startswith("schema")
    assert await client.names() == ["first", "same"]
