"""What workers of the suite do with deliveries."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from notify_grpc.domain.deliveries import Delivery, DeliveryState, Job, Outcome
from notify_grpc.domain.models import EXTERNAL_CHANNELS, Channel
from notify_grpc.ports.store import DeliveryStore


async def claim(
    store: DeliveryStore,
    owner: str = "w-1",
    *,
    limit: int = 100,
    lease_s: float = 60.0,
    channels: Collection[Channel] = EXTERNAL_CHANNELS,
    per_tenant: int = 100,
) -> list[Job]:
    return await store.claim(owner, limit=limit, lease_s=lease_s, channels=channels, per_tenant=per_tenant)


async def claim_to_send(store: DeliveryStore, owner: str = "w-1", *, lease_s: float = 60.0) -> list[Job]:
    """Claim what is due and say that it is being sent."""
    jobs = await claim(store, owner, lease_s=lease_s)
    started = await store.start_sending([job.lease for job in jobs])
    assert started == {job.delivery.id for job in jobs}
    return jobs


async def finish(store: DeliveryStore, job: Job, state: DeliveryState, *, due_in_s: float = 0.0) -> bool:
    """Report an outcome under the job's lease; whether it was taken."""
    outcome = Outcome(job.lease, state, job.delivery.lease_owner, provider="fake", due_in_s=due_in_s)
    [taken] = await store.finish([outcome])
    return taken


async def deliver(store: DeliveryStore, message_id: str) -> Delivery:
    """Send the one delivery that is due; the provider calls it `message_id`."""
    [job] = await claim_to_send(store)
    outcome = Outcome(job.lease, DeliveryState.DELIVERED, "w-1", provider="fake", provider_message_id=message_id)
    assert await store.finish([outcome]) == [True]
    return await now(store, job.delivery.id)


async def now(store: DeliveryStore, id: str) -> Delivery:
    """The delivery as it stands."""
    return (await store.get_delivery(id))[0]


def ids(jobs: Iterable[Job]) -> list[str]:
    return [job.delivery.id for job in jobs]
