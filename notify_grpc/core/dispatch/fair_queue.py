"""A queue in which tenants take turns."""

from __future__ import annotations

from collections import OrderedDict, deque

from notify_grpc.core.dispatch.held import Held


class FairQueue:
    """First in, first out within a tenant; one of each tenant in turn."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[Held]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def of(self, tenant_id: str) -> int:
        """How many wait of one tenant."""
        return len(self._lines.get(tenant_id, ()))

    def put(self, held: Held) -> None:
        """Add to the end of its tenant's line."""
        self._lines.setdefault(held.delivery.tenant_id, deque()).append(held)
        self._size += 1

    def pop(self) -> Held:
        """The first of the tenant whose turn it is. Raises StopIteration when empty."""
        tenant_id, line = next(iter(self._lines.items()))
        held = line.popleft()
        self._size -= 1
        if line:
            self._lines.move_to_end(tenant_id)
        else:
            del self._lines[tenant_id]
        return held
