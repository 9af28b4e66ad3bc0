"""Who waits, and who is next."""

from __future__ import annotations

from itertools import count

import pytest

from notify_grpc.core.dispatch.fair_queue import FairQueue
from notify_grpc.core.dispatch.held import Held
from notify_grpc.core.dispatch.routes import Route
from notify_grpc.domain.deliveries import Delivery, DeliveryState, Job
from notify_grpc.domain.models import Channel, Content

_IDS = count()


def held(tenant: str, *, claimed: bool = False) -> Held:
    delivery = Delivery(
        f"d-{next(_IDS)}", tenant, "u", "r", "n", Channel.SMS, "+1", DeliveryState.LEASED, 1, 1, fence=1
    )
    return Held(Job(delivery, Content()), since=0.0, lease_s=60.0, now_ms=0, claimed=claimed)


def test_tenants_take_turns_and_keep_their_order() -> None:
    queue = FairQueue()
    jobs = {name: [held(name) for _ in range(size)] for name, size in (("a", 4), ("b", 1), ("c", 2))}
    for line in jobs.values():
        for one in line:
            queue.put(one)
    assert (len(queue), queue.of("a"), queue.of("nobody")) == (7, 4, 0)
    order = [queue.pop() for _ in range(7)]
    assert "".join(one.delivery.tenant_id for one in order) == "abcacaa"
    assert [one for one in order if one.delivery.tenant_id == "a"] == jobs["a"]
    assert not queue


def test_a_new_tenant_is_next_after_one_round() -> None:
    queue = FairQueue()
    for _ in range(1_000):
        queue.put(held("big"))
    queue.pop()
    queue.put(held("small"))
    assert [queue.pop().delivery.tenant_id for _ in range(2)] == ["big", "small"]


def test_an_empty_queue_has_nothing_to_pop() -> None:
    with pytest.raises(StopIteration):
        FairQueue().pop()


def test_a_route_is_full_at_its_limit_and_for_a_tenant_at_half_of_it() -> None:
    route = Route((), limit=4)
    assert [route.put(held("a")) for _ in range(3)] == [True, True, False]
    assert [route.put(held("b")) for _ in range(3)] == [True, True, False]
    assert not route.put(held("c"))
    assert len(route) == 4


def test_urgent_jobs_have_room_of_their_own() -> None:
    route = Route((), limit=2)
    assert route.put(held("a"))
    assert not route.put(held("a"))
    assert route.put(held("a"), urgent=True)


def test_what_was_claimed_always_fits() -> None:
    route = Route((), limit=2)
    assert all(route.put(held("a", claimed=True)) for _ in range(10))


def test_urgent_jobs_go_first_but_not_for_ever() -> None:
    route = Route((), limit=100)
    for _ in range(10):
        route.put(held("queued"))
        route.put(held("urgent"), urgent=True)
    order = [one.delivery.tenant_id for one in route.pop_all()]
    assert order[:10] == ["urgent"] * 4 + ["queued"] + ["urgent"] * 4 + ["queued"]
    assert sorted(order) == ["queued"] * 10 + ["urgent"] * 10
