"""The durable store, split by who uses it. `Store` is all of it; a driver implements `Store`.

For every method:
- Each call is one transaction, or several where it says "in batches"; a cancelled call is wholly done or not at all.
- Everything is scoped by `UserKey`; another user's row is NotFound or missing, exactly as if it did not exist.
- Raises Unavailable when the database is down, full or too slow (waits are bounded), and ResourceExhausted when as
  many calls wait for it as may, or one is larger than it takes: nothing was done. Raises OutcomeUnknown when a commit's
  answer was lost. Nothing of the database's own text is in the message.
- Strings come back byte-exact; NUL is refused before the store. Times are epoch milliseconds. `at_ms` arguments are
  the caller's clock; due times, leases and expiry follow the store's own clock, so that instances need not agree.
- Reads see every write that was answered before (read-your-writes), also from another instance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from notify_grpc.domain.errors import ResourceExhausted, Unavailable
from notify_grpc.ports.store.deliveries import DeliveryFilter, DeliveryStore, DueStats, Report
from notify_grpc.ports.store.devices import DeviceStore
from notify_grpc.ports.store.inboxes import Changes, Created, InboxStore, Marked, Notice, Page, Recipient
from notify_grpc.ports.store.recovery import Recovery
from notify_grpc.ports.store.retention import Erased, Retention

__all__ = [
    "AWAY",
    "Capabilities",
    "Changes",
    "Created",
    "DeliveryFilter",
    "DeliveryStore",
    "DeviceStore",
    "DueStats",
    "Erased",
    "InboxStore",
    "Marked",
    "Notice",
    "Page",
    "Recipient",
    "Recovery",
    "Report",
    "Retention",
    "Store",
]

AWAY = (Unavailable, ResourceExhausted)
"""What any call may raise that is no fault of its own: the same call works later."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a driver can and cannot do; the conformance suite asserts what is declared."""

    name: str
    durable: bool
    many_processes: bool
    """Several instances may share it."""


class Store(InboxStore, DeviceStore, DeliveryStore, Retention, Recovery, Protocol):
    """All of it, with a life cycle: open once, close once; close is idempotent and safe before open."""

    @property
    def capabilities(self) -> Capabilities:
        """What this driver can do."""
        ...

    async def open(self) -> None:
        """Connect and, where configured, migrate. Raises Unavailable, or FailedPrecondition that says what to run."""
        ...

    async def close(self) -> None:
        """Finish what runs, release everything."""
        ...

    async def ping(self) -> None:
        """Answer soon (≤ 2 s) whether reads and writes can work. Raises as every method does."""
        ...
