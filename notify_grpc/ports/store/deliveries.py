"""Deliveries: claimed, sent, finished, looked at."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from notify_grpc.domain.deliveries import Attempt, Delivery, DeliveryState, ErrorClass, Job, Lease, Outcome
from notify_grpc.domain.models import Channel


class DeliveryFilter(NamedTuple):
    """Which deliveries to list; empty collections and 0 mean "all"."""

    tenant_id: str = ""
    states: frozenset[DeliveryState] = frozenset()
    channels: frozenset[Channel] = frozenset()
    created_before_ms: int = 0


class Report(NamedTuple):
    """What a provider says later about a message it accepted: ACKED or FAILED."""

    state: DeliveryState
    provider: str
    provider_message_id: str = ""
    delivery_id: str = ""
    """Our own id where the provider echoes it; else it is found by (provider, provider_message_id)."""
    error_class: ErrorClass | None = None
    error_code: str = ""
    error: str = ""


class DueStats(NamedTuple):
    """The dispatcher's backlog: due rows not held (counted up to a bound of 10,000), and how long the oldest waits."""

    due: int
    oldest_age_s: float


class DeliveryStore(Protocol):
    """The durable queue of deliveries. Moves follow domain.deliveries.TRANSITIONS and nothing else."""

    async def claim(
        self,
        owner: str,
        *,
        limit: int,
        lease_s: float,
        channels: Collection[Channel],
        per_tenant: int,
    ) -> list[Job]:
        """Lease due PENDING and RETRY rows: state LEASED, fence + 1, attempts + 1, lease_until = now + lease_s.

        Rows locked by another claimer are skipped, expired ones left to `sweep_deliveries`. Fair: no tenant gets more
        than `per_tenant` of one claim, oldest due first within a tenant, and a tenant's backlog of any size neither
        delays another's row nor makes the claim dearer.
        """
        ...

    async def start_sending(self, leases: Sequence[Lease]) -> set[str]:
        """LEASED → SENDING for leases still held and not run out; the ids of those."""
        ...

    async def finish(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Take each outcome's state if its fence is still the row's and the row is held; append the attempt to the
        audit.

        LEASED is accepted as well as SENDING for RETRY, FAILED and EXPIRED (nothing was sent). Otherwise nothing
        changes, the attempt is appended with stale=True (if the row still exists), and the answer is False.
        """
        ...

    async def renew(self, leases: Sequence[Lease], lease_s: float) -> set[str]:
        """Lengthen leases still held, from now; the ids of those."""
        ...

    async def release(self, leases: Sequence[Lease], due_in_s: float = 0.0) -> int:
        """LEASED rows still held go back to PENDING, due in `due_in_s` by the store's clock, the claim uncounted; how
        many.

        With a delay it defers rows whose provider takes nothing right now: no attempt, no line in the audit.
        """
        ...

    async def sweep_deliveries(self, limit: int) -> list[Delivery]:
        """What time did to at most `limit` rows, each returned in its new state; one instance at a time is enough.

        Lease run out in LEASED → RETRY due now; in SENDING → RETRY due now, or PARKED on domain PARKING_CHANNELS,
        both with UNKNOWN_OUTCOME and an attempt in the audit; waiting and past expires_at_ms → EXPIRED; waiting or
        its lease run out after backoff.MAX_CLAIMS claims → FAILED with error_code "too_many_claims".
        """
        ...

    async def get_delivery(self, id: str) -> tuple[Delivery, list[Attempt]]:
        """A delivery with its audit, oldest first. Raises NotFound."""
        ...

    async def list_deliveries(self, where: DeliveryFilter, *, after: str = "", limit: int) -> list[Delivery]:
        """Matching deliveries by id (so by age) > `after`."""
        ...

    async def list_deliveries_of(
        self, notification_refs: Collection[str]
    ) -> Mapping[str, Sequence[tuple[Delivery, list[Attempt]]]]:
        """Deliveries with their audits by Notification.id, each in order of creation; ids without any are missing."""
        ...

    async def retry_delivery(self, id: str) -> Delivery:
        """FAILED, PARKED, EXPIRED or CANCELLED → PENDING, due now; failures, attempts and a past expiry become 0.

        Raises NotFound, or FailedPrecondition in another state.
        """
        ...

    async def report_delivery(self, report: Report) -> Delivery | None:
        """Apply a provider's report where TRANSITIONS allow it; the changed delivery, None if nothing changed."""
        ...

    async def due_stats(self) -> DueStats:
        """For metrics; an index search, never a scan."""
        ...
