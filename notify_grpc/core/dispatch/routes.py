"""Which providers a delivery may go to, and who waits for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from notify_grpc.core.dispatch.fair_queue import FairQueue
from notify_grpc.core.dispatch.held import Held
from notify_grpc.core.dispatch.lane import Lane
from notify_grpc.domain.deliveries import Target
from notify_grpc.domain.models import Channel

_URGENT_IN_A_ROW = 4


class Route:
    """The lanes that take the same targets, in order of preference, and the jobs waiting for them.

    Inline callers wait for theirs, so those go first; after four of them one of the others does.
    """

    def __init__(self, lanes: tuple[Lane, ...], limit: int) -> None:
        self.lanes = lanes
        self._limit = limit
        self._urgent = FairQueue()
        self._others = FairQueue()
        self._in_a_row = 0

    def __len__(self) -> int:
        return len(self._urgent) + len(self._others)

    def put(self, held: Held, *, urgent: bool = False) -> bool:
        """Queue a job; False if there is no room. One tenant gets half of it; what was claimed always fits."""
        queue = self._urgent if urgent else self._others
        if not held.claimed and (
            len(queue) >= self._limit or queue.of(held.delivery.tenant_id) >= max(1, self._limit // 2)
        ):
            return False
        queue.put(held)
        return True

    def pop(self) -> Held:
        """The next job. Raises StopIteration when none waits."""
        if self._urgent and (self._in_a_row < _URGENT_IN_A_ROW or not self._others):
            self._in_a_row += 1
            return self._urgent.pop()
        self._in_a_row = 0
        return self._others.pop()

    def pop_all(self) -> list[Held]:
        return [self.pop() for _ in range(len(self))]

    def lane(self) -> Lane | None:
        """The first lane that is not blocked, with room or without; None if all are blocked.

        One that is being probed is passed over where another is not: a probe may take as long as its timeout.
        """
        free = [lane for lane in self.lanes if not lane.breaker.blocked_s()]
        return next((lane for lane in free if not lane.probed), free[0] if free else None)

    def blocked_s(self) -> float:
        """Seconds until the first of the lanes may be tried again."""
        return min(lane.breaker.blocked_s() for lane in self.lanes)

    def next_lane(self, lane: Lane) -> Lane | None:
        """Where to go on at once when ``lane`` failed: the next one that has room."""
        rest = self.lanes[self.lanes.index(lane) + 1 :]
        return next((other for other in rest if other.has_room()), None)


class Routes:
    """All lanes, by channel and by what they accept."""

    def __init__(self, lanes: Sequence[Lane], limit: int) -> None:
        self.lanes = tuple(lanes)
        self._limit = limit
        self._by_channel: dict[Channel, list[Lane]] = {}
        for lane in lanes:
            self._by_channel.setdefault(lane.provider.channel, []).append(lane)
        self._routes: dict[tuple[Lane, ...], Route] = {}

    @property
    def channels(self) -> frozenset[Channel]:
        """Channels with a provider."""
        return frozenset(self._by_channel)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes.values())

    def find(self, channel: Channel, address: str) -> Route | None:
        """The route of a target, None if no provider takes it."""
        lanes = tuple(lane for lane in self._by_channel.get(channel, ()) if lane.provider.accepts(address))
        if not lanes:
            return None
        if lanes not in self._routes:
            self._routes[lanes] = Route(lanes, self._limit)
        return self._routes[lanes]

    def capacity(self, channel: Channel) -> int:
        """Sends the channel's lanes may run at once now."""
        return sum(lane.capacity() for lane in self._by_channel[channel])

    def validate(self, target: Target) -> str | None:
        """What is wrong with an address, None if nothing."""
        lanes = self._by_channel.get(target.channel, [])
        takers = [lane for lane in lanes if lane.provider.accepts(target.address)]
        for lane in takers or lanes:
            if wrong := lane.provider.validate(target.address):
                return wrong
        return None if takers else f"is not an address that a provider of {target.channel} takes"
